"""What each character may do at the ends of a piece of text and inside it: brackets, quotes, marks, letters."""

from __future__ import annotations

import functools
import unicodedata

import numpy as np

from aigc_cli.clean.kernels.text import TABLE_SIZE

LEFT, RIGHT, QUOTE, UPPER, LOWER, TERMINAL, CUT, HYPHEN = (1 << k for k in range(8))  # bits of the table
# Source: Unicode 16, PropList.txt, Sentence_Terminal.
_TERMINAL = (
    (0x21, 0x22), (0x2E, 0x2F), (0x3F, 0x40), (0x589, 0x58A), (0x61D, 0x620), (0x6D4, 0x6D5), (0x700, 0x703),
    (0x7F9, 0x7FA), (0x837, 0x838), (0x839, 0x83A), (0x83D, 0x83F), (0x964, 0x966), (0x104A, 0x104C), (0x1362, 0x1363),
    (0x1367, 0x1369), (0x166E, 0x166F), (0x1735, 0x1737), (0x17D4, 0x17D6), (0x1803, 0x1804), (0x1809, 0x180A),
    (0x1944, 0x1946), (0x1AA8, 0x1AAC), (0x1B5A, 0x1B5C), (0x1B5E, 0x1B60), (0x1B7D, 0x1B7F), (0x1C3B, 0x1C3D),
    (0x1C7E, 0x1C80), (0x203C, 0x203E), (0x2047, 0x204A), (0x2E2E, 0x2E2F), (0x2E3C, 0x2E3D), (0x2E53, 0x2E55),
    (0x3002, 0x3003), (0xA4FF, 0xA500), (0xA60E, 0xA610), (0xA6F3, 0xA6F4), (0xA6F7, 0xA6F8), (0xA876, 0xA878),
    (0xA8CE, 0xA8D0), (0xA92F, 0xA930), (0xA9C8, 0xA9CA), (0xAA5D, 0xAA60), (0xAAF0, 0xAAF2), (0xABEB, 0xABEC),
    (0xFE52, 0xFE53), (0xFE56, 0xFE58), (0xFF01, 0xFF02), (0xFF0E, 0xFF0F), (0xFF1F, 0xFF20), (0xFF61, 0xFF62),
    (0x10A56, 0x10A58), (0x10F55, 0x10F5A), (0x11047, 0x11049), (0x110BE, 0x110C2), (0x11141, 0x11144),
    (0x111C5, 0x111C7), (0x111CD, 0x111CE), (0x111DE, 0x111E0), (0x11238, 0x1123A), (0x1123B, 0x1123D),
    (0x112A9, 0x112AA), (0x1144B, 0x1144D), (0x115C2, 0x115C4), (0x115C9, 0x115D8), (0x11641, 0x11643),
    (0x1173C, 0x1173F), (0x11944, 0x11945), (0x11946, 0x11947), (0x11A42, 0x11A44), (0x11A9B, 0x11A9D),
    (0x11C41, 0x11C43), (0x11EF7, 0x11EF9), (0x16A6E, 0x16A70), (0x16AF5, 0x16AF6), (0x16B37, 0x16B39),
    (0x16B44, 0x16B45), (0x1BC9F, 0x1BCA0), (0x1DA88, 0x1DA89),
)  # fmt: skip


@functools.cache
def mark_table() -> np.ndarray:
    """What a code point below TABLE_SIZE may do at the ends of a piece and in it, uint8 of the bits above."""
    table = np.zeros(TABLE_SIZE, dtype=np.uint8)
    ends = LEFT | RIGHT
    for code in range(TABLE_SIZE):
        category = unicodedata.category(chr(code))
        if category in ("Lu", "Lt"):
            table[code] = UPPER
        elif category[0] == "L":
            table[code] = LOWER
        elif category in ("Ps", "Pe", "Pi", "Pf"):
            table[code] = ends | (QUOTE if category in ("Pi", "Pf") or code >= 0x3000 else 0)
        elif category in ("Po", "Pc"):
            table[code] = ends
        elif category == "Sc":
            table[code] = LEFT
        elif category == "So":
            table[code] = ends | CUT
        if (0x3000 <= code < 0x3040 and category[0] in "PS") or (0xFF00 <= code < 0xFFF0 and category[0] == "P"):
            table[code] |= ends | CUT  # full-width marks have their space in themselves
    table[[ord(c) for c in "<>"]] = ends
    table[[ord(c) for c in "\"'`´"]] = ends | QUOTE
    table[[ord(c) for c in "§="]] = LEFT
    table[[ord(c) for c in "/\\@†‡‰′″"]] = 0
    table[ord(".")] = table[ord("%")] = LEFT
    table[[ord(c) for c in "—–"]] = ends | HYPHEN
    table[[ord(c) for c in "-~"]] = HYPHEN
    for low, high in _TERMINAL:
        table[low : min(high, TABLE_SIZE)] |= TERMINAL
    table[ord(".")] = TERMINAL
    table.flags.writeable = False
    return table
