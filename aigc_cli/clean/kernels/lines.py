"""The lines of each document that hold text, and which of them and of the paragraphs were there before."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.marks import QUOTE, TERMINAL, mark_table
from aigc_cli.clean.kernels.text import SPACE, buffers, class_table, once
from aigc_cli.clean.kernels.words import class_of, decode, hash_bytes
from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_I64, OUT_I64_2D, inner, kernel

FIRST, LAST, CHARS, FLAGS = range(4)  # columns: first byte, byte behind the last, characters, bits
AGAIN, ENDED, QUOTED = 1, 2, 4  # bits: was there before; ends with a mark that ends sentences; so, before a quote
_PARAGRAPHS, _AGAIN, _AGAIN_CHARS, _FEEDS = range(4)  # columns of the numbers of a document


@inner
def _again(data, first, last, keys, stamps, stamp, mask):  # type: ignore[no-untyped-def]
    """Whether data[first:last] was asked for before in this round."""
    key = hash_bytes(data, first, last, False)
    slot = key & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    if stamps[slot] == stamp:
        return True
    stamps[slot], keys[slot] = stamp, key
    return False


@inner
def _trim(data, start, end, table, marks):  # type: ignore[no-untyped-def]
    """(byte behind the last, characters, bits) of a line without the space at its end; no characters: it is blank."""
    i, last, characters, whole, final, before = start, start, 0, 0, np.int64(0), np.int64(0)
    while i < end:
        code, i = decode(data, i, end)
        characters += 1
        if class_of(table, code) != SPACE:
            last, whole, before, final = i, characters, final, code
    if final >= len(marks):
        return last, whole, 0
    ended = (marks[final] & TERMINAL) != 0
    quoted = (marks[final] & QUOTE) != 0 and before < len(marks) and (marks[before] & TERMINAL) != 0
    return last, whole, ended * ENDED | quoted * QUOTED


@kernel(BYTES, OFFSETS, BYTES, BYTES, OUT_I64_2D, OUT_I64, OUT_I64_2D, returns=INT64)
def _lines(data, offsets, table, marks, out, starts, numbers):  # type: ignore[no-untyped-def]
    most = 0
    for document in range(len(offsets) - 1):
        feeds = 0
        for i in range(offsets[document], offsets[document + 1]):
            feeds += data[i] == 0x0A
        numbers[document, _FEEDS] = feeds
        most = max(most, feeds)
    size = 16
    while size < 2 * most + 4:
        size *= 2
    keys, stamps = np.empty(size, np.uint64), np.zeros(size, np.int32)
    count, stamp = 0, 0
    for document in range(len(offsets) - 1):
        starts[document] = count
        end, row = offsets[document + 1], numbers[document]
        size = 16
        while size < 2 * row[_FEEDS] + 4:
            size *= 2
        mask = np.uint64(size - 1)
        stamp += 1
        line, opened = offsets[document], count  # where this line begins; the first line of this paragraph
        for i in range(line, end + 1):
            if i < end and data[i] != 0x0A:
                continue
            last, characters, bits = _trim(data, line, i, table, marks)
            if characters > 0:
                found = out[count]
                again = _again(data, line, last, keys, stamps, stamp, mask)
                found[0], found[1], found[2], found[3] = line, last, characters, again * AGAIN | bits
                count += 1
            line = i + 1
        starts[document + 1] = count
        stamp += 1
        for k in range(opened, count):
            gap = 0 if k + 1 < count else 2
            if gap == 0:
                for i in range(out[k, 1], out[k + 1, 0]):
                    gap += data[i] == 0x0A
            if gap > 1:
                first, last = out[opened, 0], out[k, 1]
                row[_PARAGRAPHS] += 1
                if _again(data, first, last, keys, stamps, stamp, mask):
                    row[_AGAIN] += 1
                    for i in range(first, last):
                        row[_AGAIN_CHARS] += (data[i] & 0xC0) != 0x80
                opened = k + 1
    return count


class Lines:
    """The lines of a batch: those of document i are starts[i] to starts[i + 1] of `table`, int64 [lines, 4].

    Lines without text are not among them; a line has its indentation, but no space at its end. Numbers, int64:
    `feeds` (line feeds), `count`, `again` and `again_chars` (lines that were there before), and the same of
    paragraphs, which blank lines divide.
    """

    def __init__(self, table: np.ndarray, starts: np.ndarray, numbers: np.ndarray) -> None:
        self.table, self.starts = table, starts
        self.feeds, self.count = numbers[:, _FEEDS], np.diff(starts)
        before = table[:, FLAGS] & AGAIN != 0
        self.again, self.again_chars = self.sum(before), self.sum(np.where(before, table[:, CHARS], 0))
        self.paragraphs = numbers[:, _PARAGRAPHS]
        self.paragraphs_again, self.paragraphs_again_chars = numbers[:, _AGAIN], numbers[:, _AGAIN_CHARS]

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum of a number of each line, for each document, int64."""
        total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        return total[self.starts[1:]] - total[self.starts[:-1]]


@once
def lines(column: pa.Array) -> Lines:
    """The lines of each document of a text column."""
    data, offsets = buffers(column)
    most = int(np.count_nonzero(data[offsets[0] : offsets[-1]] == 0x0A)) + len(column)
    table = np.empty((most, 4), dtype=np.int64)
    starts, numbers = np.zeros(len(column) + 1, dtype=np.int64), np.zeros((len(column), 4), dtype=np.int64)
    count = _lines(data, offsets, class_table(), mark_table(), table, starts, numbers)
    return Lines(table[:count], starts, numbers)
