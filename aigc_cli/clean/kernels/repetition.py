"""Repeated n-grams of the tokens of each document.

A run of n tokens that occurs once cannot be part of a longer run that occurs twice. So each length looks only at the
places where both shorter runs were repeated, which after three or four words are few.
"""

from __future__ import annotations

import numba
import numpy as np

from aigc_cli.clean.kernels.tokens import Tokens
from aigc_cli.clean.kernels.words import mix
from aigc_cli.core.jit import INT64, OFFSETS, OUT_I64_2D, U64, inner, kernel

FIELDS = (*(f"top_{n}gram_chars" for n in range(2, 5)), *(f"dup_{n}gram_chars" for n in range(5, 11)))
MAX_TOKENS = 1 << 20  # of a document: the rest is not looked at, which bounds the tables' memory
HAN_SCALE = 2  # characters that stand for one English word in the n-grams of a text written without spaces
_STEP = np.uint64(0x9E3779B97F4A7C15)
_I32 = numba.types.Array(numba.int32, 1, "C", readonly=True)


@inner
def _table_size(entries):  # type: ignore[no-untyped-def]
    """Slots of a table that is at most half full."""
    size = 16
    while size < 2 * entries:
        size *= 2
    return size


@inner
def _number(values, places, left, keys, stamps, numbers, stamp, mask, counts):  # type: ignore[no-untyped-def]
    """Put a small number in the place of each of values[places[:left]], the same for equal ones; count them."""
    kinds = np.int32(0)
    for k in range(left):
        value = values[k]
        slot = mix(value * _STEP) & mask
        while stamps[slot] == stamp and keys[slot] != value:
            slot = (slot + np.uint64(1)) & mask
        if stamps[slot] != stamp:
            stamps[slot], keys[slot], numbers[slot], counts[kinds] = stamp, value, kinds, 0
            kinds += np.int32(1)
        places[k] = numbers[slot]
        counts[numbers[slot]] += 1
    return kinds


@inner
def _keep_repeated(at, number, counts, left):  # type: ignore[no-untyped-def]
    """Keep of the places at[:left] and their numbers those whose run occurs again; gives how many."""
    kept = 0
    for k in range(left):
        if counts[number[k]] > 1:
            at[kept], number[kept] = at[k], number[k]
            kept += 1
    return kept


@inner
def _top(at, number, counts, left):  # type: ignore[no-untyped-def]
    """(occurrences, place) of the commonest run, the first of equals."""
    best, place = 1, 0
    for k in range(left):
        if counts[number[k]] > best:
            best, place = counts[number[k]], at[k]
    return best, place


@inner
def _repeated(at, number, seen, left, length, sums):  # type: ignore[no-untyped-def]
    """Characters in runs that occurred before, none twice: behind a repeated one the search goes on."""
    total, free = 0, 0
    for k in range(left):
        seen[number[k]] = False
    for k in range(left):
        place = at[k]
        if place < free:
            continue
        if seen[number[k]]:
            total += sums[place + length] - sums[place]
            free = place + length
        else:
            seen[number[k]] = True
    return total


@kernel(U64, _I32, OFFSETS, OFFSETS, INT64, OUT_I64_2D)
def _repetition(hashes, sizes, starts, scales, longest, out):  # type: ignore[no-untyped-def]
    values, at, number = np.empty(longest, np.uint64), np.empty(longest, np.int64), np.empty(longest, np.int32)
    sums, counts, seen = np.zeros(longest + 1, np.int64), np.empty(longest, np.int32), np.empty(longest, np.bool_)
    room = _table_size(longest)
    keys, stamps, numbers = np.empty(room, np.uint64), np.zeros(room, np.int32), np.empty(room, np.int32)
    stamp = 0
    for document in range(len(starts) - 1):
        start = starts[document]
        left = min(starts[document + 1] - start, longest)
        scale, row = scales[document], out[document]
        spaces = 1 if scale == 1 else 0
        for k in range(left):
            values[k], at[k] = hashes[start + k], k
            sums[k + 1] = sums[k] + sizes[start + k]
        length = 1
        while left > 0 and length <= 10 * scale:
            if length > 1:
                kept = 0
                for k in range(left - 1):
                    if at[k + 1] == at[k] + 1:
                        values[kept] = np.uint64(number[k]) << np.uint64(32) | np.uint64(number[k + 1])
                        at[kept] = at[k]
                        kept += 1
                left = kept
            stamp += 1
            mask = np.uint64(_table_size(left) - 1)
            _number(values, number, left, keys, stamps, numbers, stamp, mask, counts)
            left = _keep_repeated(at, number, counts, left)
            n = length // scale
            if length % scale == 0 and n > 1:
                if n > 4:
                    row[n - 2] = _repeated(at, number, seen, left, length, sums)
                elif left:
                    best, place = _top(at, number, counts, left)
                    row[n - 2] = best * (sums[place + length] - sums[place] + (length - 1) * spaces)
            length += 1


def repetition(tokens: Tokens, by_character: np.ndarray) -> dict[str, np.ndarray]:
    """Counts of each document by the names in FIELDS, int64 [documents]; 0 where no run is repeated.

    `by_character` says which documents are counted in pairs of characters. Of a document the first MAX_TOKENS count.
    """
    out = np.zeros((len(tokens.starts) - 1, len(FIELDS)), dtype=np.int64)
    scales = np.where(by_character, HAN_SCALE, 1).astype(np.int64)
    longest = int(min(np.diff(tokens.starts).max(initial=0), MAX_TOKENS))
    _repetition(tokens.hashes, tokens.sizes, tokens.starts, scales, longest, out)
    return {name: out[:, i] for i, name in enumerate(FIELDS)}
