"""Text to ids for vocabularies of characters and their joins: sentencepiece's three kinds.

No piece lies across two characters that stand side by side in no piece, so a text falls into segments that can be
encoded by themselves: words in English, pairs of characters in Chinese. Segments met before come from a memo.
"""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import (
    BYTES,
    F64,
    I32,
    OFFSETS,
    OUT_BYTES,
    OUT_I64,
    OUT_U32,
    OUT_U64_2D,
    U64,
    inlined,
    inner,
    kernel,
)
from aigc_cli.models.kernels import tables as t
from aigc_cli.models.kernels.merge import merge
from aigc_cli.models.kernels.utf8 import SCRATCH, decode
from aigc_cli.models.kernels.viterbi import segment

MERGE, PATH = range(2)  # how a segment is encoded


@inlined
def character(data, i, end, pages, blocks):  # type: ignore[no-untyped-def]
    """(number of the character at byte i, 0 if no piece has it; position after it)."""
    code, stop = decode(data, i, end)
    return np.int64(blocks[np.int64(pages[code >> 8]) << 8 | code & 0xFF]), stop


@inlined
def joined(left, right, bits):  # type: ignore[no-untyped-def]
    """Whether a piece may lie across two characters; at times a needless yes, never a wrong no."""
    if left == 0 or right == 0:
        return False
    return t.has_pair(left, right, bits)


@inlined
def put(data, start, stop, symbol, pieces, byte_ids, out, n):  # type: ignore[no-untyped-def]
    """Write a symbol at out[n:], as bytes unless it is one of the pieces; gives the place after it."""
    if 0 <= symbol < pieces:
        out[n] = np.uint32(symbol)
        return n + 1
    for i in range(start, stop):
        out[n] = np.uint32(byte_ids[data[i]])
        n += 1
    return n


@inlined
def next_segment(data, number, stop, end, pages, blocks, ascii_pairs, bits):  # type: ignore[no-untyped-def]
    """(end, characters, number of the character behind, its end) of the segment that begins with a character.

    That character has this `number` and ends at `stop`.
    """
    count, last = 1, number
    while stop < end:
        byte, before = np.int64(data[stop]), np.int64(data[stop - 1])
        if byte < 0x80 and before < 0x80:
            if ascii_pairs[before << 7 | byte] == 0:
                return stop, count, np.int64(blocks[np.int64(pages[0]) << 8 | byte]), stop + 1
            last, stop = -1, stop + 1  # its number is looked up only where it is needed
        else:
            if last < 0:
                last = np.int64(blocks[np.int64(pages[0]) << 8 | before])
            number, after = character(data, stop, end, pages, blocks)
            if not joined(last, number, bits):
                return stop, count, number, after
            last, stop = number, after
        count += 1
    return stop, count, np.int64(0), stop


@inner
def encode_segment(  # type: ignore[no-untyped-def]
    data, start, stop, count, how, pages, blocks, symbol_of, byte_ids, keys, first, second, scores, symbols, starts,
    room, best, out, n,
):  # fmt: skip
    """Write the ids of a segment of `count` characters at out[n:]; gives the place after them."""
    if count >= len(symbols):
        symbols, starts = np.empty(count, np.int64), np.empty(count, np.int64)
        room, best = np.empty(count + 1, np.int64), np.empty(count + 1, np.float64)
    i = start
    for k in range(count):
        starts[k] = i
        number, i = character(data, i, stop, pages, blocks)
        symbols[k] = number if how == PATH else np.int64(symbol_of[number])
    if how == PATH:
        left = segment(symbols, starts, room, best, count, keys, first, second, scores)
    else:
        left = merge(symbols, starts, room, count, keys, first, second)
    for k in range(left):
        end = starts[k + 1] if k + 1 < left else stop
        n = put(data, starts[k], end, symbols[k], len(scores) - 1, byte_ids, out, n)
    return n


@kernel(
    BYTES, OFFSETS, OFFSETS, I32, I32, I32, BYTES, U64, I32, U64, I32, I32, F64,
    OUT_U64_2D, OUT_BYTES, OUT_U32, OUT_I64, OUT_U32, OUT_I64,
)  # fmt: skip
def encode(  # type: ignore[no-untyped-def]
    data, offsets, settings, pages, blocks, symbol_of, ascii_pairs, bits, byte_ids, keys, first, second, scores,
    slots, memo_bytes, memo_ids, state, out, ends,
):  # fmt: skip
    """The ids of every document in `out`, document d ending at ends[d].

    `settings` is [begin, end, how]: ids around a document (-1: none), MERGE or PATH. `symbol_of` gives a character's
    id, a number above the ids, or -1; the last of `scores` is that of a character that is no piece.
    """
    bos, eos, how = settings[0], settings[1], settings[2]
    symbols, starts = np.empty(SCRATCH, np.int64), np.empty(SCRATCH, np.int64)
    room, best = np.empty(SCRATCH, np.int64), np.empty(SCRATCH, np.float64)
    n = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        if bos >= 0:
            out[n] = np.uint32(bos)
            n += 1
        if start < end:
            number, next_stop = character(data, start, end, pages, blocks)
        while start < end:
            lead = number
            stop, count, number, next_stop = next_segment(data, lead, next_stop, end, pages, blocks, ascii_pairs, bits)
            if count == 1:
                n = put(data, start, stop, np.int64(symbol_of[lead]), len(scores) - 1, byte_ids, out, n)
                start = stop
                continue
            kept, slot, value, head, before = stop - start <= t.LONGEST_WORD, np.int64(-1), t.ZERO, t.ZERO, n
            if kept:
                value, head = t.word_hash(data, start, stop)
                slot = t.find_word(slots, memo_bytes, data, start, stop, value, head)
            if slot >= 0:
                n = t.recall(slots, memo_ids, slot, out, n)
            else:
                n = encode_segment(
                    data, start, stop, count, how, pages, blocks, symbol_of, byte_ids, keys, first, second, scores,
                    symbols, starts, room, best, out, n,
                )  # fmt: skip
            if kept and slot < 0:
                t.remember(
                    slots, memo_bytes, memo_ids, state, -1 - slot, data, start, stop, value, head, out, before, n
                )
            start = stop
        if eos >= 0:
            out[n] = np.uint32(eos)
            n += 1
        ends[document] = n
