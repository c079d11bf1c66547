"""The stack of open elements: what a start tag opens and closes, what an end tag closes."""

from __future__ import annotations

from aigc_cli.collect.html.kernels.attributes import AT_CLOSED, AT_HIDDEN, AT_HINTS, AT_LINK, AT_OPEN
from aigc_cli.collect.html.kernels.tags import (
    BLANK,
    BREAK,
    CLOSES_P,
    FORMAT,
    PARAGRAPH,
    SCOPE,
    SPECIAL,
    TAG,
    UNSEEN,
    VOID,
)
from aigc_cli.core.jit import inner

MAX_DEPTH = 512  # of open elements, as in browsers; what is deeper belongs to the element at that depth
# Fields of the state.
ELEMENTS, TEXTS, DEPTH, PENDING, LINK, UNSEEN_AT, ITEM = range(7)
STATE = 7
# Fields of an element: FIRST and LAST are the range of its texts.
E_TAG, E_PARENT, E_FIRST, E_LAST, E_HINTS, E_LINK = range(6)
E_FIELDS = 6

_A, _P, _LI, _DD, _DT, _DIV, _ADDRESS, _BUTTON, _BR, _DIALOG = (
    TAG[name] for name in ("a", "p", "li", "dd", "dt", "div", "address", "button", "br", "dialog")
)
_TABLE, _TR, _TD, _TH, _CAPTION, _TBODY, _THEAD, _TFOOT, _COLGROUP = (
    TAG[name] for name in ("table", "tr", "td", "th", "caption", "tbody", "thead", "tfoot", "colgroup")
)
_H1, _H6, _SVG, _MATH, _FOREIGN, _SPAN, _IMG, _FORM, _UL, _OL = (
    TAG[name] for name in ("h1", "h6", "svg", "math", "foreignobject", "span", "img", "form", "ul", "ol")
)


@inner
def is_heading(tag):  # type: ignore[no-untyped-def]
    """h1 to h6."""
    return _H1 <= tag <= _H6


@inner
def _level(tag):  # type: ignore[no-untyped-def]
    """Of a part of a table: a cell is 1, a row 2, a group of rows 3; 0 for all else."""
    if tag in (_TD, _TH, _CAPTION):
        return 1
    if tag == _TR:
        return 2
    return 3 if tag in (_TBODY, _THEAD, _TFOOT, _COLGROUP) else 0


@inner
def pop_to(depth, state, stack, counts, elements, breaks):  # type: ignore[no-untyped-def]
    """Close all open elements at `depth` and deeper."""
    while state[DEPTH] > depth:
        state[DEPTH] -= 1
        tag, element = stack[state[DEPTH], 0], stack[state[DEPTH], 1]
        counts[tag] -= 1
        elements[element, E_LAST] = state[TEXTS]
        state[PENDING] = max(state[PENDING], breaks[tag])
        if _level(tag) == 1 or tag == _TABLE:
            state[LINK] = 0
    if state[UNSEEN_AT] > state[DEPTH]:
        state[UNSEEN_AT] = 0


@inner
def _search(name, stop, state, stack, rules):  # type: ignore[no-untyped-def]
    """The depth of the innermost open element of that name above any element with a rule in `stop`; -1 for none."""
    depth = state[DEPTH] - 1
    while depth >= 0:
        if stack[depth, 2] == name:
            return depth
        if rules[stack[depth, 0]] & stop:
            return -1
        depth -= 1
    return -1


@inner
def _close_p(state, stack, counts, elements, rules, breaks):  # type: ignore[no-untyped-def]
    if counts[_P]:
        depth = state[DEPTH] - 1
        while depth >= 0:
            tag = stack[depth, 0]
            if tag == _P:
                pop_to(depth, state, stack, counts, elements, breaks)
                return
            if rules[tag] & SCOPE or tag == _BUTTON:
                return
            depth -= 1


