"""Texts as passages (lines, blocks of lines, sentences), and what is left of them without some.

Sentences follow the rules of Unicode's UAX #29, Sentence_Boundary, where they matter here: a mark that ends sentences
ends one with the closing marks behind it, if white space, the end or a character of a script without spaces follows,
or if the mark itself is full-width; full stops alone do not where a small letter follows (SB8), behind an initial,
or behind the number of a list's item. A blank line ends a sentence, a single line feed does not.
"""

from __future__ import annotations

import functools
import unicodedata

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.marks import LOWER, TERMINAL, UPPER, mark_table
from aigc_cli.clean.kernels.pieces import bits_of
from aigc_cli.clean.kernels.text import CYRILLIC, HAN, LATIN, SPACE, TABLE_SIZE, buffers, class_table
from aigc_cli.clean.kernels.words import CHARACTER_WORD, class_of, decode, next_word
from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_BYTES, OUT_I64, OUT_I64_2D, inner, kernel

LINES, BLOCKS, SENTENCES = range(3)
_FULL_WIDTH = 0x3000  # from here on, marks have their space in themselves


@inner
def _line(data, start, end, table):  # type: ignore[no-untyped-def]
    """(byte behind the last that is no space, place of the line feed or `end`) of the line from `start` on."""
    i = last = start
    while i < end and data[i] != 0x0A:
        code, i = decode(data, i, end)
        if class_of(table, code) != SPACE:
            last = i
    return last, i


@inner
def _of_lines(data, start, end, blocks, table, out, count):  # type: ignore[no-untyped-def]
    """Note the lines that hold text, or the blocks of them; gives the number of passages so far."""
    line, opened = start, False
    while line < end:
        last, feed = _line(data, line, end, table)
        if last == line:
            opened = False
        elif opened:
            out[count - 1, 1] = last
        else:
            out[count, 0], out[count, 1] = line, last
            count, opened = count + 1, blocks
        line = feed + 1
    return count


@inner
def _is_stop(code):  # type: ignore[no-untyped-def]
    """Whether a mark is a full stop that may also stand in a number or behind an abbreviation."""
    return code == 0x2E or code == 0xFF0E or code == 0x2024 or code == 0xFE52


@inner
def _before(data, begin, i):  # type: ignore[no-untyped-def]
    """The first byte of the character that ends before byte i; i where that is `begin`."""
    if i > begin:
        i -= 1
        while i > begin and (data[i] & 0xC0) == 0x80:
            i -= 1
    return i


@inner
def _is_label(data, begin, i, marks):  # type: ignore[no-untyped-def]
    """Whether a capital letter stands alone before the byte i, or nothing but digits since `begin`."""
    digits = begin
    while digits < i and 0x30 <= data[digits] <= 0x39:
        digits += 1
    if digits == i > begin:
        return True
    first = _before(data, begin, i)
    if first == i or not bits_of(marks, decode(data, first, i)[0]) & UPPER:
        return False
    second = _before(data, begin, first)
    if second == first:
        return True
    code, _ = decode(data, second, first)
    return not (bits_of(marks, code) & (UPPER | LOWER) or 0x30 <= code <= 0x39)


@inner
def _over(data, begin, i, end, table, marks, closing):  # type: ignore[no-untyped-def]
    """(byte behind the marks from byte i on, the first of which ends sentences; whether the sentence ends there)."""
    at, stops, run, final = i, True, 0, np.int64(0)
    while i < end:
        code, behind = decode(data, i, end)
        if code >= len(marks) or not ((marks[code] & TERMINAL) or closing[code]):
            break
        if marks[code] & TERMINAL:
            stops, final, run = stops and _is_stop(code), code, run + 1
        i = behind
    if i >= end:
        return i, True
    code, behind = decode(data, i, end)
    kind = class_of(table, code)
    full = final >= _FULL_WIDTH and not _is_stop(final)
    if not full and kind != SPACE and kind < HAN:
        return i, False
    if not stops:
        return i, True
    if run == 1 and _is_label(data, begin, at, marks):
        return i, False
    k = i
    while k < end:
        code, k = decode(data, k, end)
        kind = class_of(table, code)
        if kind != SPACE:
            break
    return i, not (LATIN <= kind <= CYRILLIC and bits_of(marks, code) & LOWER)


@inner
def _of_sentences(data, start, end, table, marks, closing, out, count):  # type: ignore[no-untyped-def]
    """Note the sentences; gives the number of passages so far."""
    i, inside, feeds = start, False, 0
    while i < end:
        code, behind = decode(data, i, end)
        if class_of(table, code) == SPACE:
            feeds += code == 0x0A
            inside = inside and feeds < 2
            i = behind
            continue
        feeds = 0
        if not inside:
            out[count, 0] = i
            count, inside = count + 1, True
        if code < len(marks) and marks[code] & TERMINAL:
            behind, over = _over(data, out[count - 1, 0], i, end, table, marks, closing)
            inside = not over
        out[count - 1, 1] = i = behind
    return count


