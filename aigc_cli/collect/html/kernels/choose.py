"""Where on the page the article is: the element that holds most good text, near to it and with little else.

A block is good by its length, its sentence marks and its share of links. An element's score is made of two sums over
the good blocks in it: all of them, and those nearest to it (halved with each level, so that the parent of the
paragraphs wins over the page). Both count by the element's purity, the share of good text in its text. What hints
or tags call boilerplate counts for nothing, unless nearly all good text of the page would be lost with it.
"""

from __future__ import annotations

import numpy as np
from numba import types

from aigc_cli.collect.html.kernels.blocks import (
    B_BAD,
    B_BOX,
    B_FIRST,
    B_FLAGS,
    B_LAST,
    B_LINK,
    B_MARKS,
    B_SIZE,
    HEADING,
    PRE,
    boxes,
    divide,
)
from aigc_cli.collect.html.kernels.scan import T_ELEMENT
from aigc_cli.collect.html.kernels.stack import E_HINTS, E_PARENT, E_TAG
from aigc_cli.collect.html.kernels.tags import CELL, TAG
from aigc_cli.collect.html.kernels.tree import is_heading
from aigc_cli.core.jit import INT64, OUT_I64, inner, kernel

MIN_SIZE = 25  # of a good block, in Latin letters without spaces
SHORT = 60  # below this a block without sentence marks counts for a third
MAX_SIZE = 1000  # what a longer block counts
MARK = 20  # what a sentence mark counts
MAX_MARKS = 20
NEAR = 4  # levels above a block that it is near to
PURITY = 1.5  # exponent
NEEDED = 0.1  # share of the page's good text that the article must have, else the hints are not believed
# Fields of the outcome.
C_BLOCKS, C_TOP, C_STRICT = range(3)
C_FIELDS = 3

_NAV, _FOOTER, _ASIDE, _FORM, _BUTTON, _MENU, _FIGCAPTION, _CAPTION, _FIGURE = (
    TAG[name] for name in ("nav", "footer", "aside", "form", "button", "menu", "figcaption", "caption", "figure")
)
_ARTICLE, _MAIN, _QUOTE, _PRE, _TABLE, _P, _LI, _DT, _DD = (
    TAG[name] for name in ("article", "main", "blockquote", "pre", "table", "p", "li", "dt", "dd")
)
_I32_2D = types.Array(types.int32, 2, "C")
_I32 = types.Array(types.int32, 1, "C")
_U8 = types.Array(types.uint8, 1, "C")
_F32 = types.Array(types.float32, 1, "C")


@inner
def _weigh(blocks, weight):  # type: ignore[no-untyped-def]
    """What each block counts as text of an article; the sum."""
    total = 0.0
    for b in range(len(blocks)):
        size, link, marks = blocks[b, B_SIZE], blocks[b, B_LINK], blocks[b, B_MARKS]
        plain = size - link
        weight[b] = 0
        if blocks[b, B_FLAGS] & HEADING or 2 * link > size or plain < MIN_SIZE:
            continue
        value = plain * (1 - link / size)
        if plain < SHORT and not marks and not blocks[b, B_FLAGS] & PRE:
            value *= 0.3
        weight[b] = min(value, MAX_SIZE) + MARK * min(marks, MAX_MARKS)
        total += weight[b]
    return total


@inner
def _sum_up(elements, value):  # type: ignore[no-untyped-def]
    """Add each element's value to its ancestors'."""
    for e in range(len(elements) - 1, 0, -1):
        value[elements[e, E_PARENT]] += value[e]


@inner
def _is_leaf(tag):  # type: ignore[no-untyped-def]
    """An element that is one block of the text around it."""
    return tag in (_P, _LI, _DT, _DD, _QUOTE, _PRE) or is_heading(tag)


