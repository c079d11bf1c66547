"""Arrow columns of text as the arrays that kernels read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def buffers(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(UTF-8 bytes, int64 offsets [rows + 1]) of a large_string column, without copying; nulls are empty.

    The offsets begin where the array's slice begins, so data[offsets[i]:offsets[i + 1]] is row i.
    """
    column = column if pa.types.is_large_string(column.type) else column.cast(pa.large_string())
    _, offsets_buffer, data_buffer = column.buffers()
    if offsets_buffer is None or len(column) == 0:
        return np.zeros(0, dtype=np.uint8), np.zeros(len(column) + 1, dtype=np.int64)
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    if not offsets.flags.aligned:
        offsets = offsets.copy()
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer else np.zeros(0, dtype=np.uint8)
    return data, offsets
