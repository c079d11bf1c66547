"""Edits of a text: apply them, join two rounds of them, and show them as a diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

RED, GREEN, CYAN, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[0m"


@dataclass(frozen=True)
class Edit:
    """Characters [start, end) of a text, their replacement, and the rule that asked for it."""

    start: int
    end: int
    before: str
    after: str
    rule: str

    def as_dict(self) -> dict[str, Any]:
        """The edit as a JSON-ready dictionary."""
        return asdict(self)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """`text` with the edits applied; they are sorted and do not overlap.

    >>> apply("teh cat", [Edit(0, 3, "teh", "the", "spelling")])
    'the cat'
    """
    parts, position = [], 0
    for edit in edits:
        parts += [text[position : edit.start], edit.after]
        position = edit.end
    return "".join(parts) + text[position:]


def compose(text: str, first: Sequence[Edit], second: Sequence[Edit]) -> list[Edit]:
    """One list of edits of `text` that does what `first`, then `second` (edits of the result) do.

    Edits that meet become one edit, whose rule names both: "spelling+repeat".
    """
    middle = apply(text, first)
    joined: list[Edit] = []
    shift = 0  # position in the middle text less position in `text`
    for start, end, olds, news in _groups(first, second):
        growth = sum(len(e.after) - len(e.before) for e in olds)
        before = text[start - shift : end - shift - growth]
        moved = [Edit(e.start - start, e.end - start, e.before, e.after, e.rule) for e in news]
        after = apply(middle[start:end], moved)
        if before != after:
            rules = dict.fromkeys(rule for e in [*olds, *news] for rule in e.rule.split("+"))
            joined.append(Edit(start - shift, end - shift - growth, before, after, "+".join(rules)))
        shift += growth
    return joined


def _groups(first: Sequence[Edit], second: Sequence[Edit]) -> Iterator[tuple[int, int, list[Edit], list[Edit]]]:
    """Sets of edits whose spans in the middle text meet: (start, end, of the first, of the second)."""
    spans, shift = [], 0
    for e in first:
        start = e.start + shift
        spans.append((start, start + len(e.after), 0, e))
        shift += len(e.after) - len(e.before)
    spans += [(e.start, e.end, 1, e) for e in second]
    spans.sort(key=lambda span: span[:3])
    group: list[tuple[int, int, int, Edit]] = []
    end, empty = -1, False
    for span in spans:
        # Two spans that only touch stay apart unless one is empty: then their order would be ambiguous.
        if group and (span[0] > end or (span[0] == end and not empty and span[0] < span[1])):
            yield group[0][0], end, [s[3] for s in group if not s[2]], [s[3] for s in group if s[2]]
            group, end = [], -1
        group.append(span)
        empty = span[0] == span[1] if span[1] > end else empty or span[0] == span[1]
        end = max(end, span[1])
    if group:
        yield group[0][0], end, [s[3] for s in group if not s[2]], [s[3] for s in group if s[2]]


def unified(before: str, after: str, name: str, colour: bool = False) -> str:
    """A unified diff of two texts by line, without context; "" when they are equal.

    >>> print(unified("teh cat", "the cat", "record 1"))
    --- record 1
    +++ record 1
    @@ -1 +1 @@
    -teh cat
    +the cat
    """
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="", n=0))
    if colour:
        codes = {"-": RED, "+": GREEN, "@": CYAN}
        lines = [f"{codes[line[0]]}{line}{PLAIN}" if line[:1] in codes else line for line in lines]
    return "\n".join(lines)
