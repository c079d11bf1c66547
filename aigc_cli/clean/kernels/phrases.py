"""A list of phrases as a table that kernels search text for; ASCII case does not count."""

from __future__ import annotations

from collections.abc import Iterable

import numba
import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.text import HAN, LATIN, buffers, class_table
from aigc_cli.clean.kernels.words import class_of, decode, fold
from aigc_cli.core.jit import BYTES, OFFSETS, OUT_I64, inner, kernel

BOOL = numba.types.boolean
HEADS = 1 << 16  # the first two bytes of a phrase


@inner
def _following(data, i, end, phrases, bounds, number):  # type: ignore[no-untyped-def]
    """`match` among the phrases from `number` on that have the first two bytes of what stands at byte i."""
    while number < len(bounds) - 1:
        start, length = bounds[number], bounds[number + 1] - bounds[number]
        if phrases[start] != fold(data[i]) or phrases[start + 1] != fold(data[i + 1]):
            break
        if length <= end - i:
            same = 2
            while same < length and fold(data[i + same]) == phrases[start + same]:
                same += 1
            if same == length:
                return number, i + length
        number += 1
    return -1, i


@inner
def match(data, i, end, heads, phrases, bounds):  # type: ignore[no-untyped-def]
    """(number, byte behind) of the first phrase of the list at byte i; number -1 when there is none."""
    if i + 1 >= end:
        return -1, i
    number = heads[np.int64(fold(data[i])) << 8 | np.int64(fold(data[i + 1]))]
    if number < 0:
        return -1, i
    return _following(data, i, end, phrases, bounds, number)


@inner
def _is_word(code, table):  # type: ignore[no-untyped-def]
    return code == 0x5F or LATIN <= class_of(table, code) < HAN


@inner
def _is_bounded(data, start, end, first, last, table):  # type: ignore[no-untyped-def]
    """Whether neither the character before data[first:last] nor the one behind it belongs to a word."""
    if last < end and _is_word(decode(data, last, end)[0], table):
        return False
    if first == start:
        return True
    i = first - 1
    while i > start and (data[i] & 0xC0) == 0x80:
        i -= 1
    return not _is_word(decode(data, i, first)[0], table)


@kernel(BYTES, OFFSETS, BYTES, OFFSETS, BYTES, OFFSETS, BOOL, OUT_I64)
def _find(data, offsets, table, heads, phrases, bounds, bounded, out):  # type: ignore[no-untyped-def]
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        for i in range(start, end):
            number, behind = match(data, i, end, heads, phrases, bounds)
            # A longer phrase with the same beginning may be bounded where a shorter one is not: the list has the
            # longer ones first, and what follows in it is tried next.
            while number >= 0 and bounded and not _is_bounded(data, start, end, i, behind, table):
                number, behind = _following(data, i, end, phrases, bounds, number + 1)
            if number >= 0:
                out[document] = number
                break


class Phrases:
    """Phrases of two bytes or more, in the order of the table: by their first two bytes, longer ones first."""

    def __init__(self, listed: Iterable[str]) -> None:
        folded = {"".join(c.lower() if c.isascii() else c for c in phrase).encode(): phrase for phrase in listed}
        short = [phrase for raw, phrase in folded.items() if len(raw) < 2]
        if short:
            raise ValueError(f"the phrase {short[0]!r} is too short; leave it out")
        order = sorted(folded, key=lambda raw: (raw[:2], -len(raw), raw))
        self.names = [folded[raw] for raw in order]
        self.bytes = np.frombuffer(b"".join(order) or b"\0", dtype=np.uint8)
        self.bounds = np.concatenate([[0], np.cumsum([len(raw) for raw in order], dtype=np.int64)]).astype(np.int64)
        self.heads = np.full(HEADS, -1, dtype=np.int64)
        for number in range(len(order) - 1, -1, -1):
            self.heads[int.from_bytes(order[number][:2], "big")] = number

    def find(self, column: pa.Array, *, bounded: bool) -> np.ndarray:
        """The number of the first phrase in each document, int64, -1 where there is none.

        `bounded`: only where no letter, digit or underscore stands beside it; Chinese, Japanese and Thai characters
        may, as no space parts them from other words.
        """
        data, offsets = buffers(column)
        out = np.full(len(column), -1, dtype=np.int64)
        _find(data, offsets, class_table(), self.heads, self.bytes, self.bounds, bounded, out)
        return out
