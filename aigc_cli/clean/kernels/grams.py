"""Runs of n words of given texts, found in other texts: a table of hashes proposes, comparing the words decides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.shingles import BASE, STEP, folded_table, next_hash
from aigc_cli.clean.kernels.sorting import first_not_below
from aigc_cli.clean.kernels.text import buffers, class_table
from aigc_cli.clean.kernels.words import fold, mix, next_word
from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_I64, OUT_I64_2D, U32, U64, inlined, inner, kernel

I64 = OFFSETS
SHIFT, _LOW = np.uint64(6), np.uint64(63)


class Grams(NamedTuple):
    """The table: `hashes` sorted, `places` where in `data` to look for the run's first word, a filter of bits.

    The filter knows every run of the shortest length: of a text that shares nothing with the table, each word is
    looked up once, however many lengths there are.
    """

    data: np.ndarray  # uint8: all texts of the table
    offsets: np.ndarray  # int64 [texts + 1]
    lengths: np.ndarray  # int64: the lengths of runs that occur, in words, sorted
    hashes: np.ndarray  # uint64
    places: np.ndarray  # uint32
    bits: np.ndarray  # uint64; the number of bits is a power of two

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self)


class Found(NamedTuple):
    """What was found in each document."""

    runs: np.ndarray  # int64: words at which a run of the table begins
    texts: np.ndarray  # int64: the text of the table that the first of them is from, -1 where there is none
    spans: np.ndarray  # int64 [spans, 3]: (document, first byte, byte behind) of what the runs cover, in order


@inner
def prefixes(data, i, end, table, folded, hashes, ends):  # type: ignore[no-untyped-def]
    """Number of words; hashes[k] are of the first k words, ends[k] is the byte behind the k-th (ends[0]: i)."""
    count = 0
    hashes[0], ends[0] = np.uint64(0), i
    while True:
        value, i = next_hash(data, i, end, table, folded)
        if i < 0:
            return count
        hashes[count + 1] = hashes[count] * BASE + value
        count += 1
        ends[count] = i


@inner
def run_hash(hashes, first, length, power):  # type: ignore[no-untyped-def]
    """The hash of a run, which depends on its length, too."""
    return mix((hashes[first + length] - hashes[first] * power) ^ (np.uint64(length) * STEP))


@inner
def power_of(length):  # type: ignore[no-untyped-def]
    """BASE to the power of `length`: what the words before a run of that length are multiplied by."""
    value = np.uint64(1)
    for _ in range(length):
        value *= BASE
    return value


@inner
def room_for(offsets):  # type: ignore[no-untyped-def]
    """Words that the longest document may have, and one: each takes two bytes, the last may take one."""
    longest = np.int64(0)
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest // 2 + 2


@inner
def same_words(data, i, end, other, j, stop, length, table):  # type: ignore[no-untyped-def]
    """Whether the next `length` words at byte i and at byte j of the other text are the same, ASCII case folded."""
    for _ in range(length):
        begin, i, characters, _ = next_word(data, i, end, table)
        start, j, others, _ = next_word(other, j, stop, table)
        if characters == 0 or others == 0 or i - begin != j - start:
            return False
        for k in range(i - begin):
            if fold(data[begin + k]) != fold(other[start + k]):
                return False
    return True


@inner
def text_of(offsets, place):  # type: ignore[no-untyped-def]
    """The text in which the byte lies: the last that begins at or before it."""
    low, high = 0, len(offsets) - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if offsets[middle] <= place:
            low = middle
        else:
            high = middle
    return low


@inlined
def two_bits(key):  # type: ignore[no-untyped-def]
    """The bits of the filter's word that a run has."""
    return np.uint64(1) << (key & _LOW) | np.uint64(1) << (key >> np.uint64(58))


@inner
def _lookup(key, data, i, end, length, other, offsets, hashes, places, table):  # type: ignore[no-untyped-def]
    """The text of the table that has the run of `length` words at byte i, -1 where none has."""
    place = first_not_below(hashes, key)
    while place < len(hashes) and hashes[place] == key:
        begin = np.int64(places[place])
        text = text_of(offsets, begin)
        if same_words(data, i, end, other, begin, offsets[text + 1], length, table):
            return text
        place += 1
    return -1


@inner
def _spans(data, end, row, count, ends, until, table, spans, written):  # type: ignore[no-untyped-def]
    """Write what the runs of one document cover, runs that touch in one; gives the number of spans so far."""
    word = 0
    while word < count:
        if until[word] == 0:
            word += 1
            continue
        first, last = word, until[word]
        while word < min(last + 1, count):  # a run may begin where another ends
            last = max(last, until[word])
            word += 1
        begin, _, _, _ = next_word(data, ends[first], end, table)
        spans[written, 0], spans[written, 1], spans[written, 2] = row, begin, ends[last]
        written += 1
        word = last
    return written


@kernel(
    BYTES, OFFSETS, BYTES, BYTES, BYTES, OFFSETS, I64, U64, U32, U64, OUT_I64, OUT_I64, OUT_I64_2D, returns=INT64
)  # fmt: skip
def _find(data, offsets, table, folded, other, bounds, lengths, hashes, places, bits, runs, texts, spans):  # type: ignore[no-untyped-def]
    room = room_for(offsets)
    prefix, ends, until = np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int64)
    powers = np.empty(len(lengths), np.uint64)
    for k in range(len(lengths)):
        powers[k] = power_of(lengths[k])
    written, mask = 0, np.uint64(len(bits) * 64 - 1)
    for row in range(len(offsets) - 1):
        end = offsets[row + 1]
        count = prefixes(data, offsets[row], end, table, folded, prefix, ends)
        until[: count + 1] = 0
        for first in range(count - lengths[0] + 1):
            key = run_hash(prefix, first, lengths[0], powers[0])
            two = two_bits(key)
            if bits[(key & mask) >> SHIFT] & two != two:
                continue
            for k in range(len(lengths)):
                if first + lengths[k] > count:
                    break
                key = run_hash(prefix, first, lengths[k], powers[k])
                text = _lookup(key, data, ends[first], end, lengths[k], other, bounds, hashes, places, table)
                if text >= 0:
                    until[first] = first + lengths[k]
                    if texts[row] < 0:
                        texts[row] = text
            runs[row] += until[first] > 0
        if runs[row]:
            written = _spans(data, end, row, count, ends, until, table, spans, written)
    return written


def find(column: pa.Array, grams: Grams) -> Found:
    """The table's runs in each document. Every one is compared word for word: none is found that is not there.

    Words are those of kernels.words, ASCII case folded; what stands between them does not count.
    """
    data, offsets = buffers(column)
    runs, texts = np.zeros(len(column), dtype=np.int64), np.full(len(column), -1, dtype=np.int64)
    room = int(offsets[-1] - offsets[0]) // 2 + len(column) + 1
    spans = np.empty((room, 3), dtype=np.int64)
    written = _find(data, offsets, class_table(), folded_table(), *grams, runs, texts, spans)
    return Found(runs, texts, spans[:written].copy())
