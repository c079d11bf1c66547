"""Two texts as one, with red for what went and green for what came."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from aigc_cli.report.markup import Html, h, join

_WORDS = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\W\u3400-\u9fff]+|\s+|[^\w\s]")
CONTEXT = 160  # unchanged characters shown between two changes; longer stretches are cut in the middle
MOST_WORDS = 4000  # of a text that is compared word by word; longer ones are shown by their beginning


def edited(before: str, edits: Iterable[Mapping[str, Any]]) -> Html:
    """`before` with known edits [{start, end, before, after, rule}] marked; the rule shows on hovering."""
    parts, position = [], 0
    for edit in edits:
        parts.append(h("{}", cut(before[position : edit["start"]])))
        title = str(edit.get("rule", ""))
        if edit["before"]:
            parts.append(h('<del title="{}">{}</del>', title, visible(edit["before"])))
        if edit["after"]:
            parts.append(h('<ins title="{}">{}</ins>', title, visible(edit["after"])))
        position = edit["end"]
    return join([*parts, h("{}", cut(before[position:]))])


def excerpted(before: str, after: str) -> Html:
    """`marked` for two excerpts that were cut: what differs at their very end may only be the cut."""
    return join([marked(before, after, whole=False), h("{}", " […]")])


def marked(before: str, after: str, *, whole: bool = True) -> Html:
    """The difference of two texts, word by word, Han characters one by one."""
    old, new = (_WORDS.findall(text)[:MOST_WORDS] for text in (before, after))
    edits: list[dict[str, Any]] = []
    places = [0]
    for word in old:
        places.append(places[-1] + len(word))
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if not whole and edits and (b == len(old) or d == len(new)) and kind != "equal":
            return edited(before[: places[a]], edits)
        if kind != "equal":
            edits.append(
                {"start": places[a], "end": places[b], "before": "".join(old[a:b]), "after": "".join(new[c:d])}
            )
    return edited(before[: places[-1]], edits)


def visible(text: str) -> str:
    """Spaces and line breaks of an edit, which would not show, as signs."""
    return text if text.strip() else text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def cut(text: str) -> str:
    """The ends of a long unchanged stretch."""
    return text if len(text) <= CONTEXT else f"{text[: CONTEXT // 2]} […] {text[-CONTEXT // 2 :]}"
