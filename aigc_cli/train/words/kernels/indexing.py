"""Words of UTF-8 text as numbers, in order of first appearance."""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_BYTES, OUT_I32, OUT_I64, inlined, inner, kernel

# A byte of text: between words, in a word, a word by itself (with the bytes that belong to it).
OUTSIDE, LETTER, ALONE = 0, 1, 2


@inlined
def _step(data, i, end, spaces):  # type: ignore[no-untyped-def]
    """(kind of the character at i, its bytes); `spaces`: everything above the space is a letter."""
    b = data[i]
    if spaces:
        return (LETTER if b > 32 else OUTSIDE), 1
    if b < 0x80:
        letter = (97 <= b <= 122) or (65 <= b <= 90) or (48 <= b <= 57) or b == 95
        if b == 39 and i + 1 < end:  # an apostrophe between letters
            n = data[i + 1]
            letter = (
                i > 0
                and (97 <= n <= 122 or 65 <= n <= 90)
                and (97 <= data[i - 1] <= 122 or 65 <= data[i - 1] <= 90 or data[i - 1] >= 0x80)
            )
        return (LETTER if letter else OUTSIDE), 1
    size = 2 if b < 0xE0 else (3 if b < 0xF0 else 4)
    if i + size > end:
        return OUTSIDE, 1
    n = data[i + 1]
    if b == 0xC2 or (b == 0xE2 and n < 0xB0) or (b == 0xE3 and n == 0x80) or (b == 0xEF and n >= 0xB8):
        return OUTSIDE, size  # signs: Latin-1, U+2000 to U+2BFF, CJK, full width
    if (b == 0xE3 and n >= 0x90) or 0xE4 <= b <= 0xE9 or (b == 0xF0 and n >= 0xA0):
        return ALONE, size  # Han characters
    return LETTER, size


@inner
def _find(data, start, end, arena, places, slots):  # type: ignore[no-untyped-def]
    """The slot of the word data[start:end]: its own, or the empty one where it belongs. Source: FNV-1a."""
    h = np.uint64(0xCBF29CE484222325)
    for i in range(start, end):
        h = (h ^ np.uint64(data[i])) * np.uint64(0x100000001B3)
    h ^= h >> np.uint64(32)
    mask = np.uint64(len(slots) - 1)
    slot = np.int64(h & mask)
    size = end - start
    while slots[slot] >= 0:
        word = slots[slot]
        begin = places[word]
        if places[word + 1] - begin == size:
            same = True
            for k in range(size):
                if arena[begin + k] != data[start + k]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + 1) & np.int64(mask)
    return slot


@kernel(BYTES, OFFSETS, INT64, OUT_BYTES, OUT_I64, OUT_I32, OUT_I64, OUT_I32, INT64, returns=INT64)
def index_words(data, offsets, spaces, arena, places, slots, counts, ids, n_words):  # type: ignore[no-untyped-def]
    """Numbers the words of texts data[offsets[t]:offsets[t + 1]] into `ids`, -1 after each text; counts them.

    Word w is arena[places[w]:places[w + 1]], w < n_words known before. `slots` is the hash table (-1: empty), with
    room for every word. Gives the length of `ids`; the new number of words is in counts[-1].
    """
    n = 0
    for text in range(len(offsets) - 1):
        i, end = offsets[text], offsets[text + 1]
        while i < end:
            kind, size = _step(data, i, end, spaces)
            start = i
            i += size
            if kind == OUTSIDE:
                continue
            if kind == LETTER:
                while i < end:
                    kind, size = _step(data, i, end, spaces)
                    if kind != LETTER:
                        break
                    i += size
            slot = _find(data, start, i, arena, places, slots)
            if slots[slot] < 0:
                slots[slot] = n_words
                begin = places[n_words]
                for k in range(i - start):
                    arena[begin + k] = data[start + k]
                places[n_words + 1] = begin + i - start
                n_words += 1
            word = slots[slot]
            counts[word] += 1
            ids[n] = word
            n += 1
        ids[n] = -1
        n += 1
    counts[-1] = n_words
    return n


@kernel(BYTES, OFFSETS, INT64, OUT_I32)
def rehash(arena, places, n_words, slots):  # type: ignore[no-untyped-def]
    """Fills an empty table with the words that are known."""
    for word in range(n_words):
        slots[_find(arena, places[word], places[word + 1], arena, places, slots)] = word


@kernel(OUT_I32, OFFSETS, returns=INT64)
def renumber(ids, new):  # type: ignore[no-untyped-def]
    """Replaces every id by new[id] and drops those with new[id] < 0; ends of texts stay. Gives the new length."""
    n = 0
    for i in range(len(ids)):
        word = ids[i]
        if word < 0:
            ids[n] = -1
            n += 1
        elif new[word] >= 0:
            ids[n] = new[word]
            n += 1
    return n
