"""Tables: which of their parts an edge of another part closes.

Source: https://html.spec.whatwg.org/multipage/parsing.html#parsing-main-intable and the sections after it.
"""

from __future__ import annotations

from aigc_cli.collect.html.kernels.stack import DEPTH, S_TAG, level_of, pop_to
from aigc_cli.collect.html.kernels.tags import TAG
from aigc_cli.core.jit import inner

_TABLE, _CAPTION, _TR, _TBODY, _TEMPLATE = (TAG[name] for name in ("table", "caption", "tr", "tbody", "template"))


@inner
def close_parts(level, state, stack, counts, elements, breaks):  # type: ignore[no-untyped-def]
    """Before a part of a table: close all that is open in the same table up to a part of a higher level."""
    depth = state[DEPTH] - 1
    while depth >= 0 and stack[depth, S_TAG] != _TABLE:
        tag = stack[depth, S_TAG]
        if tag == _TEMPLATE:
            return
        if level_of(tag) > level and tag != _CAPTION:
            break
        depth -= 1
    pop_to(depth + 1, state, stack, counts, elements, breaks)


@inner
def part_of(tag, state, stack):  # type: ignore[no-untyped-def]
    """The depth of the part of a table that an end tag closes, -1 for none. A row or body may be there unwritten."""
    level, depth, lowest = level_of(tag), state[DEPTH] - 1, -1
    while depth >= 0 and stack[depth, S_TAG] != tag:
        other = stack[depth, S_TAG]
        if other == _TEMPLATE:
            return -1
        if other == _TABLE or level_of(other) > level:
            return lowest if tag in (_TR, _TBODY) else -1
        if 0 < level_of(other) < level:
            lowest = depth
        depth -= 1
    return depth


@inner
def table_of(state, stack, cells):  # type: ignore[no-untyped-def]
    """The depth of the innermost table, -1 for none; with `cells` -1 also in one of its cells or in its caption."""
    depth = state[DEPTH] - 1
    while depth >= 0 and stack[depth, S_TAG] != _TABLE:
        tag = stack[depth, S_TAG]
        if tag == _TEMPLATE or (cells and (level_of(tag) == 1 or tag == _CAPTION)):
            return -1
        depth -= 1
    return depth
