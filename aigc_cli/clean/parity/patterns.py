"""Regular expressions given as lists of alternatives, asked only where their first or last character allows.

A tokenizer asks the same few hundred alternatives of every word, and nearly all of them need a certain character at a
certain end. Reading those characters off the parsed expression leaves, for most words, nothing to ask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

Ranges = list[tuple[int, int]]  # code points, both ends included
UNBOUNDED = 1 << 16  # characters; a wider alternative has no window


def _of_set(items: Sequence[Any]) -> Ranges | None:
    found: Ranges = []
    for op, value in items:
        if op is parser.LITERAL:
            found.append((value, value))
        elif op is parser.RANGE:
            found.append(value)
        else:
            return None
    return found


def edge(items: Sequence[Any], *, last: bool = False) -> Ranges | None:
    """The characters that a match can begin (or end) with; None when it may be any, or the match may be empty."""
    for op, value in reversed(items) if last else items:
        if op is parser.LITERAL:
            return [(value, value)]
        if op is parser.IN:
            return _of_set(value)
        if op is parser.SUBPATTERN:
            return None if value[1] or value[2] else edge(value[3], last=last)
        if op is parser.BRANCH:
            parts = [edge(part, last=last) for part in value[1]]
            return None if None in parts else [pair for part in parts if part is not None for pair in part]
        if op is parser.MAX_REPEAT:
            return edge(value[2], last=last) if value[0] > 0 else None
        if op not in (parser.ASSERT, parser.ASSERT_NOT, parser.AT):
            return None
    return None


def needs(items: Sequence[Any], character: str) -> bool:
    """Whether every match holds `character`; False also when that cannot be told."""
    for op, value in items:
        if op is parser.LITERAL and value == ord(character):
            return True
        if op is parser.SUBPATTERN and needs(value[3], character):
            return True
        if op is parser.MAX_REPEAT and value[0] > 0 and needs(value[2], character):
            return True
        if op is parser.BRANCH and all(needs(part, character) for part in value[1]):
            return True
    return False


class _Alternative:
    """One alternative, and what it needs of the character at its edge."""

    def __init__(self, pattern: str, *, last: bool) -> None:
        self.pattern = pattern
        parsed = parser.parse(pattern)
        at_edge = parsed[-1:] if last else parsed[:1]
        anchored = list(at_edge) == [(parser.AT, parser.AT_END if last else parser.AT_BEGINNING)]
        self.ranges = edge(list(parsed), last=last) if anchored else None
        self.width = min(parsed.getwidth()[1], UNBOUNDED)
        consumed = [op for op, _ in parsed if op is not parser.AT]
        self.single = anchored and len(consumed) == 1 and consumed[0] in (parser.LITERAL, parser.IN)

    def allows(self, code: int) -> bool:
        return self.ranges is None or any(low <= code <= high for low, high in self.ranges)


class Affix:
    """The length of a prefix or suffix, as re.search with all alternatives joined by | finds it."""

    def __init__(self, alternatives: Sequence[str], *, last: bool) -> None:
        self.last = last
        self._alternatives = [_Alternative(pattern, last=last) for pattern in alternatives]
        self._known: dict[str, tuple[int, Any, int]] = {}

    def length(self, text: str) -> int:
        """Characters of the affix of a text that is not empty; 0 without one."""
        known = self._known.get(text[-1] if self.last else text[0])
        fixed, search, window = known if known is not None else self._learn(text[-1] if self.last else text[0])
        if search is None:
            return fixed
        found = search(text, max(0, len(text) - window)) if self.last else search(text)
        return found.end() - found.start() if found is not None else 0

    def _learn(self, character: str) -> tuple[int, Any, int]:
        """(length, search, window): what to ask of texts with this character at the edge. Without a search the length
        is the answer; a search looks at the last `window` characters (and behind them)."""
        asked = [each for each in self._alternatives if each.allows(ord(character))]
        if all(each.single for each in asked):
            answer: tuple[int, Any, int] = (1 if asked else 0, None, 0)
        else:
            window = max(each.width for each in asked)
            answer = (0, re.compile("|".join(each.pattern for each in asked)).search, window)
        self._known[character] = answer
        return answer


class Infix:
    """The matches of an expression anywhere in a text, not asked where none of its first characters occurs."""

    def __init__(self, alternatives: Sequence[str]) -> None:
        self.pattern = re.compile("|".join(alternatives))

    @cached_property
    def _first(self) -> re.Pattern[str] | None:
        ranges = edge(list(parser.parse(self.pattern.pattern)))
        if ranges is None:
            return None
        parts = (f"{re.escape(chr(low))}-{re.escape(chr(high))}" for low, high in ranges)
        return re.compile(f"[{''.join(parts)}]")

    def matches(self, text: str) -> list[re.Match[str]]:
        """What finditer gives."""
        if self._first is not None and self._first.search(text) is None:
            return []
        return list(self.pattern.finditer(text))
