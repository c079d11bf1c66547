"""Chunks (runs without whitespace) of documents, looked up in a memo: chunk -> words."""

from __future__ import annotations

from aigc_cli.clean.parity.kernels.tokens import _TABLE, _TOKENS, SPACE_ID, intern, token
from aigc_cli.core.jit import BYTES, I32, INT64, OFFSETS, OUT_I32, OUT_I64, inner, kernel

PENDING = -1  # number of words of a chunk that is still to be divided


@inner
def _space(data, i, end):  # type: ignore[no-untyped-def]
    """Bytes of the whitespace character (str.isspace) at byte i; 0 when there is none."""
    first = data[i]
    if first < 0x80:
        return 1 if first == 0x20 or 0x09 <= first <= 0x0D or 0x1C <= first <= 0x1F else 0
    if first == 0xC2:
        return 2 if i + 1 < end and (data[i + 1] == 0x85 or data[i + 1] == 0xA0) else 0
    if first < 0xE1 or first > 0xE3 or i + 2 >= end:
        return 0
    second, third = data[i + 1], data[i + 2]
    if first == 0xE2:
        if second == 0x80:
            return 3 if third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF else 0
        return 3 if second == 0x81 and third == 0x9F else 0
    if first == 0xE1:
        return 3 if second == 0x9A and third == 0x80 else 0
    return 3 if second == 0x80 and third == 0x80 else 0


@inner
def next_run(data, i, end):  # type: ignore[no-untyped-def]
    """(position, whether whitespace) after the run of whitespace, or of other characters, that begins at byte i."""
    size = _space(data, i, end)
    white = size > 0
    while i < end and (size > 0) == white:
        i += max(size, 1)
        if i < end:
            size = _space(data, i, end)
    return i, white


@kernel(BYTES, OFFSETS, OFFSETS, OUT_I64, OUT_I64, OUT_I64, returns=INT64)
def split_chunks(data, offsets, rows, starts, stops, bounds):  # type: ignore[no-untyped-def]
    """The chunks of the given rows: spans into starts and stops, the first of rows[k] at bounds[k]. Whitespace that
    spaCy keeps as a word (all but single spaces after a word) is an empty span. Gives how many there are; with empty
    `starts` they are only counted."""
    count, fill = 0, len(starts) > 0
    for k in range(len(rows)):
        bounds[k] = count
        i, end, begun = offsets[rows[k]], offsets[rows[k] + 1], False
        while i < end:
            stop, white = next_run(data, i, end)
            if white and begun and data[i] == 0x20:
                i += 1
            if not white or i < stop:
                if fill:
                    starts[count], stops[count] = i, i if white else stop
                count += 1
            begun, i = True, stop
    bounds[len(rows)] = count
    return count


@inner
def _letters(data, start, stop):  # type: ignore[no-untyped-def]
    """Whether all bytes are ASCII letters."""
    for i in range(start, stop):  # noqa: SIM110
        if not (0x41 <= data[i] <= 0x5A or 0x61 <= data[i] <= 0x7A):
            return False
    return True


@kernel(BYTES, OFFSETS, OFFSETS, INT64, INT64, *_TABLE, OUT_I64, OUT_I32, OUT_I32, OUT_I64, BYTES, *_TOKENS, OUT_I32,
        returns=INT64)  # fmt: skip
def look_up(  # type: ignore[no-untyped-def]
    data, starts_, stops, begin, quick, c_slots, c_hashes, c_starts, c_lengths, c_held, c_state, firsts, counts, words,
    used, table, slots, hashes, starts, lengths, held, state, chars, flags, powers, out
):  # fmt: skip
    """out[i] = number of the chunk of span i from i = begin on; gives the number of spans, or where a table was full.

    If `quick`, a new chunk of ASCII letters is one word (chunks with rules of their own are in the table from the
    start). Every other new one is left PENDING.
    """
    for i in range(begin, len(starts_)):
        start, stop = starts_[i], stops[i]
        if start == stop:
            out[i] = SPACE_ID
            continue
        if used[0] >= len(words):
            return i
        before = c_state[0]
        number = intern(data, start, stop, c_slots, c_hashes, c_starts, c_lengths, c_held, c_state)
        if number < 0:
            return i
        if number == before:
            counts[number] = PENDING
        if quick and counts[number] == PENDING and _letters(data, start, stop):
            word = token(data, start, stop, table, slots, hashes, starts, lengths, held, state, chars, flags, powers)
            if word < 0:
                return i
            firsts[number], counts[number], words[used[0]] = used[0], 1, word
            used[0] += 1
        out[i] = number
    return len(starts_)


@kernel(I32, I32, I32, OUT_I64, OFFSETS, BYTES, OUT_I64, OUT_I32, OUT_I32, OUT_I64, BYTES, *_TOKENS, returns=INT64)
def define(  # type: ignore[no-untyped-def]
    chunks, pieces, sizes, progress, c_starts, c_held, firsts, counts, words, used, table, slots, hashes, starts,
    lengths, held, state, chars, flags, powers
):  # fmt: skip
    """Chunk chunks[k] consists of pieces[k] words of sizes[...] bytes, one after the other. Gives the number of
    chunks, or which one found a table full; `progress` is [k, pieces before k]."""
    k, piece = progress[0], progress[1]
    while k < len(chunks):
        number = chunks[k]
        if used[0] + pieces[k] > len(words):
            break
        at, full = c_starts[number], False
        for j in range(pieces[k]):
            stop = at + sizes[piece + j]
            word = token(c_held, at, stop, table, slots, hashes, starts, lengths, held, state, chars, flags, powers)
            full = word < 0
            if full:
                break
            words[used[0] + j], at = word, stop
        if full:
            break
        firsts[number], counts[number] = used[0], pieces[k]
        used[0] += pieces[k]
        piece += pieces[k]
        k += 1
    progress[0], progress[1] = k, piece
    return k


@kernel(I32, OFFSETS, OFFSETS, I32, I32, INT64, OUT_I32, OUT_I64, returns=INT64)
def expand(chunks, bounds, firsts, counts, words, spaces, out, out_bounds):  # type: ignore[no-untyped-def]
    """The words of each document from its chunks, with SPACE_ID for whitespace if `spaces`; gives how many. With empty
    `out` they are only counted."""
    position, fill = 0, len(out) > 0
    for row in range(len(bounds) - 1):
        out_bounds[row] = position
        for i in range(bounds[row], bounds[row + 1]):
            number = chunks[i]
            if number == SPACE_ID:
                if spaces:
                    if fill:
                        out[position] = SPACE_ID
                    position += 1
                continue
            if fill:
                for j in range(counts[number]):
                    out[position + j] = words[firsts[number] + j]
            position += counts[number]
    out_bounds[len(bounds) - 1] = position
    return position
