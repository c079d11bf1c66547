"""C4's look at each line: which lines stay, which documents go, and the text that is left."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.marks import LEFT, QUOTE, TERMINAL, mark_table
from aigc_cli.clean.kernels.phrases import Phrases, match
from aigc_cli.clean.kernels.pieces import bits_of, suffix
from aigc_cli.clean.kernels.text import HAN, SPACE, buffers, class_table
from aigc_cli.clean.kernels.words import class_of, decode
from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_BYTES, OUT_I64, OUT_I64_2D, inner, kernel

STAYS, LOREM_IPSUM, CURLY_BRACKET = range(3)  # what becomes of a document
CODE, SENTENCES, LINES, LONG_WORD, NOT_ENDED, SHORT, PHRASE = range(7)  # columns of the result
FIELDS = 7
_SET = numba.types.Array(numba.int64, 1, "C", readonly=True)
CITATION, TERMINALS, LOREM, BRACKET = 1, 2, 4, 8  # bits of what is looked for


@inner
def _citation(data, i, end):  # type: ignore[no-untyped-def]
    """The byte behind [12], [], [edit] or [citation needed] at byte i; i when none stands there."""
    if data[i] != 0x5B:
        return i
    k = i + 1
    while k < end and 0x30 <= data[k] <= 0x39:
        k += 1
    if k < end and data[k] == 0x5D:
        return k + 1
    for word in (b"[edit]", b"[citation needed]"):
        if end - i >= len(word):
            same = 0
            while same < len(word) and data[i + same] == word[same]:
                same += 1
            if same == len(word):
                return i + len(word)
    return i


@inner
def _copy(data, start, end, citations, out, at):  # type: ignore[no-untyped-def]
    """Copy a line, without its citations if asked, to out[at:]; gives the byte behind."""
    i = start
    while i < end:
        if citations and data[i] == 0x5B:
            behind = _citation(data, i, end)
            if behind > i:
                i = behind
                continue
        out[at] = data[i]
        at, i = at + 1, i + 1
    return at


@inner
def _bare(data, start, end, table):  # type: ignore[no-untyped-def]
    """data[start:end] without space at its ends."""
    while start < end:
        code, i = decode(data, start, end)
        if class_of(table, code) != SPACE:
            break
        start = i
    while end > start:
        i = end - 1
        while i > start and (data[i] & 0xC0) == 0x80:
            i -= 1
        if class_of(table, decode(data, i, end)[0]) != SPACE:
            break
        end = i
    return start, end


@inner
def _measure(data, start, end, table):  # type: ignore[no-untyped-def]
    """(pieces between spaces, Han and kana characters, characters of the longest piece without those) of a line."""
    pieces, han, longest, length, inside = 0, 0, 0, 0, False
    i = start
    while i < end:
        code, i = decode(data, i, end)
        kind = class_of(table, code)
        if kind == SPACE or kind >= HAN:
            longest, length = max(longest, length), 0
            han += kind != SPACE
        else:
            length += 1
        pieces += kind != SPACE and not inside
        inside = kind != SPACE
    return pieces, han, max(longest, length)


@inner
def _ends_well(data, start, end, marks):  # type: ignore[no-untyped-def]
    """Whether a line ends with a mark that ends sentences or with a quote, and not with an ellipsis."""
    i = end - 1
    while i > start and (data[i] & 0xC0) == 0x80:
        i -= 1
    code, _ = decode(data, i, end)
    bits = bits_of(marks, code)
    if code == 0x2026 or code == 0x60 or code >= len(marks) or not bits & (TERMINAL | QUOTE):
        return False
    width = end - i
    if (code == 0x2E or code == 0x3002) and end - 3 * width >= start:
        k = end - 3 * width
        while k < i and data[k] == data[k + width]:
            k += 1
        return k < i
    return True


@inner
def _sentences(data, start, end, table, marks):  # type: ignore[no-untyped-def]
    """How many sentences a line has: one more begins with each word behind a mark that ends sentences."""
    count, over, i, begin = 1, False, start, start
    while i <= end:
        kind, stop = np.int64(SPACE), i + 1
        if i < end:
            code, stop = decode(data, i, end)
            kind = class_of(table, code)
        if kind == SPACE or kind >= HAN:
            piece, last = begin, i
            while piece < i:  # the marks before the word
                code, behind = decode(data, piece, i)
                bits = bits_of(marks, code)
                if not bits & LEFT and not (bits & TERMINAL and behind == i):
                    break
                over = over or (code < len(marks) and (bits & TERMINAL) != 0)
                piece = behind
            if piece < i:
                if over:
                    count, over = count + 1, False
                while last > piece:  # the marks behind it
                    cut = suffix(data, piece, last, marks)
                    if cut == last:
                        break
                    code, behind = decode(data, cut, last)
                    over = over or (behind == last and code < len(marks) and bits_of(marks, code) & TERMINAL != 0)
                    last = cut
            if kind != SPACE and over:
                count, over = count + 1, False
            begin = stop
        i = stop
    return count


@inner
def _phrase(data, start, end, heads, phrases, bounds, lorem):  # type: ignore[no-untyped-def]
    """(whether a line has the phrase of that number, whether it has another of the list)."""
    lorem_found, other = False, False
    for i in range(start, end):
        number, _ = match(data, i, end, heads, phrases, bounds)
        if number >= 0:
            lorem_found, other = lorem_found or number == lorem, other or number != lorem
    return lorem_found, other


@inner
def _bracket(data, start, end):  # type: ignore[no-untyped-def]
    """Whether there is a {."""
    while start < end and data[start] != 0x7B:
        start += 1
    return start < end


@kernel(BYTES, OFFSETS, BYTES, BYTES, _SET, BYTES, OFFSETS, INT64, _SET, OUT_BYTES, OUT_I64, OUT_I64_2D)
def _c4(data, offsets, table, marks, heads, phrases, bounds, lorem, settings, out, starts, numbers):  # type: ignore[no-untyped-def]
    look, least, least_han, longest = settings[0], settings[1], settings[2], settings[3]
    at = 0
    for document in range(len(offsets) - 1):
        starts[document] = at
        begin, end, row = offsets[document], offsets[document + 1], numbers[document]
        line, i, first_out = begin, begin, at
        while line <= end and row[CODE] == STAYS:
            i = line
            while i < end and data[i] != 0x0A:
                i += 1
            start, stop = _bare(data, line, i, table)
            line = i + 1
            if start == stop:
                continue
            row[LINES] += 1
            pieces, han, length = _measure(data, start, stop, table)
            if longest >= 0 and length > longest:
                row[LONG_WORD] += 1
                continue
            here = at + (at > first_out)
            begin_out, behind = _bare(out, here, _copy(data, start, stop, look & CITATION, out, here), table)
            if look & TERMINALS and (begin_out == behind or not _ends_well(out, begin_out, behind, marks)):
                row[NOT_ENDED] += 1
                continue
            if (han < least_han) if 2 * han > pieces else (pieces < least):
                row[SHORT] += 1
                continue
            has_lorem, has_other = _phrase(out, begin_out, behind, heads, phrases, bounds, lorem)
            if look & LOREM and has_lorem:
                row[CODE] = LOREM_IPSUM
            elif has_other:
                row[PHRASE] += 1
            elif look & BRACKET and _bracket(out, begin_out, behind):
                row[CODE] = CURLY_BRACKET
            else:
                row[SENTENCES] += _sentences(out, begin_out, behind, table, marks)
                if at > first_out:
                    out[at] = 0x0A
                for k in range(behind - begin_out):
                    out[here + k] = out[begin_out + k]
                at = here + behind - begin_out
        if row[CODE] != STAYS:
            at = first_out
    starts[len(offsets) - 1] = at


@dataclass(frozen=True)
class Settings:
    """What to look for; see the options of the rule c4_quality."""

    citations: bool
    terminals: bool
    lorem_ipsum: bool
    curly_bracket: bool
    min_words: int
    min_characters: int
    max_word: int  # -1: no limit


def c4(column: pa.Array, settings: Settings, phrases: Phrases, lorem: int) -> tuple[pa.Array, np.ndarray]:
    """(texts that are left, numbers int64 [documents, FIELDS]); `lorem` is that phrase's number in `phrases`."""
    data, offsets = buffers(column)
    s = settings
    look = s.citations * CITATION | s.terminals * TERMINALS | s.lorem_ipsum * LOREM | s.curly_bracket * BRACKET
    values = np.array([look, s.min_words, s.min_characters, s.max_word], dtype=np.int64)
    out = np.empty(int(offsets[-1] - offsets[0]) + 2, dtype=np.uint8)
    starts, numbers = np.zeros(len(column) + 1, np.int64), np.zeros((len(column), FIELDS), np.int64)
    _c4(data, offsets, class_table(), mark_table(), phrases.heads, phrases.bytes, phrases.bounds, lorem, values, out,
        starts, numbers)  # fmt: skip
    buffer = pa.py_buffer(out[: starts[-1]].tobytes())
    return pa.Array.from_buffers(pa.large_string(), len(column), [None, pa.py_buffer(starts), buffer]), numbers
