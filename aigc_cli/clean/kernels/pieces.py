"""One piece of text, between spaces, cut into tokens: what the rule in kernels.tokens says of its ends and inside."""

from __future__ import annotations

import numpy as np

from aigc_cli.clean.kernels.marks import CUT, HYPHEN, LEFT, LOWER, QUOTE, RIGHT, TERMINAL, UPPER
from aigc_cli.clean.kernels.text import HAN, LATIN, LETTER, TABLE_SIZE
from aigc_cli.clean.kernels.words import class_of, decode, hash_bytes
from aigc_cli.core.jit import inner

PLAIN, END, NUMBER, LETTERS, CHARACTER = range(5)  # kinds of tokens: marks (END closes sentences), then words
KINDS = 5


@inner
def bits_of(marks, code):  # type: ignore[no-untyped-def]
    """A code point's bits of kernels.marks; above its table lie letters."""
    return np.int64(marks[code]) if code < TABLE_SIZE else np.int64(LOWER)


@inner
def _before(data, start, i):  # type: ignore[no-untyped-def]
    """The first byte of the character that ends before byte i > start."""
    i -= 1
    while i > start and (data[i] & 0xC0) == 0x80:
        i -= 1
    return i


@inner
def is_digit(byte):  # type: ignore[no-untyped-def]
    """Whether a byte is 0 to 9."""
    return 0x30 <= byte <= 0x39


@inner
def is_lower(byte):  # type: ignore[no-untyped-def]
    """Whether a byte is a to z."""
    return 0x61 <= byte <= 0x7A


@inner
def dots(data, i, end):  # type: ignore[no-untyped-def]
    """Where the run of full stops from byte i on ends."""
    while i < end and data[i] == 0x2E:
        i += 1
    return i


@inner
def _is_address(data, start, end):  # type: ignore[no-untyped-def]
    """Whether a piece is name.name with a last name in small letters, as hosts and files have, or has a :// in it."""
    labels, length, lower = 0, 0, 0  # labels that a dot ended; the current one, and its run of small letters
    i = start
    while i < end:
        byte = data[i]
        if byte == 0x2E:
            if length == 0 or data[i - 1] == 0x2D:
                return False
            labels, length, lower = labels + 1, 0, 0
        elif is_digit(byte) or 0x61 <= (byte | 32) <= 0x7A or byte >= 0x80 or byte == 0x5F or byte == 0x2D:
            if length == 0 and (byte == 0x2D or byte == 0x5F):
                return False
            length += 1
            lower = lower + 1 if is_lower(byte) else -(1 << 30)
        elif byte == 0x3A and i + 2 < end and data[i + 1] == 0x2F and data[i + 2] == 0x2F:
            return i > start + 1
        elif byte == 0x40 and labels == 0 and length > 0:
            length, lower = 0, 0
        elif byte == 0x3A or byte == 0x2F or byte == 0x3F or byte == 0x23:
            if byte == 0x3A and not (i + 1 < end and is_digit(data[i + 1])):
                return False
            break
        else:
            return False
        i += 1
    return labels > 0 and lower >= 2


@inner
def suffix(data, start, end, marks):  # type: ignore[no-untyped-def]
    """Where the last mark or ending of data[start:end] begins; `end` when there is none."""
    i = _before(data, start, end)
    byte = data[i]
    if byte == 0x2E:
        first = i
        while first > start and data[first - 1] == 0x2E:
            first -= 1
        if i > first:
            return first
        if i == start:
            return end
        at = _before(data, start, i)
        code, _ = decode(data, at, i)
        bits = bits_of(marks, code)
        if is_digit(code) or bits & (LOWER | RIGHT) or code == 0x25 or code == 0x2B or code == 0x2D:
            return i
        if bits & UPPER and at > start:
            at = _before(data, start, at)
            code, _ = decode(data, at, i)
            return i if bits_of(marks, code) & UPPER else end
        return end
    code, _ = decode(data, i, end)
    bits = bits_of(marks, code)
    if bits & RIGHT:
        return i
    if i > start and (code == 0x2B or code == 0x25 or code == 0x24 or 0x20A0 <= code < 0x20D0):
        return i if is_digit(data[i - 1]) else end
    if bits & (LOWER | UPPER) and end - start > 2:
        return _ending(data, start, end)
    return end


@inner
def _ending(data, start, end):  # type: ignore[no-untyped-def]
    """Where 's, 'll, 're, 've, 'm, 'd or n't begins, behind a letter; `end` when there is none."""
    last = data[end - 1] | 32
    i = end - 1 if last == 0x73 or last == 0x6D or last == 0x64 or last == 0x74 else end - 2
    if i - 1 <= start:
        return end
    if i == end - 2:
        first = data[i] | 32
        if not ((first == 0x6C and last == 0x6C) or ((first == 0x72 or first == 0x76) and last == 0x65)):
            return end
    if data[i - 1] == 0x27:
        i -= 1
    elif i - 3 > start and data[i - 3] == 0xE2 and data[i - 2] == 0x80 and data[i - 1] == 0x99:
        i -= 3
    else:
        return end
    if last == 0x74:
        i -= 1
        if i <= start or data[i] | 32 != 0x6E:
            return end
    before = data[i - 1]
    return i if 0x61 <= (before | 32) <= 0x7A or before >= 0x80 or (last == 0x73 and is_digit(before)) else end


