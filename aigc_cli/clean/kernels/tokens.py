"""Tokens: words and the marks between them, counted as the published filters count "words".

Token rule: text is cut at white space, and before and behind every Han or kana character, each of which is a token.
From both ends of a piece come marks, one by one (brackets, quotes, commas, a full stop behind a lower-case letter or
digit; dots in a row are one ellipsis), and the endings n't, 's, 'll, 're, 've, 'm, 'd. Inside, a piece is cut at
hyphens, slashes, colons, commas between letters, but addresses and file names stay whole.
"""

from __future__ import annotations

import numba
import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.marks import mark_table
from aigc_cli.clean.kernels.pieces import CHARACTER, END, KINDS, LETTERS, NUMBER, PLAIN, cut_piece, emit, is_lower
from aigc_cli.clean.kernels.text import HAN, SPACE, buffers, class_table, once
from aigc_cli.clean.kernels.words import FNV_OFFSET, FNV_PRIME, class_of, decode, hash_bytes, mix
from aigc_cli.core.jit import BYTES, OFFSETS, OUT_BYTES, OUT_I64, OUT_I64_2D, OUT_U64, inner, kernel

OUT_I32 = numba.types.Array(numba.int32, 1, "C")


@inner
def _plain_word(data, i, end):  # type: ignore[no-untyped-def]
    """(byte behind the run of ASCII letters from byte i on, hash of the run)."""
    value = FNV_OFFSET
    while i < end and 0x61 <= (data[i] | 32) <= 0x7A:
        value = (value ^ np.uint64(data[i])) * FNV_PRIME
        i += 1
    return i, mix(value)


@inner
def _is_plain_end(data, i, end):  # type: ignore[no-untyped-def]
    """Whether the mark at byte i behind two letters is surely a token: one of ,;:!?) or a stop after small letters."""
    byte = data[i]
    if byte == 0x2E:
        return is_lower(data[i - 1]) and is_lower(data[i - 2])
    return byte == 0x2C or byte == 0x3B or byte == 0x3A or byte == 0x21 or byte == 0x3F or byte == 0x29


@kernel(BYTES, OFFSETS, BYTES, BYTES, OUT_U64, OUT_I32, OUT_BYTES, OUT_I64, OUT_I64_2D)
def _tokens(data, offsets, table, marks, hashes, sizes, kinds, starts, numbers):  # type: ignore[no-untyped-def]
    count = 0
    for document in range(len(offsets) - 1):
        starts[document] = count
        i, end = offsets[document], offsets[document + 1]
        begin = i  # of the piece that is being read
        while i < end:
            if i == begin and 0x61 <= (data[i] | 32) <= 0x7A:  # most pieces are a word, and maybe a mark
                i, value = _plain_word(data, i, end)
                stop = i + 1 if i < end and i > begin + 1 and _is_plain_end(data, i, end) else i
                if stop >= end or data[stop] == 0x20 or data[stop] == 0x0A:
                    hashes[count], sizes[count], kinds[count] = value, i - begin, LETTERS
                    count += 1
                    if stop > i:
                        count = emit(data, i, stop, table, marks, hashes, sizes, kinds, count)
                    i = begin = min(stop + 1, end)
                    continue
                if i >= end:
                    break
            code, stop = decode(data, i, end)
            kind = class_of(table, code)
            if kind == SPACE or kind >= HAN:
                count = cut_piece(data, begin, i, table, marks, hashes, sizes, kinds, count)
                if kind != SPACE:
                    hashes[count], sizes[count], kinds[count] = hash_bytes(data, i, stop, False), 1, CHARACTER
                    count += 1
                begin = stop
            i = stop
        count = cut_piece(data, begin, end, table, marks, hashes, sizes, kinds, count)
        row = numbers[document]
        for k in range(starts[document], count):
            row[kinds[k]] += 1
            row[KINDS + kinds[k]] += sizes[k]
    starts[len(offsets) - 1] = count


class Tokens:
    """The tokens of a batch; those of document i are starts[i] to starts[i + 1].

    `hashes` uint64 of their bytes, `sizes` int32 in characters, `kinds` uint8: PLAIN, END, NUMBER, LETTERS, CHARACTER.
    `counts` and `chars` are int64 [documents, KINDS]: how many tokens of each kind, and the characters in them.
    """

    def __init__(
        self, hashes: np.ndarray, sizes: np.ndarray, kinds: np.ndarray, starts: np.ndarray, numbers: np.ndarray
    ) -> None:
        self.hashes, self.sizes, self.kinds, self.starts = hashes, sizes, kinds, starts
        self.counts, self.chars = numbers[:, :KINDS], numbers[:, KINDS:]
        self.all, self.words = self.counts.sum(axis=1), self.counts[:, NUMBER:].sum(axis=1)

    @property
    def by_character(self) -> np.ndarray:
        """Whether most words of a document are single characters (Chinese, Japanese, Thai): bool [documents]."""
        return self.counts[:, CHARACTER] * 2 > self.words

    def without_marks(self) -> Tokens:
        """The words alone."""
        chosen = self.kinds >= NUMBER
        numbers = np.concatenate([self.counts, self.chars], axis=1)
        numbers[:, [PLAIN, END, KINDS + PLAIN, KINDS + END]] = 0
        starts = np.concatenate([[0], np.cumsum(self.words)])
        return Tokens(self.hashes[chosen], self.sizes[chosen], self.kinds[chosen], starts, numbers)


@once
def tokens(column: pa.Array) -> Tokens:
    """The tokens of each document of a text column."""
    data, offsets = buffers(column)
    room = int(offsets[-1] - offsets[0]) + 1  # a token has a byte at least; untouched memory is not taken
    hashes, sizes, kinds = np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(room, np.uint8)
    starts, numbers = np.zeros(len(column) + 1, dtype=np.int64), np.zeros((len(column), 2 * KINDS), dtype=np.int64)
    _tokens(data, offsets, class_table(), mark_table(), hashes, sizes, kinds, starts, numbers)
    count = int(starts[-1])
    return Tokens(hashes[:count].copy(), sizes[:count].copy(), kinds[:count].copy(), starts, numbers)