@inner
def _judge(elements, blocks, weight, strong, weak, body, article, inside, bad):  # type: ignore[no-untyped-def]
    """Mark in `bad` the elements that hints or tags call boilerplate, and all within them."""
    n = len(elements)
    held = np.zeros(n, np.float32)
    for b in range(len(blocks)):
        held[blocks[b, B_BOX]] += weight[b]
    _sum_up(elements, held)
    most = (1 - NEEDED) * held[0]
    solid = np.zeros(n, np.uint8)  # holds a table or code: no mere picture
    for e in range(n - 1, 0, -1):
        if elements[e, E_TAG] == _PRE or elements[e, E_TAG] == _TABLE:
            solid[e] = 1
        if solid[e]:
            solid[elements[e, E_PARENT]] = 1
    bad[0] = inside[0] = 0
    for e in range(1, n):
        tag, parent, hints = elements[e, E_TAG], elements[e, E_PARENT], elements[e, E_HINTS]
        inside[e] = inside[parent] or tag == _ARTICLE
        asked = strong | weak
        if tag in (_ARTICLE, _MAIN):
            asked &= article
        elif tag == _QUOTE or is_heading(tag):
            asked = 0
        own = (hints & asked and not hints & body) or (tag == _ARTICLE and inside[parent] and asked)
        own |= tag in (_NAV, _FOOTER, _ASIDE, _FORM, _BUTTON, _MENU)
        own |= tag in (_FIGCAPTION, _CAPTION) or (tag == _FIGURE and not solid[e])
        bad[e] = bad[parent] or (own and held[e] < most) or (own and held[0] == 0)


@inner
def _mark(texts, blocks, bad):  # type: ignore[no-untyped-def]
    """Set BAD of blocks whose texts are all in bad elements, be it only an inline one around all of them."""
    for b in range(len(blocks)):
        every = 1
        for t in range(blocks[b, B_FIRST], blocks[b, B_LAST]):
            if not bad[texts[t, T_ELEMENT]]:
                every = 0
                break
        blocks[b, B_BAD] = every


@inner
def _best(elements, blocks, weight, breaks, body, good):  # type: ignore[no-untyped-def]
    """The element with the highest score; `good` gets the sums of weights."""
    n = len(elements)
    near, size, plain = np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.float32)
    good[:] = 0
    for b in range(len(blocks)):
        box = blocks[b, B_BOX]
        if blocks[b, B_BAD]:
            continue
        size[box] += blocks[b, B_SIZE]
        if weight[b] == 0:
            continue
        good[box] += weight[b]
        plain[box] += blocks[b, B_SIZE] - blocks[b, B_LINK]
        if _is_leaf(elements[box, E_TAG]):
            box = elements[box, E_PARENT]
        share = 1.0
        for _ in range(NEAR):
            near[box] += share * weight[b]
            if box == 0:
                break
            box = elements[box, E_PARENT]
            share /= 2
    _sum_up(elements, good)
    _sum_up(elements, size)
    _sum_up(elements, plain)
    best, top = -1.0, 0
    for e in range(n):
        if size[e] > 0 and (e == 0 or breaks[elements[e, E_TAG]] >= CELL):
            score = (near[e] + good[e]) * (plain[e] / size[e]) ** PURITY
            if elements[e, E_HINTS] & body:
                score *= 1.2
            if score > best:
                best, top = score, e
    return top


@kernel(
    _I32_2D,
    _I32_2D,
    types.Array(types.int64, 1, "C", readonly=True),
    INT64,
    INT64,
    INT64,
    INT64,
    _I32_2D,
    _U8,
    _F32,
    OUT_I64,
)
def choose(elements, texts, breaks, strong, weak, body, article, blocks, bad, weight, outcome):  # type: ignore[no-untyped-def]
    """Divide the texts into `blocks`, weigh them, and find the article: its element, and what in it is `bad`."""
    n = len(elements)
    box = np.empty(n, np.int32)
    boxes(elements, breaks, box)
    count = divide(elements, texts, box, blocks)
    blocks = blocks[:count]
    total = _weigh(blocks, weight)
    inside, good = np.empty(n, np.uint8), np.empty(n, np.float32)
    top = level = 0
    while level < 3:
        _judge(
            elements, blocks, weight, strong if level < 2 else 0, weak if level < 1 else 0, body, article, inside, bad
        )
        _mark(texts, blocks, bad)
        top = _best(elements, blocks, weight, breaks, body, good)
        if good[top] >= NEEDED * total:
            break
        level += 1
    outcome[C_BLOCKS], outcome[C_TOP], outcome[C_STRICT] = count, top, level