@inner
def _infix(data, i, start, end, marks):  # type: ignore[no-untyped-def]
    """Where the mark at byte i, which cuts its piece, ends; i when it does not cut."""
    code, stop = decode(data, i, end)
    bits = bits_of(marks, code)
    if bits & (LOWER | UPPER) or is_digit(code):
        return i
    if code == 0x2E:
        stop = dots(data, i, end)
        if stop > i + 1:
            return stop
    if code == 0x2026 or bits & CUT:
        return stop
    if i == start or stop >= end:
        return i
    code_before, _ = decode(data, _before(data, start, i), i)
    before = bits_of(marks, code_before)
    if bits & HYPHEN:
        while code == 0x2D and stop < end and data[stop] == 0x2D and stop < i + 3:
            stop += 1
    if stop >= end:
        return i
    code_after, _ = decode(data, stop, end)
    after = bits_of(marks, code_after)
    letter_before, letter_after = before & (LOWER | UPPER), after & (LOWER | UPPER)
    if code == 0x2E:
        return stop if before & (LOWER | QUOTE) and after & (UPPER | QUOTE) else i
    if code == 0x2C:
        return stop if letter_before and letter_after else i
    arithmetic = code == 0x2B or code == 0x2D or code == 0x2A or code == 0x5E
    if arithmetic and is_digit(code_before) and (is_digit(code_after) or code_after == 0x2D):
        return stop
    if bits & HYPHEN or code == 0x3A or code == 0x3C or code == 0x3E or code == 0x3D or code == 0x2F:
        return stop if (letter_before or is_digit(code_before)) and letter_after else i
    return i


@inner
def emit(data, start, stop, table, marks, hashes, sizes, kinds, count):  # type: ignore[no-untyped-def]
    """Note the token data[start:stop]; gives the number of tokens so far."""
    i, characters, kind, terminal = start, 0, PLAIN, False
    while i < stop:
        code, i = decode(data, i, stop)
        characters += 1
        found = class_of(table, code)
        if found >= LATIN:
            if found >= HAN:
                kind = CHARACTER
            elif found <= LETTER:
                kind = max(kind, LETTERS)
            else:
                kind = max(kind, NUMBER)
        elif characters == 1:
            terminal = (bits_of(marks, code) & TERMINAL) != 0 and code < TABLE_SIZE
    if terminal and characters == 1:
        kind = END
    hashes[count], sizes[count], kinds[count] = hash_bytes(data, start, stop, False), characters, kind
    return count + 1


@inner
def _middle(data, start, end, table, marks, hashes, sizes, kinds, count):  # type: ignore[no-untyped-def]
    """Note the tokens of a piece without its outer marks."""
    if start == end:
        return count
    if _is_address(data, start, end):
        return emit(data, start, end, table, marks, hashes, sizes, kinds, count)
    i = begin = start
    while i < end:
        stop = _infix(data, i, start, end, marks)
        if stop > i:
            if i > begin:
                count = emit(data, begin, i, table, marks, hashes, sizes, kinds, count)
            count = emit(data, i, stop, table, marks, hashes, sizes, kinds, count)
            begin = i = stop
        else:
            _, i = decode(data, i, end)
    if end > begin:
        count = emit(data, begin, end, table, marks, hashes, sizes, kinds, count)
    return count


@inner
def cut_piece(data, start, end, table, marks, hashes, sizes, kinds, count):  # type: ignore[no-untyped-def]
    """Note the tokens of data[start:end], which has neither space nor Han characters."""
    while start < end:
        code, stop = decode(data, start, end)
        if code == 0x2E and dots(data, start, end) > stop:
            stop = dots(data, start, end)
        elif code == 0x2B:
            if stop < end and is_digit(data[stop]):
                break
        elif not bits_of(marks, code) & LEFT:
            break
        count = emit(data, start, stop, table, marks, hashes, sizes, kinds, count)
        start = stop
    last, suffixes = end, 0
    while last > start:
        cut = suffix(data, start, last, marks)
        if cut == last:
            break
        last, suffixes = cut, suffixes + 1
    count = _middle(data, start, last, table, marks, hashes, sizes, kinds, count)
    last = end
    for place in range(count + suffixes - 1, count - 1, -1):  # found from the end, noted in order
        cut = suffix(data, start, last, marks)
        emit(data, cut, last, table, marks, hashes, sizes, kinds, place)
        last = cut
    return count + suffixes
