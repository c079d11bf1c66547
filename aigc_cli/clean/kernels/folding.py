"""Texts without what does not count when they are compared whole: ASCII case, and how much white space stands where."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.text import buffers
from aigc_cli.core.jit import BYTES, OFFSETS, OUT_BYTES, OUT_I64, kernel

_SPACE = np.uint8(0x20)


@kernel(BYTES, OFFSETS, OFFSETS, BYTES, OUT_BYTES, OUT_I64)
def _fold(data, firsts, ends, table, out, starts):  # type: ignore[no-untyped-def]
    written = 0
    for span in range(len(firsts)):
        starts[span] = written
        before = _SPACE
        for i in range(firsts[span], ends[span]):
            byte = table[data[i]]
            out[written] = byte  # overwritten by the next one if it does not count
            written += byte != _SPACE or before != _SPACE
            before = byte
        if written > starts[span] and out[written - 1] == _SPACE:
            written -= 1
    starts[len(firsts)] = written


@functools.cache
def _table() -> np.ndarray:
    table = np.frombuffer(bytes(range(256)).lower(), dtype=np.uint8).copy()
    table[list(b" \t\n\r\v\f")] = _SPACE
    table.flags.writeable = False
    return table


def folded(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(bytes, starts int64 [documents + 1]): each text as b" ".join(text.lower().split()) gives it, end to end."""
    data, offsets = buffers(column)
    return folded_spans(data, offsets[:-1], offsets[1:])


def folded_spans(data: np.ndarray, firsts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of data[firsts[i]:ends[i]], int64 [spans]."""
    out = np.empty(int((ends - firsts).sum()) + 1, dtype=np.uint8)  # one more: a last space is taken back
    starts = np.zeros(len(firsts) + 1, dtype=np.int64)
    _fold(data, firsts, ends, _table(), out, starts)
    return out, starts
