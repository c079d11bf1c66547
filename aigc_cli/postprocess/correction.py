"""Correct one text: spelling and punctuation, repeated until nothing changes, so that a second run changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aigc_cli.postprocess import punctuation
from aigc_cli.postprocess.edits import Edit, apply, compose
from aigc_cli.postprocess.lines import Line, lines, protected, touches
from aigc_cli.postprocess.spelling import Speller, misspellings

ROUNDS = 8  # every rule moves towards one form, so two or three rounds are the usual number
Pass = Callable[[Line], Iterable[tuple[int, int, str]]]


@dataclass
class Corrector:
    """What to correct. Call it with a text: it gives the corrected text and the edits of the original."""

    speller: Speller | None = None
    rules: list[str] = field(default_factory=lambda: [name for name in punctuation.RULES if name != "pangu"])
    min_confidence: float = 0.9
    capitalised: bool = False

    def __call__(self, text: str) -> tuple[str, list[Edit]]:
        """The corrected text and the edits that lead to it.

        A text on which the rules come to no end is given back as it was: correcting it again then also does nothing.

        >>> Corrector()("Hello ,  world")[0]
        'Hello, world'
        """
        current, total = text, list[Edit]()
        for _ in range(ROUNDS):
            changed = False
            for name, rule in self._passes():
                found = _edits(current, name, rule)
                if found:
                    total = compose(text, total, found)
                    current, changed = apply(current, found), True
            if not changed:
                return current, total
        return text, []

    def _passes(self) -> Iterable[tuple[str, Pass]]:
        for name in self.rules:
            yield name, punctuation.RULES[name]
        if self.speller is not None:
            yield "spelling", self._spelling

    def _spelling(self, line: Line) -> Iterable[tuple[int, int, str]]:
        assert self.speller is not None
        return misspellings(self.speller, line.text, self.min_confidence, self.capitalised)


def _edits(text: str, name: str, rule: Pass) -> list[Edit]:
    """The edits that one rule wants in `text`, without those in protected spans, sorted and apart."""
    keep = protected(text)
    found: list[Edit] = []
    for line in lines(text):
        for start, end, after in sorted(set(rule(line))):
            start, end = start + line.start, end + line.start
            apart = not found or start > found[-1].end or (start == found[-1].end and start < end)
            if apart and text[start:end] != after and not touches(keep, start, end):
                found.append(Edit(start, end, text[start:end], after, name))
    return found
