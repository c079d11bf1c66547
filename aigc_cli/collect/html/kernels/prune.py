"""Which blocks within the article are its text: no lists of links, nothing around the title, no heading of nothing."""

from __future__ import annotations

import numpy as np
from numba import types

from aigc_cli.collect.html.kernels.blocks import B_BAD, B_BOX, B_FLAGS, B_KEEP, B_LINK, B_MARKS, B_SIZE, HEADING
from aigc_cli.collect.html.kernels.stack import E_PARENT, E_TAG
from aigc_cli.collect.html.kernels.tags import TAG
from aigc_cli.core.jit import OUT_I64, inner, kernel

GOOD = 50.0  # weight of a block that surely is the article's
ONLY_LINK = 25  # size from which a paragraph that is one link points elsewhere
LONG_LINK = 100  # size from which a paragraph of links is none of the article's
TAIL_LINKS = 0.25  # share of links in a list behind the article that makes it one of further articles
BEFORE = 60  # size below which what stands between title and text is a date or a name
_P, _UL, _OL, _DL, _TABLE, _H1 = (TAG[name] for name in ("p", "ul", "ol", "dl", "table", "h1"))
_I32_2D = types.Array(types.int32, 2, "C")
_U8 = types.Array(types.uint8, 1, "C")
_F32 = types.Array(types.float32, 1, "C")


@inner
def _lists(elements, blocks, top, lists, size, link):  # type: ignore[no-untyped-def]
    """For each element the outermost list within the article around it (0: none), and each list's text and links."""
    lists[: top + 1] = 0
    for e in range(top + 1, len(elements)):
        outer = lists[elements[e, E_PARENT]]
        tag = elements[e, E_TAG]
        lists[e] = outer if outer else (e if tag in (_UL, _OL, _DL, _TABLE) else 0)
    for b in range(len(blocks)):
        at = lists[blocks[b, B_BOX]]
        size[at] += blocks[b, B_SIZE]
        link[at] += blocks[b, B_LINK]


@inner
def _is_linked(block, elements, lists, size, link):  # type: ignore[no-untyped-def]
    """Whether links are most of a block, or of the list that it is in. A short paragraph may be a link."""
    at = lists[block[B_BOX]]
    if at and 2 * link[at] > size[at]:
        return True
    if elements[block[B_BOX], E_TAG] == _P and not at:
        text, links = block[B_SIZE], block[B_LINK]
        return (links == text and text >= ONLY_LINK) or (text >= LONG_LINK and links > 0.6 * text)
    return 2 * block[B_LINK] > block[B_SIZE] and not block[B_FLAGS] & HEADING


@kernel(_I32_2D, _I32_2D, _U8, _F32, types.int64, OUT_I64)
def prune(elements, blocks, bad, weight, top, span):  # type: ignore[no-untyped-def]
    """Unset KEEP where a block is none of the article's text. `span` gets the first and the last good block."""
    n = len(elements)
    lists, size, link = np.empty(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32)
    _lists(elements, blocks, top, lists, size, link)
    inside = np.zeros(n, np.uint8)
    inside[top] = 1
    for e in range(top + 1, n):
        inside[e] = inside[elements[e, E_PARENT]]
    first, last = -1, -1
    for b in range(len(blocks)):
        block = blocks[b]
        box = block[B_BOX]
        keep = (
            inside[box] and not (block[B_BAD] and not bad[top]) and not _is_linked(block, elements, lists, size, link)
        )
        block[B_KEEP] = keep
        at = lists[box]
        if keep and weight[b] >= GOOD and not (at and link[at] > TAIL_LINKS * size[at]):
            first = b if first < 0 else first
            last = b
    if first < 0:
        return
    for b in range(last + 1, len(blocks)):
        at = lists[blocks[b, B_BOX]]
        if at and link[at] > TAIL_LINKS * size[at]:
            blocks[b, B_KEEP] = 0
    span[0], span[1] = first, last


@kernel(_I32_2D, _I32_2D, types.int64, types.int64)
def trim_head(elements, blocks, first, title):  # type: ignore[no-untyped-def]
    """Unset KEEP up to the block that is the page's title, and of dates and names between it and the first good."""
    for b in range(first):
        if b <= title or (
            not blocks[b, B_FLAGS] & HEADING
            and elements[blocks[b, B_BOX], E_TAG] != _P
            and blocks[b, B_MARKS] <= 1
            and blocks[b, B_SIZE] < BEFORE
        ):
            blocks[b, B_KEEP] = 0


@kernel(_I32_2D, _I32_2D)
def drop_empty_headings(elements, blocks):  # type: ignore[no-untyped-def]
    """Unset KEEP of headings with nothing below them."""
    below = 0  # what follows: 0 nothing, 9 text, else the level of a heading
    for b in range(len(blocks) - 1, -1, -1):
        if not blocks[b, B_KEEP]:
            continue
        if not blocks[b, B_FLAGS] & HEADING:
            below = 9
            continue
        level = elements[blocks[b, B_BOX], E_TAG] - _H1 + 1
        if level < below:
            below = level
        else:
            blocks[b, B_KEEP] = 0
