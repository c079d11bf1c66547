"""Sorting that needs no memory of its own, so that arrays in files can be sorted that are larger than memory."""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import OUT_I64, OUT_U64, inner, kernel

_FEW = 32  # entries that are sorted by insertion
_DIGITS = 16  # bytes by which entries are told apart: eight of the key, then eight of the row


@inner
def _digit(keys, rows, i, level):  # type: ignore[no-untyped-def]
    value = keys[i] if level < 8 else np.uint64(rows[i])
    return np.int64((value >> np.uint64(56 - 8 * (level & 7))) & np.uint64(0xFF))


@inner
def _swap(keys, rows, i, j):  # type: ignore[no-untyped-def]
    keys[i], keys[j] = keys[j], keys[i]
    rows[i], rows[j] = rows[j], rows[i]


@inner
def _insertion(keys, rows, low, high):  # type: ignore[no-untyped-def]
    for i in range(low + 1, high):
        key, row, j = keys[i], rows[i], i
        while j > low and (keys[j - 1] > key or (keys[j - 1] == key and rows[j - 1] > row)):
            keys[j], rows[j] = keys[j - 1], rows[j - 1]
            j -= 1
        keys[j], rows[j] = key, row


@inner
def _permute(keys, rows, low, high, level, ends):  # type: ignore[no-untyped-def]
    """Bring entries with equal digits together in [low, high); ends[d] becomes the end of digit d's."""
    places = np.zeros(256, np.int64)
    for i in range(low, high):
        places[_digit(keys, rows, i, level)] += 1
    start = low
    for digit in range(256):
        start += places[digit]
        ends[digit] = start
        places[digit] = start - places[digit]
    for digit in range(256):
        while places[digit] < ends[digit]:
            i = places[digit]
            found = _digit(keys, rows, i, level)
            if found == digit:
                places[digit] += 1
            else:
                _swap(keys, rows, i, places[found])
                places[found] += 1


@kernel(OUT_U64, OUT_I64)
def _sort(keys, rows):  # type: ignore[no-untyped-def]
    ends = np.zeros(256, np.int64)
    room = 256 * _DIGITS + 1
    lows, highs, levels = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    lows[0], highs[0], levels[0], left = 0, len(keys), 0, 1
    while left:
        left -= 1
        low, high, level = lows[left], highs[left], levels[left]
        if high - low <= _FEW:
            _insertion(keys, rows, low, high)
        elif level < _DIGITS:
            _permute(keys, rows, low, high, level, ends)
            for digit in range(256):
                if ends[digit] - low > 1:
                    lows[left], highs[left], levels[left] = low, ends[digit], level + 1
                    left += 1
                low = ends[digit]


def sort_pairs(keys: np.ndarray, rows: np.ndarray) -> None:
    """Sort the pairs (keys[i] uint64, rows[i] int64 >= 0) in place, by key and then by row.

    Source: American flag sort (McIlroy, Bostic and McIlroy 1993).
    """
    assert len(keys) == len(rows)
    _sort(keys, rows)


@inner
def first_not_below(ordered, value):  # type: ignore[no-untyped-def]
    """The first place in the sorted array whose value is not below `value`; its length where there is none."""
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) >> 1
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low
