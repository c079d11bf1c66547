"""Drawings (SVG) and formulas (MathML) in a page, where other names and rules hold than in HTML.

Source: https://html.spec.whatwg.org/multipage/parsing.html#parsing-main-inforeign.
"""

from __future__ import annotations

from aigc_cli.collect.html.kernels.attributes import AT_CLOSED, AT_FONT, AT_HIDDEN, AT_HINTS
from aigc_cli.collect.html.kernels.stack import DEPTH, S_NAME, S_SPACE, pop_to, push
from aigc_cli.collect.html.kernels.tags import LEAVES, TAG, key_of
from aigc_cli.core.jit import inner

SVG, MATH, POINT = 1, 2, 4  # POINT: where HTML may stand again
_SVG, _MATH, _FOREIGN, _FONT, _P, _BR = (TAG[name] for name in ("svg", "math", "foreignobject", "font", "p", "br"))
_FOREIGN_KEY, _DESC, _TITLE = key_of("foreignobject"), key_of("desc"), key_of("title")
_MI, _MO, _MN, _MS, _MTEXT = (key_of(name) for name in ("mi", "mo", "mn", "ms", "mtext"))


@inner
def in_foreign(state, stack):  # type: ignore[no-untyped-def]
    """SVG or MATH where a start tag would be one of theirs, else 0."""
    space = stack[state[DEPTH] - 1, S_SPACE] if state[DEPTH] else 0
    return 0 if space & POINT else space


@inner
def _leave(state, stack, counts, elements, breaks):  # type: ignore[no-untyped-def]
    depth = state[DEPTH]
    while depth and stack[depth - 1, S_SPACE] in (SVG, MATH):
        depth -= 1
    pop_to(depth, state, stack, counts, elements, breaks)


@inner
def open_foreign(tag, name, at, state, stack, counts, over, elements, rules, breaks):  # type: ignore[no-untyped-def]
    """A start tag in a drawing or formula; False where it has ended that and is HTML's."""
    space = in_foreign(state, stack)
    if rules[tag] & LEAVES or (tag == _FONT and at[AT_FONT]):
        _leave(state, stack, counts, elements, breaks)
        return False
    if at[AT_CLOSED]:
        return True
    point = name in (_FOREIGN_KEY, _DESC, _TITLE) if space == SVG else name in (_MI, _MO, _MN, _MS, _MTEXT)
    push(
        _FOREIGN if point else 0, name, space | (POINT if point else 0), at[AT_HIDDEN], at[AT_HINTS], 0, state, stack,
        counts, over, elements,
    )  # fmt: skip
    return True


@inner
def close_foreign(tag, name, state, stack, counts, elements, breaks):  # type: ignore[no-untyped-def]
    """An end tag; False where it is HTML's."""
    if tag in (_P, _BR):
        _leave(state, stack, counts, elements, breaks)
        return False
    depth = state[DEPTH] - 1
    while depth >= 0 and stack[depth, S_SPACE]:
        if stack[depth, S_NAME] == name:
            pop_to(depth, state, stack, counts, elements, breaks)
            return True
        depth -= 1
    return False
