"""What Gopher's rules ask of a document's words: n-grams that repeat, and counts of words."""

from __future__ import annotations

import numpy as np

from aigc_cli.clean.parity.kernels.tokens import ALPHA, WORDY, spread
from aigc_cli.core.jit import BYTES, F64, I32, OFFSETS, OUT_I32, OUT_I64, OUT_I64_2D, U64, inner, kernel


@inner
def _extend(grams, words, powers, count, length, wanted):  # type: ignore[no-untyped-def]
    """Turn grams[i], the hash of `length` words from i on put together without spaces, into that of `wanted` words.

    words and powers are the hash and the power of BASE of each word of the document.
    """
    if wanted < length:
        grams[:count] = words[:count]
        length = 1
    while length < wanted:
        for i in range(count - length):
            grams[i] = grams[i] * powers[i + length] + words[i + length]
        length += 1


@inner
def _same_ids(ids, a, b, length):  # type: ignore[no-untyped-def]
    for k in range(length):  # noqa: SIM110
        if ids[a + k] != ids[b + k]:
            return False
    return True


@inner
def _same_text(ids, a, b, length, starts, lengths, held):  # type: ignore[no-untyped-def]
    """Whether two n-grams are the same text when put together without spaces, wherever their words end."""
    if _same_ids(ids, a, b, length):
        return True
    i, j, at_i, at_j = a, b, 0, 0
    while i < a + length and j < b + length:
        if held[starts[ids[i]] + at_i] != held[starts[ids[j]] + at_j]:
            return False
        at_i, at_j = at_i + 1, at_j + 1
        if at_i == lengths[ids[i]]:
            i, at_i = i + 1, 0
        if at_j == lengths[ids[j]]:
            j, at_j = j + 1, 0
    return i == a + length and j == b + length


@inner
def _top(ids, begin, left, length, chars, grams, slots, tally):  # type: ignore[no-untyped-def]
    """Characters of the commonest n-gram (the earliest of equals), joined by spaces, times how often it occurs."""
    mask = np.uint64(len(slots) - 1)
    slots[:] = 0
    for i in range(left):
        slot = spread(grams[i]) & mask
        tally[i] = 0
        while slots[slot] != 0:
            first = np.int64(slots[slot]) - 1
            if grams[first] == grams[i] and _same_ids(ids, begin + first, begin + i, length):
                break
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] == 0:
            slots[slot] = np.int32(i + 1)
        tally[np.int64(slots[slot]) - 1] += 1
    best = 0
    for i in range(left):
        if tally[i] > tally[best]:
            best = i
    size = length - 1
    for j in range(length):
        size += chars[ids[begin + best + j]]
    return size * np.int64(tally[best])


@inner
def _duplicated(ids, begin, left, length, chars, starts, lengths, held, grams, slots):  # type: ignore[no-untyped-def]
    """Characters of n-grams that occurred before, where one begins after the end of the last repeated one."""
    mask = np.uint64(len(slots) - 1)
    slots[:] = 0
    total, i = 0, 0
    while i < left:
        slot = spread(grams[i]) & mask
        while slots[slot] != 0:
            first = np.int64(slots[slot]) - 1
            if grams[first] == grams[i] and _same_text(ids, begin + first, begin + i, length, starts, lengths, held):
                break
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] == 0:
            slots[slot] = np.int32(i + 1)
            i += 1
            continue
        for j in range(length):
            total += chars[ids[begin + i + j]]
        i += length
    return total


@inner
def _size(count):  # type: ignore[no-untyped-def]
    size = 2
    while size < 2 * count:
        size *= 2
    return size


@kernel(I32, OFFSETS, OFFSETS, OFFSETS, F64, OFFSETS, F64, U64, OFFSETS, I32, BYTES, I32, U64, OUT_I64_2D, OUT_I64)
def repetition(  # type: ignore[no-untyped-def]
    ids, bounds, text_chars, tops, top_limits, dups, dup_limits, hashes, starts, lengths, held, chars, powers, found,
    failed
):  # fmt: skip
    """found[row] = characters in the commonest n-gram for each of `tops`, then in repeated n-grams for each of `dups`.

    A document is left at the first that exceeds its limit (a share of text_chars[row], above 0); failed[row] is which
    one, or -1. What was not looked at, and the top of a document shorter than the n-gram, is -1.
    """
    longest = 0
    for row in range(len(bounds) - 1):
        longest = max(longest, bounds[row + 1] - bounds[row])
    grams = np.empty(longest, dtype=np.uint64)
    word_hashes, word_powers = np.empty_like(grams), np.empty_like(grams)
    tally = np.empty(longest, dtype=np.int32)
    table = np.empty(_size(longest), dtype=np.int32)
    for row in range(len(bounds) - 1):
        begin, count = bounds[row], bounds[row + 1] - bounds[row]
        for i in range(count):
            word_hashes[i], word_powers[i] = hashes[ids[begin + i]], powers[ids[begin + i]]
        failed[row] = -1
        found[row, :] = -1
        slots = table[: _size(count)]
        length = np.int64(1 << 62)  # of the n-grams in `grams`: none yet
        for k in range(len(tops) + len(dups)):
            top = k < len(tops)
            wanted, limit = (tops[k], top_limits[k]) if top else (dups[k - len(tops)], dup_limits[k - len(tops)])
            left = count - wanted + 1
            if top and left <= 0:
                continue
            if left > 0:
                _extend(grams, word_hashes, word_powers, count, length, wanted)
                length = wanted
            if top:
                value = _top(ids, begin, left, wanted, chars, grams, slots, tally)
            else:
                value = _duplicated(ids, begin, left, wanted, chars, starts, lengths, held, grams, slots)
            found[row, k] = value
            if value / text_chars[row] > limit:
                failed[row] = k
                break


WORDS, WORDY_WORDS, WORDY_CHARS, ALPHA_WORDS, STOP_WORDS = range(5)


@kernel(I32, OFFSETS, BYTES, I32, I32, OUT_I32, OUT_I64_2D)
def quality(ids, bounds, flags, chars, stop, last_row, out):  # type: ignore[no-untyped-def]
    """out[row] = words, words that are not all punctuation, their characters, words with letters, stop words.

    Different stop words are counted.

    `stop` holds the stop words' numbers; `last_row` is -1 for every word and keeps where it was last seen.
    """
    is_stop = np.zeros(len(last_row), dtype=np.uint8)
    for word in stop:
        is_stop[word] = 1
    for row in range(len(bounds) - 1):
        for i in range(bounds[row], bounds[row + 1]):
            word = ids[i]
            kind = np.int64(flags[word])
            out[row, WORDS] += 1
            if kind & WORDY:
                out[row, WORDY_WORDS] += 1
                out[row, WORDY_CHARS] += chars[word]
            if kind & ALPHA:
                out[row, ALPHA_WORDS] += 1
            if is_stop[word] and last_row[word] != row:
                last_row[word] = row
                out[row, STOP_WORDS] += 1
