"""Texts that repeat an earlier one, exactly or nearly."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aigc_cli.core.options import opt
from aigc_cli.postprocess.lines import words
from aigc_cli.postprocess.rules import Check, Finding


@dataclass
class Options:
    """Duplicates rule."""

    near: float = opt(0.8, "Jaccard similarity of word n-grams from which two texts are the same; 1 finds exact ones.",
                      min=0.1, max=1.0)  # fmt: skip
    ngram: int = opt(3, "Words of an n-gram.", min=1)


def make(options: Options) -> Check:
    """A check whose value is the largest similarity to an earlier text (0 when below `near`); the first one stays."""
    seen = Seen(options.near, options.ngram)

    def check(text: str, number: int) -> Finding:
        similarity, other = seen.nearest(text)
        if other is None:
            seen.add(text, number)
            return Finding(0.0)
        kind = "the same as" if similarity == 1.0 else f"{similarity:.0%} the same as"
        return Finding(round(similarity, 4), f"{kind} record {other}")

    return check


class Seen:
    """Texts by their n-gram sets, with an exact search for similar ones.

    Two sets with Jaccard similarity >= t share at least one of the first |A| - ceil(t |A|) + 1 elements in any common
    order, so only these are indexed. Source: Bayardo, Ma, Srikant, Scaling up all pairs similarity search, WWW 2007.
    """

    def __init__(self, threshold: float, n: int) -> None:
        self.threshold, self.n = threshold, n
        self._index: dict[int, list[int]] = {}
        self._sets: list[frozenset[int]] = []
        self._numbers: list[int] = []

    def add(self, text: str, number: int) -> None:
        """Remember a text under its record number."""
        grams = self._grams(text)
        for gram in self._prefix(grams):
            self._index.setdefault(gram, []).append(len(self._sets))
        self._sets.append(grams)
        self._numbers.append(number)

    def nearest(self, text: str) -> tuple[float, int | None]:
        """The largest similarity >= threshold and the number of the first text that has it; (0, None) if none."""
        grams = self._grams(text)
        best, which = 0.0, None
        for i in sorted({i for gram in self._prefix(grams) for i in self._index.get(gram, ())}):
            other = self._sets[i]
            shared = len(grams & other)
            similarity = shared / (len(grams) + len(other) - shared)
            if similarity >= self.threshold and similarity > best:
                best, which = similarity, self._numbers[i]
        return best, which

    def _grams(self, text: str) -> frozenset[int]:
        """Hashes of the word n-grams; a text of fewer words is one gram, one without words is itself."""
        import xxhash

        found = words(text)
        n = min(self.n, len(found))
        grams = [" ".join(found[i : i + n]) for i in range(len(found) - n + 1)] if n else [text]
        return frozenset(xxhash.xxh3_64_intdigest(gram.encode("utf-8", "replace")) for gram in grams)

    def _prefix(self, grams: frozenset[int]) -> list[int]:
        return sorted(grams)[: len(grams) - math.ceil(self.threshold * len(grams)) + 1]
