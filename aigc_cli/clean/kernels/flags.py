"""The cheap look at every document that spares most of them the slow rules: one bit for each suspicion."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.jit import BYTES, OFFSETS, OUT_I64, inner, kernel
from aigc_cli.clean.kernels.text import MARK, SPACE, buffers, class_table, once
from aigc_cli.clean.kernels.words import class_of, decode

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
DIGITS = 2048  # seven or more digits
QUAD = 8192  # three full stops between digits, as in an IPv4 address
COLONS = 4096  # two colons with at most four hexadecimal digits between them


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
def _is_entity(data, i, end):  # type: ignore[no-untyped-def]
    """Whether the & at byte i begins &name; with a name of 1 to 8 letters, digits, # signs."""
    for k in range(i + 1, min(i + 10, end)):
        byte = data[k]
        if byte == 0x3B:
            return k > i + 1
        letter = 0x61 <= (byte | 32) <= 0x7A
        if not (letter or 0x30 <= byte <= 0x39 or byte == 0x23):
            return False
    return False


@kernel(BYTES, OFFSETS, BYTES, OUT_I64)
def _flag(data, offsets, table, out):  # type: ignore[no-untyped-def]
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        found, digits, feeds, hexadecimal, stops = 0, 0, 0, -1, 0
        previous = np.int64(0x0A)
        i = start
        while i < end:
            here = i
            code, i = decode(data, i, end)
            if code == 0x2E:
                stops = stops + 1 if 0x30 <= previous <= 0x39 else 0
            elif 0x30 <= code <= 0x39:
                if stops >= 3:
                    found |= QUAD
            else:
                stops = 0
            if code >= 0x80:
                kind = class_of(table, code)
                found |= _wide_flags(code, kind, previous)
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
                hexadecimal = -1
            elif code == 0x20 or code == 0x09:
                hexadecimal = -1
            else:
                feeds = 0
                if code == 0x3A:
                    if hexadecimal >= 0:
                        found |= COLONS
                    hexadecimal = 0
                elif 0x30 <= code <= 0x39:
                    digits += 1
                    hexadecimal = hexadecimal + 1 if 0 <= hexadecimal < 4 else -1
                elif 0x61 <= (code | 32) <= 0x66:
                    hexadecimal = hexadecimal + 1 if 0 <= hexadecimal < 4 else -1
                else:
                    hexadecimal = -1
                    if code == 0x40:
                        found |= AT
                    elif code == 0x26:
                        if _is_entity(data, here, end):
                            found |= ENTITY
                    elif code == 0x0D:
                        found |= CARRIAGE
                    elif code == 0x0B or code == 0x0C:
                        found |= ODD_SPACE
                    elif code < 0x20 or code == 0x7F:
                        found |= CONTROL
            previous = code
        if previous == 0x20 or previous == 0x09:
            found |= TRAILING
        out[document] = found | (DIGITS if digits >= 7 else 0)


@once
def flags(column: pa.Array) -> np.ndarray:
    """The suspicion bits of each document of a text column, int64 [documents]."""
    data, offsets = buffers(column)
    found = np.zeros(len(column), dtype=np.int64)
    _flag(data, offsets, class_table(), found)
    return found
