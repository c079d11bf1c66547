"""The stack of open elements, whatever its rules: what is on it, how it is searched and cut."""

from __future__ import annotations

from aigc_cli.collect.html.kernels.tags import TAG
from aigc_cli.core.jit import inner

MAX_DEPTH = 512  # of open elements, as in browsers; what is deeper belongs to the element at that depth
# Fields of the state.
ELEMENTS, TEXTS, DEPTH, PENDING, LINK, UNSEEN_AT, ITEM, FORM = range(8)
STATE = 8
# Fields of an open element: SPACE tells HTML from drawings and formulas, HIDES whether
# it shows nothing of what it holds.
S_TAG, S_ELEMENT, S_NAME, S_SPACE, S_HIDES = range(5)
S_FIELDS = 5
# Fields of an element: FIRST and LAST are the range of its texts.
E_TAG, E_PARENT, E_FIRST, E_LAST, E_HINTS, E_LINK = range(6)
E_FIELDS = 6

_TABLE, _TR, _TD, _TH, _CAPTION, _TBODY, _THEAD, _TFOOT, _COLGROUP, _COL = (
    TAG[name] for name in ("table", "tr", "td", "th", "caption", "tbody", "thead", "tfoot", "colgroup", "col")
)


@inner
def level_of(tag):  # type: ignore[no-untyped-def]
    """Of a part of a table: a cell is 1, a row 2, a group of rows or columns and a caption 3; 0 for all else."""
    if tag in (_TD, _TH):
        return 1
    if tag == _TR:
        return 2
    return 3 if tag in (_TBODY, _THEAD, _TFOOT, _COLGROUP, _COL, _CAPTION) else 0


@inner
def push(tag, name, space, hides, hints, link, state, stack, counts, over, elements):  # type: ignore[no-untyped-def]
    """Open an element."""
    if state[DEPTH] == MAX_DEPTH or state[ELEMENTS] == len(elements):
        over[tag] += 1
        return
    depth, element = state[DEPTH], state[ELEMENTS]
    elements[element, E_TAG] = tag
    elements[element, E_PARENT] = stack[depth - 1, S_ELEMENT] if depth else 0
    elements[element, E_FIRST] = elements[element, E_LAST] = state[TEXTS]
    elements[element, E_HINTS], elements[element, E_LINK] = hints, link
    stack[depth, S_TAG], stack[depth, S_ELEMENT], stack[depth, S_NAME] = tag, element, name
    stack[depth, S_SPACE], stack[depth, S_HIDES] = space, hides
    counts[tag] += 1
    state[ELEMENTS] += 1
    state[DEPTH] += 1
    if hides and state[UNSEEN_AT] == 0:
        state[UNSEEN_AT] = depth + 1


@inner
def pop_to(depth, state, stack, counts, elements, breaks):  # type: ignore[no-untyped-def]
    """Close all open elements at `depth` and deeper."""
    while state[DEPTH] > depth:
        state[DEPTH] -= 1
        tag, element = stack[state[DEPTH], S_TAG], stack[state[DEPTH], S_ELEMENT]
        counts[tag] -= 1
        elements[element, E_LAST] = state[TEXTS]
        state[PENDING] = max(state[PENDING], breaks[tag])
        if level_of(tag) == 1 or tag in (_TABLE, _CAPTION):
            state[LINK] = 0
    if state[UNSEEN_AT] > state[DEPTH]:
        state[UNSEEN_AT] = 0


@inner
def remove(depth, holds, state, stack, counts, elements):  # type: ignore[no-untyped-def]
    """Close one element and leave those inside it open; with `holds` they stay in it, and hidden where it was."""
    hides = stack[depth, S_HIDES]
    counts[stack[depth, S_TAG]] -= 1
    elements[stack[depth, S_ELEMENT], E_LAST] = state[TEXTS]
    for i in range(depth + 1, state[DEPTH]):
        for field in range(S_FIELDS):
            stack[i - 1, field] = stack[i, field]
    state[DEPTH] -= 1
    if holds and hides and depth < state[DEPTH]:
        stack[depth, S_HIDES] = 1
    if state[UNSEEN_AT] > depth:
        state[UNSEEN_AT] = 0
        for i in range(depth, state[DEPTH]):
            if stack[i, S_HIDES]:
                state[UNSEEN_AT] = i + 1
                break


@inner
def search(name, stop, state, stack, rules):  # type: ignore[no-untyped-def]
    """The depth of the innermost open element of that name above any element with a rule in `stop`; -1 for none."""
    depth = state[DEPTH] - 1
    while depth >= 0:
        if stack[depth, S_NAME] == name and stack[depth, S_SPACE] == 0:
            return depth
        if rules[stack[depth, S_TAG]] & stop:
            return -1
        depth -= 1
    return -1
