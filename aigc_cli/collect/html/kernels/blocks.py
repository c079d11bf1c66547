"""Texts to blocks: what a reader sees as one paragraph, heading, item or cell, with its length and its links."""

from __future__ import annotations

from aigc_cli.collect.html.kernels.scan import (
    F_ITEM,
    F_LINK,
    F_PRE,
    T_BREAK,
    T_ELEMENT,
    T_FLAGS,
    T_MARKS,
    T_SIZE,
)
from aigc_cli.collect.html.kernels.stack import E_PARENT, E_TAG
from aigc_cli.collect.html.kernels.tags import CELL
from aigc_cli.collect.html.kernels.tree import is_heading
from aigc_cli.core.jit import inner

# Fields of a block: FIRST and LAST are the range of its texts, BOX the innermost block element around it.
B_FIRST, B_LAST, B_BOX, B_SIZE, B_LINK, B_MARKS, B_FLAGS, B_KEEP, B_BAD = range(9)
B_FIELDS = 9
HEADING, ITEM, PRE = 1, 2, 4  # flags


@inner
def boxes(elements, breaks, box):  # type: ignore[no-untyped-def]
    """For each element the innermost element around it, itself included, that breaks lines."""
    box[0] = 0
    for e in range(1, len(elements)):
        box[e] = e if breaks[elements[e, E_TAG]] >= CELL else box[elements[e, E_PARENT]]


@inner
def divide(elements, texts, box, blocks):  # type: ignore[no-untyped-def]
    """Fill in `blocks`; their number."""
    n = -1
    for t in range(len(texts)):
        flags = texts[t, T_FLAGS]
        if n < 0 or texts[t, T_BREAK] >= CELL:
            n += 1
            blocks[n, B_FIRST], blocks[n, B_BOX] = t, box[texts[t, T_ELEMENT]]
            blocks[n, B_SIZE] = blocks[n, B_LINK] = blocks[n, B_MARKS] = 0
            blocks[n, B_FLAGS] = HEADING if is_heading(elements[blocks[n, B_BOX], E_TAG]) else 0
            blocks[n, B_KEEP], blocks[n, B_BAD] = 1, 0
        blocks[n, B_LAST] = t + 1
        blocks[n, B_SIZE] += texts[t, T_SIZE]
        blocks[n, B_MARKS] += texts[t, T_MARKS]
        if flags & F_LINK:
            blocks[n, B_LINK] += texts[t, T_SIZE]
        if flags & F_ITEM:
            blocks[n, B_FLAGS] |= ITEM
        if flags & F_PRE:
            blocks[n, B_FLAGS] |= PRE
    return n + 1
