"""Strings as numbers: tables that give equal bytes equal numbers, and what is asked of every word.

A table is (slots, hashes, starts, lengths, bytes, state): slots hold number + 1; state is [strings, bytes used].
Strings count as equal when their bytes are; the hash only finds them. It is a polynomial in the
bytes, so that the hash of two strings put together follows from their hashes.
"""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import BYTES, I32, INT64, OFFSETS, OUT_BYTES, OUT_I32, OUT_I64, OUT_U64, U64, inner, kernel

ALPHA, WORDY, PUNCT, ENDS = 1, 2, 4, 8  # of a character or word; see `lexicon.character_table`
BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SPACE_ID = -1  # in a document's words: whitespace that is a word to spaCy


@inner
def spread(value):  # type: ignore[no-untyped-def]
    """A well-spread permutation of 64-bit numbers. Source: the finaliser of splitmix64 (Steele et al. 2014)."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


@inner
def equal_bytes(a, i, b, j, length):  # type: ignore[no-untyped-def]
    """Whether a[i:i + length] and b[j:j + length] are equal."""
    for k in range(length):  # noqa: SIM110
        if a[i + k] != b[j + k]:
            return False
    return True


@inner
def intern(data, start, stop, slots, hashes, starts, lengths, held, state):  # type: ignore[no-untyped-def]
    """The number of data[start:stop]: a new one is state[0] before the call; -1 when the table is full."""
    value = np.uint64(0)
    for i in range(start, stop):
        value = value * BASE + np.uint64(data[i]) + np.uint64(1)
    mask = np.uint64(len(slots) - 1)
    slot = spread(value) & mask
    length = stop - start
    while slots[slot] != 0:
        number = np.int64(slots[slot]) - 1
        same = hashes[number] == value and lengths[number] == length
        if same and equal_bytes(held, starts[number], data, start, length):
            return number
        slot = (slot + np.uint64(1)) & mask
    number = state[0]
    if number >= len(hashes) or state[1] + length > len(held):
        return np.int64(-1)
    slots[slot] = np.int32(number + 1)
    hashes[number], starts[number], lengths[number] = value, state[1], length
    held[state[1] : state[1] + length] = data[start:stop]
    state[0], state[1] = number + 1, state[1] + length
    return number


@kernel(U64, INT64, OUT_I32)
def rehash(hashes, count, slots):  # type: ignore[no-untyped-def]
    """Fill the slots of a table that has grown."""
    mask = np.uint64(len(slots) - 1)
    for number in range(count):
        slot = spread(hashes[number]) & mask
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = np.int32(number + 1)


@inner
def code_at(data, i):  # type: ignore[no-untyped-def]
    """(code point, bytes) at byte i of valid UTF-8."""
    first = np.int64(data[i])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | np.int64(data[i + 1]) & 0x3F, 2
    middle = np.int64(data[i + 1]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | middle << 6 | np.int64(data[i + 2]) & 0x3F, 3
    low = (np.int64(data[i + 2]) & 0x3F) << 6 | np.int64(data[i + 3]) & 0x3F
    return (first & 0x07) << 18 | middle << 12 | low, 4


@inner
def token(data, start, stop, table, slots, hashes, starts, lengths, held, state, chars, flags, powers):  # type: ignore[no-untyped-def]
    """The number of the word data[start:stop], whose characters, flags and power of BASE are filled in; or -1."""
    before = state[0]
    number = intern(data, start, stop, slots, hashes, starts, lengths, held, state)
    if number < 0 or number < before:
        return number
    power = np.uint64(1)
    for _ in range(start, stop):
        power *= BASE
    found, count, punct, i = np.int64(0), 0, True, start
    while i < stop:
        code, size = code_at(data, i)
        kind = np.int64(table[min(code, len(table) - 1)])
        found |= kind & (ALPHA | WORDY)
        punct = punct and (kind & PUNCT) != 0
        if size == stop - start:
            found |= kind & ENDS
        count += 1
        i += size
    chars[number] = count
    flags[number] = found | (PUNCT if punct else 0)
    powers[number] = power
    return number


_TABLE = (OUT_I32, OUT_U64, OUT_I64, OUT_I32, OUT_BYTES, OUT_I64)
_TOKENS = (*_TABLE, OUT_I32, OUT_BYTES, OUT_U64)


@kernel(BYTES, OFFSETS, OFFSETS, INT64, BYTES, *_TOKENS, OUT_I32, returns=INT64)
def number_spans(  # type: ignore[no-untyped-def]
    data, starts_, stops, begin, table, slots, hashes, starts, lengths, held, state, chars, flags, powers, out
):
    """out[i] = number of the word data[starts_[i]:stops[i]] from i = begin on, SPACE_ID for empty spans; gives the
    number of spans, or where the table was full."""
    for i in range(begin, len(starts_)):
        if starts_[i] == stops[i]:
            out[i] = SPACE_ID
            continue
        number = token(data, starts_[i], stops[i], table, slots, hashes, starts, lengths, held, state, chars, flags, powers)  # fmt: skip  # noqa: E501
        if number < 0:
            return i
        out[i] = number
    return len(starts_)


@kernel(I32, OFFSETS, BYTES, OUT_I64)
def count_sentences(ids, bounds, flags, out):  # type: ignore[no-untyped-def]
    """Sentences of each document: a new one begins at the first word that is no punctuation after one that ends it.

    Source: spaCy's documentation of Sentencizer. A document without words is one sentence, as in datatrove.
    """
    for row in range(len(bounds) - 1):
        out[row] = 1
        seen = False
        for i in range(bounds[row], bounds[row + 1]):
            kind = 0 if ids[i] == SPACE_ID else np.int64(flags[ids[i]])
            if kind & ENDS:
                seen = True
            elif seen and not kind & PUNCT:
                out[row] += 1
                seen = False
