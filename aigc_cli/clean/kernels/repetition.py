"""Repeated lines, paragraphs and n-grams of words of each document."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.jit import BYTES, OFFSETS, OUT_I64_2D, inner, kernel
from aigc_cli.clean.kernels.text import SPACE, buffers, class_table
from aigc_cli.clean.kernels.words import CHARACTER_WORD, class_of, decode, hash_bytes, mix, next_word

FIELDS = ("chars", "lines", "dup_lines", "dup_line_chars", "paragraphs", "dup_paragraphs", "dup_paragraph_chars",
          *(f"top_{n}gram_chars" for n in range(2, 5)), *(f"dup_{n}gram_chars" for n in range(5, 11)))  # fmt: skip
MAX_BYTES = 4 << 20  # of a document: the rest is not looked at, which bounds the tables' memory
HAN_SCALE = 2  # characters that stand for one English word in the n-grams of a text written without spaces
_STEP = np.uint64(0x9E3779B97F4A7C15)


@inner
def _slot(keys, stamps, stamp, mask, key):  # type: ignore[no-untyped-def]
    """The slot that holds `key` in this round, or the empty one where it belongs."""
    slot = key & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@inner
def _trim(data, start, end, table):  # type: ignore[no-untyped-def]
    """(first byte, byte after the last, characters) of data[start:end] without surrounding space."""
    i, first, last, characters, whole = start, -1, start, 0, 0
    while i < end:
        here = i
        code, i = decode(data, i, end)
        if class_of(table, code) != SPACE:
            if first < 0:
                first, characters = here, 0
            last, whole = i, characters + 1
        characters += 1
    return (start, start, 0) if first < 0 else (first, last, whole)


@inner
def _segments(data, start, end, table, paragraphs, keys, stamps, stamp, mask, out):  # type: ignore[no-untyped-def]
    """Count segments and the repeated ones into out[0:3]: lines, or paragraphs (divided by blank lines)."""
    begin = line = start  # of the segment, of the current line
    for i in range(start, end + 1):
        if i < end and data[i] != 0x0A:
            continue
        blank = _trim(data, line, i, table)[2] == 0
        if blank or not paragraphs or i == end:
            first, last, characters = _trim(data, begin, line if blank and paragraphs else i, table)
            if characters > 0:
                out[0] += 1
                key = hash_bytes(data, first, last, False)
                slot = _slot(keys, stamps, stamp, mask, key)
                if stamps[slot] == stamp:
                    out[1] += 1
                    out[2] += characters
                else:
                    stamps[slot], keys[slot] = stamp, key
            begin = i + 1
        line = i + 1


@inner
def _extend(grams, hashes, count, length):  # type: ignore[no-untyped-def]
    """Turn grams[i] = hash of length - 1 words from i on into the hash of `length` words; gives how many there are."""
    left = count - length + 1
    for i in range(left):
        grams[i] = mix(grams[i] * _STEP ^ hashes[i + length - 1])
    return max(left, 0)


@inner
def _top(grams, left, length, sums, spaces, keys, stamps, tally, firsts, stamp, mask):  # type: ignore[no-untyped-def]
    """Characters in all occurrences of the commonest n-gram (the first of equals); 0 when none occurs twice."""
    best, place = 1, left
    for i in range(left):
        slot = _slot(keys, stamps, stamp, mask, grams[i])
        if stamps[slot] != stamp:
            stamps[slot], keys[slot], tally[slot], firsts[slot] = stamp, grams[i], 1, i
            continue
        tally[slot] += 1
        if tally[slot] > best or (tally[slot] == best and best > 1 and firsts[slot] < place):
            best, place = tally[slot], firsts[slot]
    if best == 1:
        return 0
    return best * (sums[place + length] - sums[place] + (length - 1) * spaces)


@inner
def _repeated(grams, left, length, sums, keys, stamps, stamp, mask):  # type: ignore[no-untyped-def]
    """Characters in n-grams that occurred before, none twice: behind a repeated one the search goes on."""
    total, i = 0, 0
    while i < left:
        slot = _slot(keys, stamps, stamp, mask, grams[i])
        if stamps[slot] == stamp:
            total += sums[i + length] - sums[i]
            i += length
        else:
            stamps[slot], keys[slot] = stamp, grams[i]
            i += 1
    return total


@inner
def _read_words(data, start, end, table, hashes, sums):  # type: ignore[no-untyped-def]
    """Fill in the hash of each word and the running sum of characters; gives (words, single-character words)."""
    count = single = 0
    i = start
    while True:
        begin, i, characters, kind = next_word(data, i, end, table)
        if characters == 0:
            return count, single
        hashes[count] = hash_bytes(data, begin, i, False)
        sums[count + 1] = sums[count] + characters
        count += 1
        single += kind == CHARACTER_WORD


@inner
def _table_size(text_bytes):  # type: ignore[no-untyped-def]
    """Slots for all segments or words of a document, at most half full: each takes two bytes on average at least."""
    size = 16
    while size < text_bytes + 4:
        size *= 2
    return size


@kernel(BYTES, OFFSETS, BYTES, OUT_I64_2D)
def _repetition(data, offsets, table, out):  # type: ignore[no-untyped-def]
    longest = 0
    for document in range(len(offsets) - 1):
        longest = max(longest, min(offsets[document + 1] - offsets[document], MAX_BYTES))
    room = longest // 2 + 2  # a word, like a line, takes two bytes on average at least
    hashes, grams = np.empty(room, np.uint64), np.empty(room, np.uint64)
    sums = np.zeros(room + 1, np.int64)
    size = _table_size(longest)
    keys, stamps = np.empty(size, np.uint64), np.zeros(size, np.int32)
    tally, firsts = np.empty(size, np.int32), np.empty(size, np.int32)
    stamp = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        if end - start > MAX_BYTES:
            end = start + MAX_BYTES
            while end > start and (data[end] & 0xC0) == 0x80:
                end -= 1
        row = out[document]
        size = _table_size(end - start)
        mask = np.uint64(size - 1)
        for i in range(start, end):
            row[0] += (data[i] & 0xC0) != 0x80
        _segments(data, start, end, table, False, keys, stamps, stamp + 1, mask, row[1:4])
        _segments(data, start, end, table, True, keys, stamps, stamp + 2, mask, row[4:7])
        stamp += 2
        count, single = _read_words(data, start, end, table, hashes, sums)
        scale = HAN_SCALE if single * 2 > count else 1
        spaces = 1 if scale == 1 else 0
        while size > 16 and size >= 4 * count:
            size //= 2
        mask = np.uint64(size - 1)
        grams[:count] = hashes[:count]
        length = 1
        for n in range(2, 11):
            left = count
            while length < n * scale:
                length += 1
                left = _extend(grams, hashes, count, length)
            stamp += 1
            if n < 5:
                row[5 + n] = _top(grams, left, length, sums, spaces, keys, stamps, tally, firsts, stamp, mask)
            else:
                row[5 + n] = _repeated(grams, left, length, sums, keys, stamps, stamp, mask)


def repetition(column: pa.Array) -> dict[str, np.ndarray]:
    """Counts of each document by the names in FIELDS, int64 [documents].

    A repeated line or paragraph is one that occurred before in the document (space around it does not count).
    """
    data, offsets = buffers(column)
    out = np.zeros((len(column), len(FIELDS)), dtype=np.int64)
    _repetition(data, offsets, class_table(), out)
    return {name: out[:, i] for i, name in enumerate(FIELDS)}
