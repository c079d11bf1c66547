"""Characters of UTF-8 bytes."""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import inlined

SCRATCH = 1 << 10  # symbols of a word that need no memory of their own


@inlined
def decode(data, i, end):  # type: ignore[no-untyped-def]
    """(code point, position after it) of valid UTF-8; never reads at `end` or behind."""
    first = np.int64(data[i])
    if first < 0x80:
        return first, i + 1
    if first < 0xE0 and i + 1 < end:
        return (first & 0x1F) << 6 | np.int64(data[i + 1]) & 0x3F, i + 2
    if 0xE0 <= first < 0xF0 and i + 2 < end:
        return (first & 0x0F) << 12 | (np.int64(data[i + 1]) & 0x3F) << 6 | np.int64(data[i + 2]) & 0x3F, i + 3
    if first >= 0xF0 and i + 3 < end:
        high = (first & 0x07) << 18 | (np.int64(data[i + 1]) & 0x3F) << 12
        return high | (np.int64(data[i + 2]) & 0x3F) << 6 | np.int64(data[i + 3]) & 0x3F, i + 4
    return first, i + 1
