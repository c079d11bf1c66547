"""The stack of open elements: what a start tag opens and closes, what an end tag closes."""

from __future__ import annotations

from aigc_cli.collect.html.kernels.attributes import AT_CLOSED, AT_HIDDEN, AT_HINTS, AT_LINK, AT_OPEN
from aigc_cli.collect.html.kernels.foreign import MATH, SVG
from aigc_cli.collect.html.kernels.stack import (
    DEPTH,
    ELEMENTS,
    FORM,
    ITEM,
    LINK,
    PENDING,
    S_ELEMENT,
    S_TAG,
    level_of,
    pop_to,
    push,
    remove,
    search,
)
from aigc_cli.collect.html.kernels.tables import close_parts, part_of, table_of
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

_A, _P, _LI, _DD, _DT, _DIV, _ADDRESS, _BUTTON, _BR, _DIALOG, _TEMPLATE = (
    TAG[name] for name in ("a", "p", "li", "dd", "dt", "div", "address", "button", "br", "dialog", "template")
)
_H1, _H6, _SVG, _MATH, _TABLE, _FORM, _UL, _OL, _OPTION, _OPTGROUP, _RT, _RP = (
    TAG[name] for name in ("h1", "h6", "svg", "math", "table", "form", "ul", "ol", "option", "optgroup", "rt", "rp")
)


@inner
def is_heading(tag):  # type: ignore[no-untyped-def]
    """h1 to h6."""
    return _H1 <= tag <= _H6


