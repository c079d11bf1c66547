"""The cheap look at every document that spares most of them the slow rules: one bit for each suspicion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.text import MARK, SPACE, buffers, class_table, once
from aigc_cli.clean.kernels.words import class_of, decode
from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_I64, OUT_I64_2D, inner, kernel

MOJIBAKE = 1  # a pair of characters as UTF-8 read in an 8-bit encoding gives
CONTROL = 2  # control characters, byte order marks, noncharacters
ENTITY = 4  # &name; or &#number;
COMPOSABLE = 8  # characters that NFC may change
CARRIAGE = 16  # \r
TRAILING = 32  # space before a line's end or the document's end
BLANKS = 64  # two or more empty lines in a row
ODD_SPACE = 128  # a space other than ' ', \t, \n, \r; line and paragraph separators
EDGE = 256  # the document begins or ends with a line feed
INVISIBLE = 512  # zero-width space, word joiner, soft hyphen
AT = 1024  # @
DIGITS = 2048  # seven or more digits, at most three of the marks of _is_joint between two of them
QUAD = 8192  # three full stops between digits, as in an IPv4 address
COLONS = 4096  # two colons with at most four hexadecimal digits between them
OF_LINES = MOJIBAKE | CONTROL | ENTITY | AT | DIGITS | QUAD | COLONS  # what is noted for each line


@inner
def _is_windows_special(code):  # type: ignore[no-untyped-def]
    """Whether windows-1252 has the character at 0x80-0x9F."""
    if code in (0x20AC, 0x192, 0x2C6, 0x160, 0x152, 0x17D, 0x2DC, 0x2122, 0x161, 0x153, 0x17E, 0x178, 0x2030):
        return True
    return 0x2013 <= code <= 0x2014 or 0x2018 <= code <= 0x2022 or code in (0x2026, 0x2039, 0x203A)


@inner
def _is_mojibake(first, second):  # type: ignore[no-untyped-def]
    """Whether two characters look like the lead and the second byte of UTF-8 in windows-1252, 1251 or Mac Roman."""
    if 0xC2 <= first <= 0xF4:
        return 0x80 <= second <= 0xBF or _is_windows_special(second)
    if first == 0x420 or first == 0x421:  # the Cyrillic letters at 0xD0 and 0xD1 of windows-1251
        return 0x402 <= second <= 0x40F or 0x451 <= second <= 0x45F or 0xA0 <= second <= 0xBF
    return first == 0x221A and second >= 0x80  # the root sign at 0xC3 of Mac Roman


@inner
def _wide_flags(code, kind, previous):  # type: ignore[no-untyped-def]
    """Flags of one character from U+0080 on."""
    found = 0
    if _is_mojibake(previous, code):
        found |= MOJIBAKE
    if code < 0xA0 or code == 0xFEFF or 0xFFF9 <= code <= 0xFFFC or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code < 0xFDF0:
        found |= CONTROL
    if kind == SPACE:
        found |= ODD_SPACE
    composed = kind == MARK or 0x1100 <= code < 0x1200 or 0xF900 <= code < 0xFB00 or 0x2F800 <= code < 0x2FA20
    single = code in (0x37E, 0x387, 0x2126, 0x212A, 0x212B, 0x2000, 0x2001, 0x2329, 0x232A) or 0x1F71 <= code < 0x2000
    if composed or single:
        found |= COMPOSABLE
    if code == 0x200B or code == 0x2060 or code == 0xAD:
        found |= INVISIBLE
    return found


@inner
def _is_letter(code):  # type: ignore[no-untyped-def]
    """Whether a code point is an ASCII letter."""
    return 0x61 <= (code | 32) <= 0x7A


@inner
def _is_entity(data, i, end):  # type: ignore[no-untyped-def]
    """Whether the & at byte i begins &name; with a name of 1 to 8 letters, digits, # signs."""
    for k in range(i + 1, min(i + 10, end)):
        byte = data[k]
        if byte == 0x3B:
            return k > i + 1
        if not (_is_letter(byte) or 0x30 <= byte <= 0x39 or byte == 0x23):
            return False
    return False


@inner
def _is_joint(code):  # type: ignore[no-untyped-def]
    """Whether a code point stands between the groups of a number: space, full stop, bracket, hyphen."""
    return code == 0x20 or code == 0x2E or code == 0x28 or code == 0x29 or code == 0x2D or code == 0xA0


