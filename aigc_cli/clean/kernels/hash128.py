"""128-bit hashes of runs of bytes, in compiled code: for millions of passages, equal hashes mean equal bytes.

Source: MurmurHash3_x64_128 with seed 0 (Appleby 2011, placed in the public domain): its constants and its order of
steps. By the birthday bound, 10^12 different passages collide with a probability below 2 * 10^-15.
"""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_U64_2D, inlined, inner, kernel

_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_ADD_1, _ADD_2 = np.uint64(0x52DCE729), np.uint64(0x38495AB5)
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_FIVE, _WHOLE = np.uint64(5), np.uint64(64)


@inlined
def _turned(value, bits):  # type: ignore[no-untyped-def]
    return (value << np.uint64(bits)) | (value >> (_WHOLE - np.uint64(bits)))


@inlined
def _word(data, i, end):  # type: ignore[no-untyped-def]
    """Up to eight bytes from i on, the first the lowest; zeros stand for what lies behind `end`."""
    value = np.uint64(0)
    for k in range(min(8, end - i)):
        value |= np.uint64(data[i + k]) << np.uint64(8 * k)
    return value


@inlined
def _finished(value):  # type: ignore[no-untyped-def]
    value = (value ^ (value >> np.uint64(33))) * _MIX_1
    value = (value ^ (value >> np.uint64(33))) * _MIX_2
    return value ^ (value >> np.uint64(33))


@inner
def _one(data, start, end):  # type: ignore[no-untyped-def]
    high, low, i = np.uint64(0), np.uint64(0), start
    while i + 16 <= end:
        high ^= _turned(_word(data, i, i + 8) * _C1, 31) * _C2
        high = (_turned(high, 27) + low) * _FIVE + _ADD_1
        low ^= _turned(_word(data, i + 8, i + 16) * _C2, 33) * _C1
        low = (_turned(low, 31) + high) * _FIVE + _ADD_2
        i += 16
    low ^= _turned(_word(data, i + 8, end) * _C2, 33) * _C1
    high ^= _turned(_word(data, i, end) * _C1, 31) * _C2
    high ^= np.uint64(end - start)
    low ^= np.uint64(end - start)
    high += low
    low += high
    high, low = _finished(high), _finished(low)
    high += low
    low += high
    return high, low


@kernel(BYTES, OFFSETS, OFFSETS, INT64, OUT_U64_2D)
def _hashes(data, firsts, ends, unit, out):  # type: ignore[no-untyped-def]
    for i in range(len(firsts)):
        out[i, 0], out[i, 1] = _one(data, firsts[i] * unit, ends[i] * unit)


def hashes(data: np.ndarray, firsts: np.ndarray, ends: np.ndarray, unit: int = 1) -> np.ndarray:
    """The hash of the bytes firsts[i] * unit to ends[i] * unit of `data`, uint64 [runs, 2]."""
    out = np.empty((len(firsts), 2), dtype=np.uint64)
    _hashes(data, firsts, ends, unit, out)
    return out
