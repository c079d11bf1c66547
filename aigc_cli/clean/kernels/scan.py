"""One pass over each document: characters by class, words, lines, bullets, ellipses; and its stop words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.text import CLASSES, SPACE, buffers, class_table, once
from aigc_cli.clean.kernels.words import CHARACTER_WORD, class_of, decode, hash_bytes, hash_word, next_word
from aigc_cli.core.jit import BYTES, OFFSETS, OUT_I64, OUT_I64_2D, U64, inner, kernel

FIELDS = ("chars", "words", "word_chars", "alpha_words", "character_words", "lines", "bullet_lines", "ellipsis_lines",
          "hashes", "ellipses")  # fmt: skip
_CHARS, _WORDS, _WORD_CHARS, _ALPHA, _SINGLE, _LINES, _BULLETS, _ELLIPSIS_LINES, _HASHES, _ELLIPSES = range(10)
_HISTOGRAM = len(FIELDS)  # the columns behind the fields: characters of each class
MAX_STOP_WORDS = 64  # of a language: one bit each


@inner
def _is_bullet(code):  # type: ignore[no-untyped-def]
    """1: a bullet wherever it begins a line; 2: one only when a space follows (hyphen, asterisk, plus)."""
    if code == 0x2D or code == 0x2A or code == 0x2B:
        return 2
    geometric = code in (0x25AA, 0x25AB, 0x25A0, 0x25A1, 0x25B6, 0x25BA, 0x25CB, 0x25CF, 0x25C6, 0x25C7, 0x25E6, 0x27A2)
    return 1 if geometric or code in (0x2022, 0x2023, 0x2043, 0x2219, 0x00B7, 0x30FB) else 0


@inner
def _lines(data, start, end, table, out):  # type: ignore[no-untyped-def]
    """Fill in what does not depend on words; `out` is one row of the result."""
    begun = counted = tail = False  # a line with text; its ellipsis run is counted; it ends in an ellipsis so far
    waiting = False  # the line begins with a mark that is a bullet if a space follows
    same, last = 0, np.int64(0)  # length of the run of equal full stops
    i = start
    while i < end:
        code, i = decode(data, i, end)
        kind = class_of(table, code)
        out[_CHARS] += 1
        out[_HISTOGRAM + kind] += 1
        if code == 0x0A:
            if begun and tail:
                out[_ELLIPSIS_LINES] += 1
            begun = counted = tail = waiting = False
            same, last = 0, code
            continue
        if kind == SPACE:
            if waiting:
                out[_BULLETS] += 1
            waiting = counted = False
            same, last = 0, code
            continue
        waiting = False
        if not begun:
            begun = True
            out[_LINES] += 1
            bullet = _is_bullet(code)
            waiting = bullet == 2
            if bullet == 1:
                out[_BULLETS] += 1
        if code == 0x23:
            out[_HASHES] += 1
        if code == 0x2E or code == 0x3002 or code == 0x2026:
            same = same + 1 if code == last else 1
            tail = code == 0x2026 or same >= 3
            if tail and not counted:
                out[_ELLIPSES] += 1
                counted = True
        else:
            tail = counted = False
        last = code
    if begun and tail:
        out[_ELLIPSIS_LINES] += 1


@inner
def _words(data, start, end, table, out):  # type: ignore[no-untyped-def]
    i = start
    while True:
        _, i, characters, kind = next_word(data, i, end, table)
        if characters == 0:
            return
        out[_WORDS] += 1
        out[_WORD_CHARS] += characters
        out[_ALPHA] += kind != 0
        out[_SINGLE] += kind == CHARACTER_WORD


@kernel(BYTES, OFFSETS, BYTES, OUT_I64_2D)
def _scan(data, offsets, table, out):  # type: ignore[no-untyped-def]
    for document in range(len(offsets) - 1):
        _lines(data, offsets[document], offsets[document + 1], table, out[document])
        _words(data, offsets[document], offsets[document + 1], table, out[document])


@kernel(BYTES, OFFSETS, BYTES, U64, U64, U64, OUT_I64)
def _stop_words(data, offsets, table, languages, keys, bits, out):  # type: ignore[no-untyped-def]
    slots = np.uint64(len(keys) - 1)
    for document in range(len(offsets) - 1):
        language = languages[document]
        if language == np.uint64(0):
            continue
        found = np.uint64(0)
        i, end = offsets[document], offsets[document + 1]
        while True:
            begin, i, characters, _ = next_word(data, i, end, table)
            if characters == 0:
                break
            key = hash_bytes(data, begin, i, True) ^ language
            slot = key & slots
            while keys[slot] != np.uint64(0):
                if keys[slot] == key:
                    found |= bits[slot]
                    break
                slot = (slot + np.uint64(1)) & slots
        while found != np.uint64(0):
            found &= found - np.uint64(1)
            out[document] += 1


class StopWords:
    """Stop words of several languages as a hash table for the kernel."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self.languages = {name: (number + 1) * 0x9E3779B97F4A7C15 & (1 << 64) - 1 for number, name in enumerate(words)}
        size = 1 << max(4, (4 * sum(map(len, words.values()))).bit_length())
        self.keys = np.zeros(size, dtype=np.uint64)
        self.bits = np.zeros(size, dtype=np.uint64)
        for name, listed in words.items():
            assert len(listed) <= MAX_STOP_WORDS, f"more than {MAX_STOP_WORDS} stop words for {name}"
            for bit, word in enumerate(listed):
                key = hash_word(word) ^ self.languages[name]
                slot = key & size - 1
                while self.keys[slot]:
                    slot = slot + 1 & size - 1
                self.keys[slot], self.bits[slot] = key, 1 << bit

    def count(self, column: pa.Array, languages: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(whether there is a list for its language, how many different words of it it has) for each document."""
        data, offsets = buffers(column)
        codes = np.array([self.languages.get(name, 0) for name in languages], dtype=np.uint64)
        found = np.zeros(len(column), dtype=np.int64)
        _stop_words(data, offsets, class_table(), codes, self.keys, self.bits, found)
        return codes != 0, found


class Scan:
    """The numbers of a batch: each of FIELDS is an int64 array [documents]; `classes` is [documents, CLASSES]."""

    def __init__(self, numbers: np.ndarray) -> None:
        self._numbers = numbers

    def __getattr__(self, name: str) -> np.ndarray:
        if name not in FIELDS:
            raise AttributeError(name)
        return self._numbers[:, FIELDS.index(name)]

    @property
    def classes(self) -> np.ndarray:
        """Characters of each class of kernels.text."""
        return self._numbers[:, _HISTOGRAM:]

    @property
    def by_character(self) -> np.ndarray:
        """Whether most words of a document are single characters (Chinese, Japanese, Thai): bool [documents]."""
        return self.character_words * 2 > self.words


@once
def scan(column: pa.Array) -> Scan:
    """Count each document of a text column."""
    data, offsets = buffers(column)
    numbers = np.zeros((len(column), len(FIELDS) + CLASSES), dtype=np.int64)
    _scan(data, offsets, class_table(), numbers)
    return Scan(numbers)