@inner
def _close_p(state, stack, counts, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """Close an open paragraph; whether there was one within reach."""
    if counts[_P]:
        depth = state[DEPTH] - 1
        while depth >= 0:
            tag = stack[depth, S_TAG]
            if tag == _P:
                pop_to(depth, state, stack, counts, elements, breaks)
                return True
            if rules[tag] & SCOPE or tag == _BUTTON:
                return False
            depth -= 1
    return False


@inner
def _close_item(tag, state, stack, counts, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """Before an <li>, <dd> or <dt>: close the one before it in the same list."""
    depth = state[DEPTH] - 1
    while depth >= 0:
        other = stack[depth, S_TAG]
        if (tag == _LI and other == _LI) or (tag != _LI and (other in (_DD, _DT))):
            pop_to(depth, state, stack, counts, elements, breaks)
            return
        if rules[other] & SPECIAL and other != _ADDRESS and other != _DIV and other != _P:
            return
        depth -= 1


@inner
def _make_room(tag, name, state, stack, counts, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """Close what the start tag ends without saying so; whether the element may stand here."""
    rule, level = rules[tag], level_of(tag)
    if tag == _FORM and state[FORM] and not counts[_TEMPLATE]:
        return False
    if level:
        if not counts[_TABLE]:
            return False
        close_parts(level, state, stack, counts, elements, breaks)
        return True
    if tag == _TABLE and counts[_TABLE]:
        depth = table_of(state, stack, True)
        if depth >= 0:
            pop_to(depth, state, stack, counts, elements, breaks)
    if tag in (_LI, _DD, _DT):
        _close_item(tag, state, stack, counts, elements, rules, breaks)
        _close_p(state, stack, counts, elements, rules, breaks)
    elif tag == _BUTTON and counts[_BUTTON]:
        depth = search(name, SCOPE, state, stack, rules)
        if depth >= 0:
            pop_to(depth, state, stack, counts, elements, breaks)
    elif rule & CLOSES_P:
        _close_p(state, stack, counts, elements, rules, breaks)
        if is_heading(tag) and state[DEPTH] and is_heading(stack[state[DEPTH] - 1, S_TAG]):
            pop_to(state[DEPTH] - 1, state, stack, counts, elements, breaks)
    return True


@inner
def _close_format(depth, state, stack, counts, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """Close an inline element; blocks in it stay open, and with them the inline elements that are made anew in them.

    What has been read stays where it is, while the standard moves it with the blocks.
    Source: https://html.spec.whatwg.org/multipage/parsing.html#adoption-agency-algorithm
    """
    if depth < 0:
        return
    last = state[DEPTH] - 1
    while last > depth and not rules[stack[last, S_TAG]] & SPECIAL:
        last -= 1
    if last == depth:
        pop_to(depth, state, stack, counts, elements, breaks)
        return
    pop_to(last + 1, state, stack, counts, elements, breaks)
    for i in range(last, depth, -1):
        if not rules[stack[i, S_TAG]] & (SPECIAL | FORMAT):
            remove(i, False, state, stack, counts, elements)
    remove(depth, False, state, stack, counts, elements)


@inner
def open_element(tag, name, at, state, stack, counts, over, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """A start tag."""
    rule, br = rules[tag], breaks[tag]
    if tag == _A and counts[_A]:
        _close_format(search(name, SCOPE, state, stack, rules), state, stack, counts, elements, rules, breaks)
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
    if rule & VOID or (at[AT_CLOSED] and tag in (_SVG, _MATH)):
        return
    unseen = (rule & UNSEEN and not (tag == _DIALOG and at[AT_OPEN])) or at[AT_HIDDEN]
    space = SVG if tag == _SVG else (MATH if tag == _MATH else 0)
    link = tag == _A and at[AT_LINK]
    element = state[ELEMENTS]
    push(tag, name, space, 1 if unseen else 0, at[AT_HINTS], link, state, stack, counts, over, elements)
    if tag == _FORM and state[ELEMENTS] > element and not counts[_TEMPLATE]:
        state[FORM] = element


@inner
def _close_form(name, state, stack, counts, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """Close the form that was opened last, which need not be the innermost element: what is in it stays in it."""
    if counts[_TEMPLATE]:
        depth = search(name, SCOPE, state, stack, rules)
    else:
        depth = state[DEPTH] - 1
        while depth >= 0 and (not state[FORM] or stack[depth, S_ELEMENT] != state[FORM]):
            depth = -1 if rules[stack[depth, S_TAG]] & SCOPE else depth - 1
        state[FORM] = 0
    if depth < 0:
        return
    while stack[state[DEPTH] - 1, S_TAG] in (_P, _LI, _DD, _DT, _OPTION, _OPTGROUP, _RT, _RP):
        pop_to(state[DEPTH] - 1, state, stack, counts, elements, breaks)
    if state[DEPTH] - 1 == depth:
        pop_to(depth, state, stack, counts, elements, breaks)
    else:
        state[PENDING] = max(state[PENDING], breaks[_FORM])
        remove(depth, True, state, stack, counts, elements)


@inner
def close_element(tag, name, state, stack, counts, over, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """An end tag."""
    if tag == _A:
        state[LINK] = 0
    if over[tag]:
        over[tag] -= 1
        return
    if tag == _P:
        if not _close_p(state, stack, counts, elements, rules, breaks):
            state[PENDING] = PARAGRAPH
        return
    if tag == _BR:
        state[PENDING] = max(state[PENDING], BREAK)
        return
    if tag == _FORM:
        _close_form(name, state, stack, counts, elements, rules, breaks)
        return
    rule, depth = rules[tag], -1
    if is_heading(tag):
        depth = state[DEPTH] - 1
        while depth >= 0 and not is_heading(stack[depth, S_TAG]):
            depth = -1 if rules[stack[depth, S_TAG]] & SCOPE else depth - 1
    elif level_of(tag):
        depth = part_of(tag, state, stack)
    elif not counts[tag]:
        return
    elif tag == _TABLE:
        depth = table_of(state, stack, False)
    else:
        stop = 0 if tag == _TEMPLATE else (SCOPE if rule & (SPECIAL | FORMAT) else SPECIAL)
        depth = search(name, stop, state, stack, rules)
        if tag == _LI:
            for i in range(depth + 1, state[DEPTH]):
                if stack[i, S_TAG] in (_UL, _OL):
                    return
    if depth < 0:
        return
    if rule & FORMAT:
        _close_format(depth, state, stack, counts, elements, rules, breaks)
    else:
        pop_to(depth, state, stack, counts, elements, breaks)
