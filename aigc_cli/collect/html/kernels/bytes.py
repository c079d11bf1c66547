"""Reading the bytes of a page: letters, white space, names, characters."""

from __future__ import annotations

import numpy as np

from aigc_cli.collect.html.kernels.tags import KEY_BYTES, SLOTS, key_of
from aigc_cli.core.jit import inlined

_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(54)
_NBSP, _NBSP_DECIMAL, _NBSP_HEX = key_of("&nbsp;"), key_of("&#160;"), key_of("&#xa0;")


@inlined
def is_space(byte):  # type: ignore[no-untyped-def]
    """White space of HTML."""
    return byte == 32 or (9 <= byte <= 13 and byte != 11)


@inlined
def is_letter(byte):  # type: ignore[no-untyped-def]
    """A letter of ASCII."""
    return 97 <= byte | 32 <= 122


@inlined
def lower(byte):  # type: ignore[no-untyped-def]
    """The small letter of an ASCII letter, everything else as it is."""
    return byte + 32 if 65 <= byte <= 90 else byte


@inlined
def key(data, start, end):  # type: ignore[no-untyped-def]
    """tags.key_of data[start:end] in small letters."""
    value = np.int64(0)
    for i in range(start, min(end, start + KEY_BYTES)):
        value = value << 8 | np.int64(lower(data[i]))
    return value << 8 | min(end - start, 255)


@inlined
def tag_of(name, slot_keys, slot_tags):  # type: ignore[no-untyped-def]
    """The number of the tag with that key, 0 for one that HTML does not have."""
    slot = np.int64((np.uint64(name) * _MIX) >> _SHIFT)
    while slot_keys[slot] != 0:
        if slot_keys[slot] == name:
            return slot_tags[slot]
        slot = (slot + 1) % SLOTS
    return 0


@inlined
def find(data, byte, i, n):  # type: ignore[no-untyped-def]
    """Where `byte` is next, or n."""
    while i < n and data[i] != byte:
        i += 1
    return i


@inlined
def blank_length(data, i, n):  # type: ignore[no-untyped-def]
    """Bytes of the white space character at i, a no-break space and its references among them; 0 for none."""
    byte = data[i]
    if is_space(byte):
        return 1
    if byte == 0xC2 and i + 1 < n and data[i + 1] == 0xA0:
        return 2
    if byte == 38 and i + 5 < n and data[i + 5] == 59:
        name = key(data, i, i + 6)
        return 6 if name in (_NBSP, _NBSP_DECIMAL, _NBSP_HEX) else 0
    if byte == 0xE3 and i + 2 < n and data[i + 1] == 0x80 and data[i + 2] == 0x80:
        return 3
    return 0


@inlined
def letters_of(data, i, n):  # type: ignore[no-untyped-def]
    """(bytes, size, is punctuation of a sentence, is Chinese or Japanese) of the character at i.

    The size tells how much the character says, in Latin letters: a Chinese character stands for about three.
    """
    byte = data[i]
    if byte < 128:
        return 1, 1, byte == 44 or byte == 46 or byte == 33 or byte == 59 or byte == 63, False
    if byte < 0xE0 or i + 2 >= n:
        return (2 if byte >= 0xC0 else 1), 1, False, False
    if byte >= 0xF0:
        return 4, 1, False, False
    code = (np.int64(byte) & 15) << 12 | (np.int64(data[i + 1]) & 63) << 6 | (np.int64(data[i + 2]) & 63)
    if 0x3001 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF:
        return 3, (1 if code < 0x3040 else 3), code == 0x3001 or code == 0x3002, True
    if 0xFF01 <= code <= 0xFF5E:
        mark = code == 0xFF0C or code == 0xFF0E or code == 0xFF01 or code == 0xFF1B or code == 0xFF1F
        return 3, 1, mark, True
    if 0xAC00 <= code <= 0xD7A3:
        return 3, 2, False, False
    return 3, 1, False, False
