"""Texts to the bytes of a document: spaces collapsed, one blank line between paragraphs, items and rows on lines."""

from __future__ import annotations

from numba import types

from aigc_cli.collect.html.kernels.blocks import B_FIRST, B_KEEP, B_LAST, B_SIZE
from aigc_cli.collect.html.kernels.bytes import blank_length, letters_of
from aigc_cli.collect.html.kernels.scan import F_ITEM, F_PRE, T_BREAK, T_END, T_FLAGS, T_START
from aigc_cli.collect.html.kernels.tags import BLANK, BREAK, CELL, DIV
from aigc_cli.core.jit import BYTES, OUT_BYTES, OUT_I64, inner, kernel

EDGE = 8  # bytes that may stand before a text
LONG = 80  # size from which a block is a paragraph, also where only a <div> says so
_I32_2D = types.Array(types.int32, 2, "C")


@inner
def _put(out, n, byte):  # type: ignore[no-untyped-def]
    out[n] = byte
    return n + 1


@inner
def _preformatted(data, i, end, begun, out, n):  # type: ignore[no-untyped-def]
    """Append text as it stands; empty lines before the first are left out."""
    while i < end:
        byte, length = data[i], blank_length(data, i, end)
        if byte == 13:
            byte = 10 if i + 1 >= end or data[i + 1] != 10 else 0
        elif length > 1:
            byte = 32
        if byte and (begun or byte != 10):
            n = _put(out, n, byte)
            begun = True
        i += max(length, 1)
    return n


@inner
def _collapsed(data, start, end, blank, wide, out, n):  # type: ignore[no-untyped-def]
    """Append the text; (bytes so far, whether white space is due, whether the last character is Chinese or Japanese).

    A line break in the source between two Chinese characters is no space.
    """
    broken = False
    i = start
    while i < end:
        length = blank_length(data, i, end)
        if length:
            broken |= data[i] == 10
            blank = True
            i += length
            continue
        length, _, _, cjk = letters_of(data, i, end)
        if blank and not (broken and wide and cjk):
            n = _put(out, n, 32)
        blank = broken = False
        wide = cjk
        for j in range(i, min(i + length, end)):
            n = _put(out, n, data[j])
        i += length
    return n, blank, wide


@inner
def _separate(kind, long, out, n):  # type: ignore[no-untyped-def]
    """What stands between two texts."""
    if kind == CELL:
        return _put(out, n, 9)
    n = _put(out, n, 10)
    if kind > DIV or (kind == DIV and long):
        n = _put(out, n, 10)
    return n


@inner
def _block(data, texts, first, last, out, n):  # type: ignore[no-untyped-def]
    """Append the texts of one block; the number of bytes so far."""
    start = n
    blank, wide = False, False
    if texts[first, T_FLAGS] & F_ITEM:
        n = _put(out, _put(out, n, 45), 32)
    for t in range(first, last):
        i, end = texts[t, T_START], texts[t, T_END]
        if t > first:
            blank |= texts[t, T_BREAK] == BLANK
            if texts[t, T_BREAK] == BREAK:
                n = _put(out, n, 10)
                blank = wide = False
        if texts[t, T_FLAGS] & F_PRE:
            if blank and n > start:
                n = _put(out, n, 32)
            n = _preformatted(data, i, end, n > start, out, n)
            blank = wide = False
            continue
        if n == start or out[n - 1] == 10 or out[n - 1] == 32:
            while i < end and blank_length(data, i, end):
                i += blank_length(data, i, end)
            blank = False
        n, blank, wide = _collapsed(data, i, end, blank, wide, out, n)
    while n > start and (out[n - 1] == 10 or out[n - 1] == 32 or out[n - 1] == 9):
        n -= 1
    return n


@kernel(BYTES, _I32_2D, _I32_2D, OUT_BYTES, OUT_I64, returns=types.int64)
def emit(data, texts, blocks, out, starts):  # type: ignore[no-untyped-def]
    """Write the kept blocks to `out` and the place where each begins, and the last ends, to `starts`; all bytes."""
    n = 0
    kind, before = 0, 0
    for b in range(len(blocks)):
        kind = max(kind, texts[blocks[b, B_FIRST], T_BREAK])
        starts[b] = n
        size = blocks[b, B_SIZE]
        if blocks[b, B_KEEP] and size:
            if n:
                n = _separate(max(kind, CELL), before >= LONG or size >= LONG, out, n)
            starts[b] = n
            n = _block(data, texts, blocks[b, B_FIRST], blocks[b, B_LAST], out, n)
            kind, before = 0, size
    starts[len(blocks)] = n
    return n
