"""From Arrow text columns to what kernels read: bytes, offsets and the class of every character."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from aigc_cli.core.text_buffers import buffers

__all__ = ["CLASSES", "TABLE_SIZE", "buffers", "class_table", "once"]

T = TypeVar("T")

# Classes of characters. Word characters are those from LATIN on; the ones from HAN on are a word each.
OTHER, SPACE, PUNCTUATION, SYMBOL = 0, 1, 2, 3
LATIN, GREEK, CYRILLIC, HEBREW, ARABIC, INDIC, HANGUL, LETTER, MARK, DIGIT = range(4, 14)
HAN, KANA, UNSPACED = 14, 15, 16
CLASSES = 17
TABLE_SIZE = 0x20000  # planes 0 and 1; above lie only Han extensions (planes 2 and 3) and nothing to read

_SCRIPTS = (
    (LATIN, ((0x41, 0x250), (0x1E00, 0x1F00), (0x2C60, 0x2C80), (0xA720, 0xA800), (0xFB00, 0xFB07), (0xFF21, 0xFF5B))),
    (GREEK, ((0x370, 0x400), (0x1F00, 0x2000))),
    (CYRILLIC, ((0x400, 0x530), (0x1C80, 0x1C90), (0x2DE0, 0x2E00), (0xA640, 0xA6A0))),
    (HEBREW, ((0x590, 0x600), (0xFB1D, 0xFB50))),
    (ARABIC, ((0x600, 0x780), (0x8A0, 0x900), (0xFB50, 0xFE00), (0xFE70, 0xFEFF))),
    (INDIC, ((0x900, 0xE00),)),
    (HANGUL, ((0x1100, 0x1200), (0x3130, 0x3190), (0xA960, 0xA980), (0xAC00, 0xD800))),
    (UNSPACED, ((0xE00, 0x10A0), (0x1780, 0x1800))),  # Thai, Lao, Tibetan, Myanmar, Khmer
    (HAN, ((0x2E80, 0x2FE0), (0x3005, 0x3008), (0x3021, 0x302A), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00))),
    (KANA, ((0x3031, 0x3036), (0x3041, 0x3100), (0x31F0, 0x3200), (0xFF66, 0xFFA0), (0x1B000, 0x1B170))),
)  # fmt: skip


@functools.cache
def class_table() -> np.ndarray:
    """The class of every code point below TABLE_SIZE, uint8. Source: unicodedata's categories, Unicode's blocks."""
    table = np.zeros(TABLE_SIZE, dtype=np.uint8)
    first = {"L": LETTER, "M": MARK, "N": DIGIT, "P": PUNCTUATION, "S": SYMBOL, "Z": SPACE}
    table[:] = [first.get(unicodedata.category(chr(code))[0], OTHER) for code in range(TABLE_SIZE)]
    table[[0x9, 0xA, 0xB, 0xC, 0xD, 0x1C, 0x1D, 0x1E, 0x1F, 0x85]] = SPACE
    letters = table == LETTER
    letters[[0x3007, *range(0x3021, 0x302A)]] = True  # the Han zero and numerals are numbers to Unicode
    for script, ranges in _SCRIPTS:
        for low, high in ranges:
            part = table[low:high]
            part[letters[low:high]] = script
            if script == UNSPACED:
                part[part == MARK] = OTHER  # a vowel sign belongs to its consonant and is no word of its own
    table.flags.writeable = False
    return table


def once(function: Callable[[pa.Array], T]) -> Callable[[pa.Array], T]:
    """The function with its last result kept: several rules in a row ask the same of the same column."""
    held: list[Any] = [None, None, None]

    @functools.wraps(function)
    def wrapper(column: pa.Array) -> T:
        key = (tuple(b.address if b else 0 for b in column.buffers()), column.offset, len(column))
        if held[0] != key:
            held[:] = key, column, function(column)  # the column is held so that its address is not used anew
        return held[2]

    return wrapper
