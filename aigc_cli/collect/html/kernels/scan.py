"""The page's bytes to two flat tables, elements and texts, in one pass that no input can make slow.

Every byte is looked at a bounded number of times, and the stack of open elements is bounded: the tables are what a
browser's tree holds for all but badly nested pages, where only the place of an element's end may differ.
"""

from __future__ import annotations

import numpy as np
from numba import types

from aigc_cli.collect.html.kernels.attributes import (
    AT_CANONICAL,
    AT_END,
    AT_FIELDS,
    AT_LANG,
    AT_LANG_END,
    AT_START,
    attributes,
)
from aigc_cli.collect.html.kernels.bytes import blank_length, find, is_letter, is_space, key, letters_of, tag_of
from aigc_cli.collect.html.kernels.foreign import close_foreign, in_foreign, open_foreign
from aigc_cli.collect.html.kernels.stack import (
    DEPTH,
    E_FIRST,
    E_HINTS,
    E_LAST,
    E_LINK,
    E_PARENT,
    E_TAG,
    ELEMENTS,
    ITEM,
    LINK,
    MAX_DEPTH,
    PENDING,
    S_ELEMENT,
    S_FIELDS,
    S_SPACE,
    STATE,
    TEXTS,
    UNSEEN_AT,
    pop_to,
)
from aigc_cli.collect.html.kernels.tags import BLANK, OUTER, RAW, TAG
from aigc_cli.collect.html.kernels.tree import close_element, open_element
from aigc_cli.core.jit import BYTES, OFFSETS, OUT_I64, inner, kernel

# Fields of a text.
T_START, T_END, T_ELEMENT, T_SIZE, T_MARKS, T_BREAK, T_FLAGS = range(7)
T_FIELDS = 7
F_LINK, F_PRE, F_ITEM, F_CJK = 1, 2, 4, 8
# What `scan` says of the page.
(P_ELEMENTS, P_TEXTS, P_TITLE, P_TITLE_END, P_CANONICAL, P_CANONICAL_END, P_OG, P_OG_END, P_LANG,
 P_LANG_END) = range(10)  # fmt: skip
P_FIELDS = 10

_TITLE, _LINK_TAG, _META, _PRE, _LISTING, _TEXTAREA, _PLAINTEXT = (
    TAG.get(name, -1) for name in ("title", "link", "meta", "pre", "listing", "textarea", "plaintext")
)
_I32_2D = types.Array(types.int32, 2, "C")
_I64_2D = types.Array(types.int64, 2, "C", readonly=True)


@inner
def _text(data, start, end, state, stack, counts, texts):  # type: ignore[no-untyped-def]
    """Note the text in data[start:end], if any is to be seen."""
    if state[UNSEEN_AT] or start >= end:
        return
    size = marks = 0
    cjk = False
    i = start
    while i < end:
        blank = blank_length(data, i, end)
        if blank:
            i += blank
            continue
        length, letters, mark, wide = letters_of(data, i, end)
        size += letters
        marks += mark
        cjk |= wide
        i += length
    pre = counts[_PRE] or counts[_LISTING]
    if not size and not pre:
        state[PENDING] = max(state[PENDING], BLANK)
        return
    row = state[TEXTS]
    texts[row, T_START], texts[row, T_END] = start, end
    texts[row, T_ELEMENT] = stack[state[DEPTH] - 1, S_ELEMENT] if state[DEPTH] else 0
    texts[row, T_SIZE], texts[row, T_MARKS], texts[row, T_BREAK] = size, marks, state[PENDING]
    texts[row, T_FLAGS] = (
        (F_LINK if state[LINK] else 0) | (F_PRE if pre else 0) | (F_ITEM if state[ITEM] else 0) | (F_CJK if cjk else 0)
    )
    state[TEXTS] += 1
    if size:
        state[PENDING] = state[ITEM] = 0


@inner
def _declaration_end(data, i, n):  # type: ignore[no-untyped-def]
    """Behind the comment, doctype or processing instruction that begins with the "<" at i."""
    if i + 3 < n and data[i + 1] == 33 and data[i + 2] == 45 and data[i + 3] == 45:
        j = i + 4
        if j < n and data[j] == 62:
            return j + 1
        if j + 1 < n and data[j] == 45 and data[j + 1] == 62:
            return j + 2
        while True:
            j = find(data, 62, j, n)
            if j >= n:
                return n
            if j - 2 >= i + 4 and data[j - 1] == 45 and data[j - 2] == 45:
                return j + 1
            if j - 3 >= i + 4 and data[j - 1] == 33 and data[j - 2] == 45 and data[j - 3] == 45:
                return j + 1
            j += 1
    return find(data, 62, i, n) + 1


