"""Characters and words of UTF-8 bytes: what the other kernels are made of.

Word rule: a run of letters, digits and combining marks is a word, an apostrophe between two letters belongs to it;
every Han or kana character (and every letter of Thai, Lao, Khmer, Myanmar, Tibetan) is a word of its own.
"""

from __future__ import annotations

import numpy as np

from aigc_cli.clean.kernels.text import DIGIT, HAN, LATIN, LETTER, MARK, TABLE_SIZE
from aigc_cli.core.jit import inner

NUMBER_WORD, LETTER_WORD, CHARACTER_WORD = 0, 1, 2  # kinds of words; the last are single characters

FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@inner
def decode(data, i, end):  # type: ignore[no-untyped-def]
    """(code point, position after it) at byte i < end; a damaged sequence gives its first byte alone."""
    first = np.int64(data[i])
    if first < 0x80:
        return first, i + 1
    if 0xC0 <= first < 0xE0 and i + 1 < end:
        return (first & 0x1F) << 6 | np.int64(data[i + 1]) & 0x3F, i + 2
    if 0xE0 <= first < 0xF0 and i + 2 < end:
        return (first & 0x0F) << 12 | (np.int64(data[i + 1]) & 0x3F) << 6 | np.int64(data[i + 2]) & 0x3F, i + 3
    if first >= 0xF0 and i + 3 < end:
        high = (first & 0x07) << 18 | (np.int64(data[i + 1]) & 0x3F) << 12
        return high | (np.int64(data[i + 2]) & 0x3F) << 6 | np.int64(data[i + 3]) & 0x3F, i + 4
    return first, i + 1


@inner
def class_of(table, code):  # type: ignore[no-untyped-def]
    """The class of a code point; planes 2 and 3 are Han."""
    if code < TABLE_SIZE:
        return np.int64(table[code])
    return HAN if code < 0x40000 else 0


@inner
def next_word(data, i, end, table):  # type: ignore[no-untyped-def]
    """(start, stop, characters, kind) of the first word at or after byte i; characters is 0 when there is none."""
    while i < end:
        code, stop = decode(data, i, end)
        kind = class_of(table, code)
        if kind >= HAN:
            return i, stop, 1, CHARACTER_WORD
        if kind < LATIN or kind == MARK:
            i = stop
            continue
        characters, last, letters = 1, kind, kind <= LETTER
        while stop < end:
            code, after = decode(data, stop, end)
            kind = class_of(table, code)
            if LATIN <= kind <= DIGIT:
                characters += 1
                if kind != MARK:
                    last, letters = kind, letters or kind <= LETTER
            elif (code == 0x27 or code == 0x2019) and last <= LETTER and after < end:
                code, after = decode(data, after, end)
                kind = class_of(table, code)
                if kind < LATIN or kind > LETTER:
                    break
                characters, last = characters + 2, kind
            else:
                break
            stop = after
        return i, stop, characters, LETTER_WORD if letters else NUMBER_WORD
    return end, end, 0, NUMBER_WORD


@inner
def mix(value):  # type: ignore[no-untyped-def]
    """A well-spread permutation of 64-bit numbers. Source: the finaliser of splitmix64 (Steele et al. 2014)."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


@inner
def fold(byte):  # type: ignore[no-untyped-def]
    """The byte with ASCII capitals made small."""
    return byte | np.uint8(32) if np.uint8(65) <= byte <= np.uint8(90) else byte


@inner
def hash_bytes(data, start, stop, folded):  # type: ignore[no-untyped-def]
    """64-bit hash of bytes; `folded`: as if ASCII capitals were small. Source: FNV-1a, then splitmix64's finaliser."""
    value = FNV_OFFSET
    for i in range(start, stop):
        byte = fold(data[i]) if folded else data[i]
        value = (value ^ np.uint64(byte)) * FNV_PRIME
    return mix(value)


def hash_word(word: str) -> int:
    """hash_bytes of a word, computed in Python: for tables that kernels look words up in."""
    wide = (1 << 64) - 1
    value = int(FNV_OFFSET)
    for byte in word.encode():
        value = ((value ^ byte) * int(FNV_PRIME)) & wide
    value = ((value ^ (value >> 30)) * int(_MIX_1)) & wide
    value = ((value ^ (value >> 27)) * int(_MIX_2)) & wide
    return value ^ (value >> 31)
