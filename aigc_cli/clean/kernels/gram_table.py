"""The table of runs of n words: listing the runs of texts, keeping each once, and the filter in front of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.grams import (
    I64,
    SHIFT,
    power_of,
    prefixes,
    room_for,
    run_hash,
    same_words,
    text_of,
    two_bits,
)
from aigc_cli.clean.kernels.shingles import folded_table
from aigc_cli.clean.kernels.text import buffers, class_table
from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_I64, OUT_U64, U64, kernel

ROWS = 1 << 14  # of a table that are gone through at a time


@kernel(BYTES, OFFSETS, BYTES, BYTES, I64, OUT_U64, OUT_I64, OUT_I64, returns=INT64)
def _list(data, offsets, table, folded, lengths, keys, places, counts):  # type: ignore[no-untyped-def]
    """All runs of lengths[t] words of each text t (0: none); counts[t]: its words. Gives the number of runs."""
    room = room_for(offsets)
    hashes, ends = np.empty(room, np.uint64), np.empty(room, np.int64)
    written = 0
    for row in range(len(offsets) - 1):
        counts[row] = prefixes(data, offsets[row], offsets[row + 1], table, folded, hashes, ends)
        length = lengths[row]
        if length == 0:
            continue
        power = power_of(length)
        for first in range(counts[row] - length + 1):
            keys[written], places[written] = run_hash(hashes, first, length, power), ends[first]
            written += 1
    return written


@kernel(BYTES, OFFSETS, BYTES, I64, OUT_U64, OUT_I64, returns=INT64)
def _distinct(data, offsets, table, lengths, keys, places):  # type: ignore[no-untyped-def]
    """Of sorted runs with equal words keep the first, in place; gives their number. Other words of that hash stay."""
    written, begin = 0, 0
    for i in range(len(keys)):
        if written == 0 or keys[written - 1] != keys[i]:
            begin = written  # of the runs with this hash
        text = text_of(offsets, places[i])
        seen = False
        for k in range(begin, written):
            other = text_of(offsets, places[k])
            if lengths[other] == lengths[text] and same_words(
                data, places[i], offsets[text + 1], data, places[k], offsets[other + 1], lengths[text], table
            ):
                seen = True
                break
        if not seen:
            keys[written], places[written] = keys[i], places[i]
            written += 1
    return written


@kernel(U64, OUT_U64)
def _fill(keys, bits):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(bits) * 64 - 1)
    for key in keys:
        bits[(key & mask) >> SHIFT] |= two_bits(key)


def count_words(column: pa.Array) -> np.ndarray:
    """Words of each text, int64."""
    return _listed(column, np.zeros(len(column), dtype=np.int64))[2]


def listed(column: pa.Array, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(hashes uint64, places int64) of all runs of lengths[t] words of each text t; no run where that is 0.

    A place is the byte, counted from the column's first, from which on the run's first word is the next one.
    """
    keys, places, _ = _listed(column, lengths)
    return keys, places


def _listed(column: pa.Array, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data, offsets = buffers(column)
    room = int(offsets[-1] - offsets[0]) // 2 + len(column) + 1 if lengths.any() else 0
    keys, places = np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.int64)
    counts = np.zeros(len(column), dtype=np.int64)
    written = _list(data, offsets, class_table(), folded_table(), lengths, keys, places, counts)
    return keys[:written], places[:written] - offsets[0], counts


def distinct(data: np.ndarray, offsets: np.ndarray, lengths: np.ndarray, keys: np.ndarray, places: np.ndarray) -> int:
    """The number of runs with different words, brought to the front of the sorted arrays; the first place of each."""
    return int(_distinct(data, offsets, class_table(), lengths, keys, places))


def filter_bits(column: pa.Array, length: int, runs: int) -> np.ndarray:
    """Two bits for each run of `length` words in the texts, with 16 to 32 places for each of `runs`: uint64."""
    bits = np.zeros(1 << max(0, (runs * 16).bit_length() - 6), dtype=np.uint64)
    for start in range(0, len(column), ROWS):
        part = column.slice(start, ROWS)
        _fill(listed(part, np.full(len(part), length, dtype=np.int64))[0], bits)
    return bits