@inner
def _close_item(tag, state, stack, counts, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """Before an <li>, <dd> or <dt>: close the one before it in the same list."""
    depth = state[DEPTH] - 1
    while depth >= 0:
        other = stack[depth, 0]
        if (tag == _LI and other == _LI) or (tag != _LI and (other in (_DD, _DT))):
            pop_to(depth, state, stack, counts, elements, breaks)
            return
        if rules[other] & SPECIAL and other != _ADDRESS and other != _DIV and other != _P:
            return
        depth -= 1


@inner
def _close_parts(level, state, stack, counts, elements, breaks):  # type: ignore[no-untyped-def]
    """Before a part of a table: close the parts of its level or below in the same table."""
    depth = state[DEPTH] - 1
    lowest = state[DEPTH]
    while depth >= 0 and stack[depth, 0] != _TABLE:
        if 0 < _level(stack[depth, 0]) <= level:
            lowest = depth
        depth -= 1
    if depth >= 0:
        pop_to(lowest, state, stack, counts, elements, breaks)


@inner
def _make_room(tag, name, state, stack, counts, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """Close what the start tag ends without saying so; whether the element may stand here."""
    rule, level = rules[tag], _level(tag)
    leaves = (rule & (CLOSES_P | SPECIAL | FORMAT) and tag != _A) or tag in (_SPAN, _IMG, _BR)
    if counts[_SVG] and not counts[_FOREIGN] and leaves:
        depth = state[DEPTH] - 1
        while stack[depth, 0] != _SVG:
            depth -= 1
        pop_to(depth, state, stack, counts, elements, breaks)
    if tag == _FORM and counts[_FORM]:
        return False
    if level:
        if not counts[_TABLE]:
            return False
        _close_parts(level, state, stack, counts, elements, breaks)
        return True
    if tag in (_LI, _DD, _DT):
        _close_item(tag, state, stack, counts, elements, rules, breaks)
        _close_p(state, stack, counts, elements, rules, breaks)
    elif tag == _BUTTON and counts[_BUTTON]:
        depth = _search(name, SCOPE, state, stack, rules)
        if depth >= 0:
            pop_to(depth, state, stack, counts, elements, breaks)
    elif rule & CLOSES_P:
        _close_p(state, stack, counts, elements, rules, breaks)
        if is_heading(tag) and state[DEPTH] and is_heading(stack[state[DEPTH] - 1, 0]):
            pop_to(state[DEPTH] - 1, state, stack, counts, elements, breaks)
    return True


@inner
def _remove(depth, state, stack, counts, elements):  # type: ignore[no-untyped-def]
    """Close one element and leave those inside it open."""
    counts[stack[depth, 0]] -= 1
    elements[stack[depth, 1], E_LAST] = state[TEXTS]
    for i in range(depth + 1, state[DEPTH]):
        stack[i - 1, 0], stack[i - 1, 1], stack[i - 1, 2] = stack[i, 0], stack[i, 1], stack[i, 2]
    state[DEPTH] -= 1
    if state[UNSEEN_AT] > depth + 1:
        state[UNSEEN_AT] -= 1
    elif state[UNSEEN_AT] == depth + 1:
        state[UNSEEN_AT] = 0


@inner
def _close_format(depth, state, stack, counts, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """Close an inline element, and what is in it unless that is a block."""
    if depth < 0:
        return
    for i in range(depth + 1, state[DEPTH]):
        if rules[stack[i, 0]] & SPECIAL:
            _remove(depth, state, stack, counts, elements)
            return
    pop_to(depth, state, stack, counts, elements, breaks)


@inner
def open_element(tag, name, at, state, stack, counts, over, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """A start tag."""
    rule, br = rules[tag], breaks[tag]
    if tag == _A and counts[_A]:
        _close_format(_search(name, SCOPE, state, stack, rules), state, stack, counts, elements, rules, breaks)
    if not _make_room(tag, name, state, stack, counts, elements, rules, breaks):
        state[PENDING] = max(state[PENDING], BLANK)
        return
    if tag == _BR and state[PENDING] == BREAK:
        br = PARAGRAPH
    state[PENDING] = max(state[PENDING], br)
    if tag == _LI:
        state[ITEM] = 1
    if tag == _A:
        state[LINK] = at[AT_LINK]
    if rule & VOID or (at[AT_CLOSED] and (counts[_SVG] or counts[_MATH] or tag in (_SVG, _MATH))):
        return
    if state[DEPTH] == MAX_DEPTH or state[ELEMENTS] == len(elements):
        over[tag] += 1
        return
    depth, element = state[DEPTH], state[ELEMENTS]
    elements[element, E_TAG] = tag
    elements[element, E_PARENT] = stack[depth - 1, 1] if depth else 0
    elements[element, E_FIRST] = elements[element, E_LAST] = state[TEXTS]
    elements[element, E_HINTS] = at[AT_HINTS]
    elements[element, E_LINK] = tag == _A and at[AT_LINK]
    stack[depth, 0], stack[depth, 1], stack[depth, 2] = tag, element, name
    counts[tag] += 1
    state[ELEMENTS] += 1
    state[DEPTH] += 1
    unseen = rule & UNSEEN and not (tag == _DIALOG and at[AT_OPEN])
    if state[UNSEEN_AT] == 0 and (unseen or at[AT_HIDDEN]):
        state[UNSEEN_AT] = depth + 1


@inner
def close_element(tag, name, state, stack, counts, over, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """An end tag."""
    if tag == _A:
        state[LINK] = 0
    if over[tag]:
        over[tag] -= 1
        return
    if tag == _P and not counts[_P]:
        state[PENDING] = PARAGRAPH
        return
    if tag == _BR:
        state[PENDING] = max(state[PENDING], BREAK)
        return
    rule, depth = rules[tag], -1
    if is_heading(tag):
        depth = state[DEPTH] - 1
        while depth >= 0 and not is_heading(stack[depth, 0]):
            depth = -1 if rules[stack[depth, 0]] & SCOPE else depth - 1
    elif not counts[tag]:
        return
    elif _level(tag):
        depth = state[DEPTH] - 1
        while depth >= 0 and stack[depth, 0] != tag:
            depth = -1 if stack[depth, 0] == _TABLE else depth - 1
    else:
        depth = _search(name, SCOPE if rule & (SPECIAL | FORMAT | UNSEEN) else SPECIAL, state, stack, rules)
        if tag == _LI:
            for i in range(depth + 1, state[DEPTH]):
                if stack[i, 0] in (_UL, _OL):
                    return
    if depth < 0:
        return
    if rule & FORMAT or tag == _FORM:
        _close_format(depth, state, stack, counts, elements, rules, breaks)
    else:
        pop_to(depth, state, stack, counts, elements, breaks)
