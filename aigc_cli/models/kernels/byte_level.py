"""Text to ids for byte-level BPE: the words of a published pattern, found without a regex engine, and their merges.

The patterns stand in models/byte_patterns.py: GPT-2's words may begin with a space, the newer ones also with another
mark, and newlines belong to what precedes them. Words that are not ASCII (a Chinese sentence is one word) fall into
segments: no token lies across two characters that stand side by side in no token.
"""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import BYTES, I32, OFFSETS, OUT_BYTES, OUT_I64, OUT_U32, OUT_U64_2D, U64, inlined, inner, kernel
from aigc_cli.models.kernels import tables as t
from aigc_cli.models.kernels.merge import merge
from aigc_cli.models.kernels.utf8 import SCRATCH, decode

OTHER, LETTER, NUMBER, SPACE, NEWLINE = range(5)  # classes of characters
GPT2, CL100K = range(2)  # families of patterns
PART = 1 << 21  # | byte: a character of which a token has only the last or only the first byte for sure


@inlined
def class_at(data, i, end, classes):  # type: ignore[no-untyped-def]
    """(class, position after it) of the character at byte i."""
    code, stop = decode(data, i, end)
    return np.int64(classes[code]), stop


@inlined
def run(data, i, end, classes, kind):  # type: ignore[no-untyped-def]
    """The end of the characters of one class that begin at byte i."""
    while i < end:
        found, stop = class_at(data, i, end, classes)
        if found != kind:
            break
        i = stop
    return i


@inner
def contraction(data, i, end, family):  # type: ignore[no-untyped-def]
    """The end of s, t, m, d, re, ve or ll at byte i, behind an apostrophe; -1 when there is none."""
    if i >= end:
        return np.int64(-1)
    fold = np.int64(0x20) if family == CL100K else np.int64(0)  # any case
    first = np.int64(data[i]) | fold
    if first == 0x73 or first == 0x74 or first == 0x6D or first == 0x64:
        return i + 1
    if i + 1 >= end:
        return np.int64(-1)
    if family == CL100K and data[i] == 0xC5 and data[i + 1] == 0xBF:  # the long s is a lower-case s too
        return i + 2
    second = np.int64(data[i + 1]) | fold
    if ((first == 0x72 or first == 0x76) and second == 0x65) or (first == 0x6C and second == 0x6C):
        return i + 2
    return np.int64(-1)


@inner
def blanks(data, i, end, classes, family):  # type: ignore[no-untyped-def]
    """The end of a word of white space: up to its last newline (not GPT-2), else all but what the next word takes."""
    stop, last, newline = i, i, np.int64(-1)
    while stop < end:
        kind, after = class_at(data, stop, end, classes)
        if kind < SPACE:
            break
        last, stop = stop, after
        if kind == NEWLINE:
            newline = stop
    if family == CL100K and newline >= 0:
        return newline
    return last if stop < end and last > i else stop


@inner
def next_word(data, i, end, classes, family, digits):  # type: ignore[no-untyped-def]
    """The end of the word that begins at byte i < end."""
    kind, stop = class_at(data, i, end, classes)
    if data[i] == 0x27:
        after = contraction(data, stop, end, family)
        if after >= 0:
            return after
    next_kind, next_stop = class_at(data, stop, end, classes) if stop < end else (np.int64(SPACE), stop)
    if family == GPT2:
        if data[i] == 0x20 and next_kind < SPACE:
            return run(data, next_stop, end, classes, next_kind)
        return run(data, stop, end, classes, kind) if kind < SPACE else blanks(data, i, end, classes, family)
    if kind == LETTER:
        return run(data, stop, end, classes, LETTER)
    if kind != NUMBER and kind != NEWLINE and next_kind == LETTER:
        return run(data, next_stop, end, classes, LETTER)
    if kind == NUMBER:
        for _ in range(1, digits):
            next_kind, next_stop = class_at(data, stop, end, classes) if stop < end else (np.int64(SPACE), stop)
            if next_kind != NUMBER:
                break
            stop = next_stop
        return stop
    if kind == OTHER or (data[i] == 0x20 and next_kind == OTHER):
        return run(data, run(data, stop, end, classes, OTHER), end, classes, NEWLINE)
    return blanks(data, i, end, classes, family)


@inlined
def next_segment(data, start, stop, bits):  # type: ignore[no-untyped-def]
    """(end, whether it can be merged by characters) of the segment that begins at byte `start` of a word.

    The word ends at `stop`; ASCII words are one segment. Where tokens lie across characters only as a whole, each
    character becomes one token before it is joined to others, so that merging can begin with characters.
    """
    i = start
    while i < stop and data[i] < 0x80:
        i += 1
    if i == stop:
        return stop, False
    left, i = decode(data, start, stop)
    whole = True
    while i < stop:
        last, first = np.int64(data[i - 1]), np.int64(data[i])
        right, after = decode(data, i, stop)
        in_part = t.has_pair(left, PART | first, bits) or t.has_pair(PART | last, PART | first, bits)
        if not in_part and not t.has_pair(left, right, bits):
            break
        whole = whole and not in_part
        left, i = right, after
    return i, whole


