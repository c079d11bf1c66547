"""`explain neighbors` and `explain analogy`: what word vectors hold near one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import ConfigError, did_you_mean
from aigc_cli.explain.options import AnalogyOptions, NeighborOptions
from aigc_cli.models.bundle import Bundle
from aigc_cli.train.words.store import WORDS, read_words

MOST_MISSPELT = 2  # letters more or less in a word that may be meant
TINY = 1e-3  # keeps 3CosMul's quotient finite


class Vectors:
    """Word vectors of length 1, ready to be asked. `words` in the order of `units` [V, D]."""

    def __init__(self, model: str | Path) -> None:
        self.bundle = Bundle.open(model).require("neighbors", "asking for words")
        self.words, self.counts = read_words(self.bundle.path)
        vectors = self.bundle.weights()["embedding.weight"].numpy().astype(np.float32)
        self.units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        self.number = {word: number for number, word in enumerate(self.words)}

    def find(self, word: str) -> int:
        """The number of a word, also in lower case; ConfigError with a near one when it is not known."""
        for form in (word, word.lower()):
            if form in self.number:
                return self.number[form]
        # Comparing with each of a million words would take a minute: those of about its length and first letter do.
        low = word.lower()
        near = [w for w in self.words if w[:1] == low[:1] and abs(len(w) - len(low)) <= MOST_MISSPELT]
        hint = did_you_mean(low, near)
        if not near or not hint.startswith("did"):
            hint = f"{self.bundle.path / WORDS} lists them, the most frequent first"
        raise ConfigError(f"'{word}' is not among the {len(self.words):,} words", hint)

    def nearest(self, scores: np.ndarray, without: Sequence[int], top: int) -> list[dict[str, float | str]]:
        """The best words by score, those of the question left out."""
        scores = scores.copy()
        scores[list(without)] = -np.inf
        best = np.argsort(-scores, kind="stable")[: min(top, len(scores) - len(without))]
        return [{"word": self.words[i], "score": round(float(scores[i]), 6)} for i in best]


def neighbors(model: str | Path, words: Sequence[str], options: NeighborOptions | None = None) -> Result:
    """manifest: {"neighbors": {word: [{"word", "score"}]}}: the words of highest cosine, best first."""
    options, vectors = options or NeighborOptions(), Vectors(model)
    console.detail(vectors.bundle.describe())
    found = {}
    for word in words:
        number = vectors.find(word)
        found[word] = vectors.nearest(vectors.units @ vectors.units[number], [number], options.top)
    lines = [console.table(word, ["word", "cosine"], [[n["word"], n["score"]] for n in near])
             for word, near in found.items()]  # fmt: skip
    return Result("neighbors", None, {"neighbors": found}, lines)


def analogy(model: str | Path, a: str, b: str, c: str, options: AnalogyOptions | None = None) -> Result:
    """What is to `c` as `b` is to `a`. manifest: {"analogy": [a, b, c], "answers": [{"word", "score"}]}.

    add: the largest cos(x, b) - cos(x, a) + cos(x, c); mul: the largest cos(x, b) cos(x, c) / cos(x, a), cosines
    moved to 0 ... 1. Source: Levy and Goldberg 2014, "Linguistic Regularities in Sparse and Explicit Word
    Representations", equations 2 and 4.
    """
    options, vectors = options or AnalogyOptions(), Vectors(model)
    console.detail(vectors.bundle.describe())
    numbers = [vectors.find(word) for word in (a, b, c)]
    answers = vectors.nearest(analogy_scores(vectors.units, numbers, options.method), numbers, options.top)
    rows = [[n["word"], n["score"]] for n in answers]
    title = f"{a} : {b} = {c} : ?"
    return Result("analogy", None, {"analogy": [a, b, c], "answers": answers}, [
        console.table(title, ["word", "score"], rows)
    ])  # fmt: skip


def analogy_scores(units: np.ndarray, numbers: Sequence[int], method: str) -> np.ndarray:
    """The score of every word [V]."""
    near_a, near_b, near_c = (units @ units[number] for number in numbers)
    if method == "add":
        return near_b - near_a + near_c
    near_a, near_b, near_c = ((near + 1) / 2 for near in (near_a, near_b, near_c))
    return near_b * near_c / (near_a + TINY)