@kernel(BYTES, OFFSETS, BYTES, INT64, BYTES, BYTES, BYTES, OUT_I64_2D, OUT_I64, returns=INT64)
def _split(data, offsets, alive, kind, table, marks, closing, out, starts):  # type: ignore[no-untyped-def]
    count = 0
    for document in range(len(offsets) - 1):
        starts[document] = count
        start, end = offsets[document], offsets[document + 1]
        if alive[document] and kind == SENTENCES:
            count = _of_sentences(data, start, end, table, marks, closing, out, count)
        elif alive[document]:
            count = _of_lines(data, start, end, kind == BLOCKS, table, out, count)
    starts[len(offsets) - 1] = count
    return count


@kernel(BYTES, OFFSETS, OFFSETS, BYTES, INT64, INT64, OUT_BYTES)
def _large(data, firsts, ends, table, words, characters, out):  # type: ignore[no-untyped-def]
    for passage in range(len(firsts)):
        i, count, single = firsts[passage], 0, 0
        while True:
            _, i, length, kind = next_word(data, i, ends[passage], table)
            if length == 0:
                break
            count += 1
            single += kind == CHARACTER_WORD
        out[passage] = count >= (characters if 2 * single > count else words)


@kernel(BYTES, OFFSETS, OFFSETS, OFFSETS, OFFSETS, BYTES, OUT_BYTES, OUT_I64)
def _without(data, offsets, starts, firsts, ends, gone, out, out_starts):  # type: ignore[no-untyped-def]
    at = 0
    for document in range(len(offsets) - 1):
        out_starts[document] = at
        first_out, behind = at, offsets[document]  # of the last passage
        space, space_end, most, some = behind, behind, -1, False  # the space with the most line feeds since one stayed
        for k in range(starts[document], starts[document + 1]):
            feeds = 0
            for i in range(behind, firsts[k]):
                feeds += data[i] == 0x0A
            if feeds > most:
                space, space_end, most = behind, firsts[k], feeds
            behind, some = ends[k], some or gone[k] != 0
            if gone[k]:
                continue
            if at > first_out or not some:
                for i in range(space, space_end):
                    out[at] = data[i]
                    at += 1
            for i in range(firsts[k], ends[k]):
                out[at] = data[i]
                at += 1
            most = -1
        if not some or most < 0:
            for i in range(behind, offsets[document + 1]):
                out[at] = data[i]
                at += 1
    out_starts[len(offsets) - 1] = at


@functools.cache
def closing_table() -> np.ndarray:
    """1 for each code point that closes what a bracket or a quote opened."""
    table = np.zeros(TABLE_SIZE, dtype=np.uint8)
    table[[code for code in range(TABLE_SIZE) if unicodedata.category(chr(code)) in ("Pe", "Pf")]] = 1
    table[[ord(character) for character in "\"'"]] = 1
    table.flags.writeable = False
    return table


def split(column: pa.Array, alive: np.ndarray, kind: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first byte of each passage, byte behind it, starts [documents + 1]), int64, in the column's data.

    Documents whose `alive`, uint8, is 0 have no passages. All text but white space between passages is in one; lines
    and blocks begin with their indentation.
    """
    data, offsets = buffers(column)
    room = int(offsets[-1] - offsets[0]) // 2 + len(column) + 1  # at least a byte and a space each, but for the last
    out, starts = np.empty((room, 2), dtype=np.int64), np.zeros(len(column) + 1, dtype=np.int64)
    count = _split(data, offsets, alive, kind, class_table(), mark_table(), closing_table(), out, starts)
    return out[:count, 0].copy(), out[:count, 1].copy(), starts


def large(column: pa.Array, firsts: np.ndarray, ends: np.ndarray, words: int, characters: int) -> np.ndarray:
    """Whether each passage has so many words or, where most are single characters, so many characters; bool."""
    out = np.zeros(len(firsts), dtype=np.uint8)
    _large(buffers(column)[0], firsts, ends, class_table(), words, characters, out)
    return out.view(bool)


def without(column: pa.Array, passages: tuple[np.ndarray, np.ndarray, np.ndarray], gone: np.ndarray) -> pa.Array:
    """The texts without the passages whose `gone`, uint8, is 1; `passages` are those of `split`.

    Where some went, the space with the most line feeds among those around them stays; none stays at an end.
    """
    data, offsets = buffers(column)
    firsts, ends, starts = passages
    out = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint8)
    out_starts = np.zeros(len(column) + 1, dtype=np.int64)
    _without(data, offsets, starts, firsts, ends, gone, out, out_starts)
    buffer = pa.py_buffer(out[: out_starts[-1]].tobytes())
    return pa.Array.from_buffers(pa.large_string(), len(column), [None, pa.py_buffer(out_starts), buffer])