@inner
def _cdata_end(data, i, n):  # type: ignore[no-untyped-def]
    """Behind the next "]]>"; what stands before it is a style, a script or part of a drawing."""
    j = i + 3
    while True:
        j = find(data, 62, j, n)
        if j >= n or (data[j - 1] == 93 and data[j - 2] == 93):
            return j + 1
        j += 1


@inner
def _name_end(data, i, n):  # type: ignore[no-untyped-def]
    while i < n and not (is_space(data[i]) or data[i] == 47 or data[i] == 62):
        i += 1
    return i


@inner
def _raw_end(data, name, i, n):  # type: ignore[no-untyped-def]
    """Where the end tag of that name begins; n when it never comes."""
    while True:
        i = find(data, 60, i, n)
        if i + 1 >= n:
            return n
        if data[i + 1] == 47 and key(data, i + 2, _name_end(data, i + 2, min(n, i + 12))) == name:
            return i
        i += 1


@inner
def _head(data, tag, at, state, page):  # type: ignore[no-untyped-def]
    """Note what <html>, <link> and <meta> say of the page."""
    if at[AT_CANONICAL] and at[AT_END] > at[AT_START]:
        where = P_CANONICAL if tag == _LINK_TAG else P_OG
        if (tag in (_LINK_TAG, _META)) and page[where + 1] == 0:
            page[where], page[where + 1] = at[AT_START], at[AT_END]
    if tag == TAG_HTML and page[P_LANG_END] == 0:
        page[P_LANG], page[P_LANG_END] = at[AT_LANG], at[AT_LANG_END]


TAG_HTML, _FOREIGN = TAG["html"], TAG["foreignobject"]


@kernel(BYTES, OFFSETS, OFFSETS, OFFSETS, OFFSETS, _I64_2D, OFFSETS, _I32_2D, _I32_2D, OUT_I64)
def scan(data, slot_keys, slot_tags, rules, breaks, after, found, elements, texts, page):  # type: ignore[no-untyped-def]
    """Fill in `elements` and `texts` (as many rows as the page has "<", and one) and `page`."""
    n = len(data)
    state = np.zeros(STATE, np.int64)
    stack = np.zeros((MAX_DEPTH, S_FIELDS), np.int64)
    counts, over, at = np.zeros(len(rules), np.int64), np.zeros(len(rules), np.int64), np.zeros(AT_FIELDS, np.int64)
    elements[0, E_TAG] = elements[0, E_PARENT] = elements[0, E_FIRST] = elements[0, E_HINTS] = elements[0, E_LINK] = 0
    state[ELEMENTS] = 1
    i = start = 0
    while True:
        i = find(data, 60, i, n)
        if i + 1 >= n:
            break
        byte = data[i + 1]
        closing = byte == 47
        if closing and i + 2 < n:
            byte = data[i + 2]
        if not is_letter(byte):
            if closing or byte == 33 or byte == 63:
                _text(data, start, i, state, stack, counts, texts)
                cdata = byte == 33 and i + 2 < n and data[i + 2] == 91 and in_foreign(state, stack)
                start = i = min(_cdata_end(data, i, n) if cdata else _declaration_end(data, i, n), n)
            else:
                i += 1
            continue
        _text(data, start, i, state, stack, counts, texts)
        i += 2 if closing else 1
        stop = _name_end(data, i, n)
        name = key(data, i, stop)
        tag = tag_of(name, slot_keys, slot_tags)
        if tag == _FOREIGN:  # a name of SVG; in HTML it means nothing
            tag = 0
        i = attributes(data, stop, n, after, found, at)
        if closing:
            if not (
                state[DEPTH]
                and stack[state[DEPTH] - 1, S_SPACE]
                and close_foreign(tag, name, state, stack, counts, elements, breaks)
            ):
                close_element(tag, name, state, stack, counts, over, elements, rules, breaks)
        elif in_foreign(state, stack) and open_foreign(
            tag, name, at, state, stack, counts, over, elements, rules, breaks
        ):
            pass
        elif rules[tag] & RAW:
            state[PENDING] = max(state[PENDING], breaks[tag])
            stop = _raw_end(data, name, i, n)
            if tag == _TITLE and page[P_TITLE_END] == 0:
                page[P_TITLE], page[P_TITLE_END] = i, stop
            i = min(find(data, 62, stop, n) + 1, n)
        else:
            _head(data, tag, at, state, page)
            if not rules[tag] & OUTER:
                open_element(tag, name, at, state, stack, counts, over, elements, rules, breaks)
        start = i
    _text(data, start, n, state, stack, counts, texts)
    pop_to(0, state, stack, counts, elements, breaks)
    elements[0, E_LAST] = state[TEXTS]
    page[P_ELEMENTS], page[P_TEXTS] = state[ELEMENTS], state[TEXTS]