@kernel(BYTES, OFFSETS, BYTES, OUT_I64, OUT_I64_2D, returns=INT64)
def _flag(data, offsets, table, out, lines):  # type: ignore[no-untyped-def]
    count = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        found, feeds, begin = 0, 0, start
        line, digits, gap, hexadecimal, stops = 0, 0, 0, -1, 0  # of the current line
        previous = np.int64(0x0A)
        i = start
        while i < end:
            here = i
            code, i = decode(data, i, end)
            if code == 0x2E:
                stops = stops + 1 if 0x30 <= previous <= 0x39 else 0
            elif 0x30 <= code <= 0x39:
                if stops >= 3:
                    line |= QUAD
                digits, gap = digits + 1, 0
                if digits >= 7:
                    line |= DIGITS
            else:
                stops = 0
            if code < 0x30 or code > 0x39:
                gap += 1
                if gap > 3 or not _is_joint(code):
                    digits = 0
            if code >= 0x80:
                kind = class_of(table, code)
                line |= _wide_flags(code, kind, previous)
                if kind != SPACE:
                    feeds = 0
                hexadecimal = -1
            elif code == 0x0A:
                if previous == 0x20 or previous == 0x09:
                    found |= TRAILING
                feeds += 1
                if feeds > 2:
                    found |= BLANKS
                if here == start or i == end:
                    found |= EDGE
            elif code == 0x20 or code == 0x09:
                hexadecimal = -1
            else:
                feeds = 0
                if code == 0x3A:
                    if hexadecimal >= 0:
                        line |= COLONS
                    hexadecimal = 0
                elif 0x30 <= code <= 0x39:
                    hexadecimal = hexadecimal + 1 if 0 <= hexadecimal < 4 else -1
                elif _is_letter(code):
                    hexadecimal = hexadecimal + 1 if 0 <= hexadecimal < 4 and (code | 32) <= 0x66 else -1
                else:
                    hexadecimal = -1
                    if code == 0x40:
                        line |= AT
                    elif code == 0x26:
                        if _is_entity(data, here, end):
                            line |= ENTITY
                    elif code == 0x0D:
                        found |= CARRIAGE
                    elif code == 0x0B or code == 0x0C:
                        found |= ODD_SPACE
                    elif code < 0x20 or code == 0x7F:
                        line |= CONTROL
            if code == 0x0A or i == end:
                if line & OF_LINES:
                    row = lines[count]
                    row[0], row[1], row[2], row[3] = document, begin, i, line
                    count += 1
                found |= line
                line, digits, gap, hexadecimal, stops, begin = 0, 0, 0, -1, 0, i
            previous = code
        if previous == 0x20 or previous == 0x09:
            found |= TRAILING
        out[document] = found
    return count


class Flags:
    """`documents`: the bits of each document, int64. `lines`: (document, first byte, byte behind, bits) of each line
    that has one of OF_LINES, int64 [lines, 4]; the bytes count in the column's data."""

    def __init__(self, column: pa.Array, documents: np.ndarray, lines: np.ndarray) -> None:
        self.documents, self.lines = documents, lines
        self._data, self._offsets = buffers(column)
        self._starts = np.searchsorted(lines[:, 0], np.arange(len(column) + 1))

    def rows(self, bits: int) -> list[int]:
        """The documents that have one of the bits."""
        return np.flatnonzero(self.documents & bits).tolist()

    def text(self, row: int) -> str:
        """The text of a document."""
        return self._data[self._offsets[row] : self._offsets[row + 1]].tobytes().decode(errors="replace")

    def rewrite(self, row: int, bits: int, change: Callable[[str, int], str]) -> str | None:
        """The document with `change(line, its bits)` in place of each line that has one of `bits`; None if equal."""
        start, end = int(self._offsets[row]), int(self._offsets[row + 1])
        pieces: list[bytes] = []
        for _, first, last, found in self.lines[self._starts[row] : self._starts[row + 1]].tolist():
            if found & bits:
                old = self._data[first:last].tobytes()
                new = change(old.decode(errors="replace"), found).encode()
                if new != old:
                    pieces += [self._data[start:first].tobytes(), new]
                    start = last
        if not pieces:
            return None
        return b"".join([*pieces, self._data[start:end].tobytes()]).decode(errors="replace")


@once
def flags(column: pa.Array) -> Flags:
    """The suspicion bits of each document of a text column and of its lines."""
    data, offsets = buffers(column)
    found = np.zeros(len(column), dtype=np.int64)
    most = int(np.count_nonzero(data[offsets[0] : offsets[-1]] == 0x0A)) + len(column)
    lines = np.empty((most, 4), dtype=np.int64)
    count = _flag(data, offsets, class_table(), found, lines)
    return Flags(column, found, lines[:count].copy())