@inlined
def encode_segment(  # type: ignore[no-untyped-def]
    data, start, stop, whole, byte_ids, pages, blocks, keys, ranks, merged, symbols, starts, room, out, n
):
    """Write the ids of a segment at out[n:]; gives the place after them."""
    if stop - start > len(symbols):
        size = stop - start
        symbols, starts, room = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    count, i = 0, start
    while whole and i < stop:
        code, i = decode(data, i, stop)
        token = np.int64(blocks[np.int64(pages[code >> 8]) << 8 | code & 0xFF]) - 1
        whole = token >= 0
        symbols[count] = token
        count += 1
    if not whole:
        count = stop - start
        for k in range(count):
            symbols[k] = np.int64(byte_ids[data[start + k]])
    left = merge(symbols, starts, room, count, keys, ranks, merged)
    for k in range(left):
        out[n + k] = np.uint32(symbols[k])
    return n + left


@inlined
def look_up(known, known_bytes, data, start, stop):  # type: ignore[no-untyped-def]
    """The slot of a word in a memo that does not change, or -1."""
    if len(known_bytes) <= 1 or stop - start > t.LONGEST_WORD:
        return np.int64(-1)
    value, head = t.word_hash(data, start, stop)
    return t.find_word(known, known_bytes, data, start, stop, value, head)


@kernel(
    BYTES, OFFSETS, OFFSETS, BYTES, I32, I32, I32, U64, U64, I32, I32, OUT_U64_2D, OUT_BYTES, OUT_U32,
    OUT_U64_2D, OUT_BYTES, OUT_U32, OUT_I64, OUT_U32, OUT_I64,
)  # fmt: skip
def encode(  # type: ignore[no-untyped-def]
    data, offsets, settings, classes, byte_ids, pages, blocks, bits, keys, ranks, merged, known, known_bytes, known_ids,
    slots, memo_bytes, memo_ids, state, out, ends,
):  # fmt: skip
    """The ids of every document in `out`, document d ending at ends[d].

    `settings` is [begin, end, family, digits]: ids around a document (-1: none), and the pattern. `known` is a memo
    that holds the words that are not merged but looked up; pages and blocks give 1 + the token of a character, or 0.
    """
    bos, eos, family, digits = settings[0], settings[1], settings[2], settings[3]
    symbols, starts, room = np.empty(SCRATCH, np.int64), np.empty(SCRATCH, np.int64), np.empty(SCRATCH, np.int64)
    n = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        if bos >= 0:
            out[n] = np.uint32(bos)
            n += 1
        word_end = start
        while start < end:
            if start == word_end:
                word_end = next_word(data, start, end, classes, family, digits)
                whole = look_up(known, known_bytes, data, start, word_end)
                if whole >= 0:
                    n = t.recall(known, known_ids, whole, out, n)
                    start = word_end
                    continue
            stop, plain = next_segment(data, start, word_end, bits)
            slot, value, head, before = np.int64(-1), t.ZERO, t.ZERO, n
            kept = stop - start <= t.LONGEST_WORD
            if kept:
                value, head = t.word_hash(data, start, stop)
                slot = t.find_word(slots, memo_bytes, data, start, stop, value, head)
            if slot >= 0:
                n = t.recall(slots, memo_ids, slot, out, n)
            else:
                n = encode_segment(
                    data,
                    start,
                    stop,
                    plain,
                    byte_ids,
                    pages,
                    blocks,
                    keys,
                    ranks,
                    merged,
                    symbols,
                    starts,
                    room,
                    out,
                    n,
                )
                if kept:
                    slot = -1 - slot
                    t.remember(slots, memo_bytes, memo_ids, state, slot, data, start, stop, value, head, out, before, n)
            start = stop
        if eos >= 0:
            out[n] = np.uint32(eos)
            n += 1
        ends[document] = n


@kernel(BYTES, OFFSETS, U64, OUT_U64_2D, OUT_BYTES, OUT_U32, OUT_I64)
def know(data, offsets, ids, slots, memo_bytes, memo_ids, state):  # type: ignore[no-untyped-def]
    """Put words of one id each into a memo."""
    one = np.empty(1, np.uint32)
    for word in range(len(offsets) - 1):
        start, stop = offsets[word], offsets[word + 1]
        if stop - start <= t.LONGEST_WORD:
            one[0] = np.uint32(ids[word])
            value, head = t.word_hash(data, start, stop)
            slot = t.find_word(slots, memo_bytes, data, start, stop, value, head)
            if slot < 0:
                t.remember(slots, memo_bytes, memo_ids, state, -1 - slot, data, start, stop, value, head, one, 0, 1)
