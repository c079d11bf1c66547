"""F1, precision and recall of extracted articles by the metric of the article extraction benchmark.

A text's tokens are its runs of letters and digits, its shingles all runs of four tokens (of fewer where there are no
four). A page's true positives, false positives and false negatives are the sizes of the intersection and of the two
differences of the multisets of shingles, divided by their sum. Precision and recall are means over pages of
tp / (tp + fp) and tp / (tp + fn), 1 where there is no error and 0 where nothing is right; pages without any predicted
(or true) shingle do not count in precision (or recall). F1 is the harmonic mean of the two means.

Source: https://github.com/scrapinghub/article-extraction-benchmark, README and evaluate.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

SHINGLE = 4
RESAMPLES = 10_000
_TOKEN = re.compile(r"\w+")


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """The multiset of a text's shingles."""
    tokens = _TOKEN.findall(text)
    if not tokens:
        return Counter()
    return Counter(tuple(tokens[k : k + SHINGLE]) for k in range(max(1, len(tokens) - SHINGLE + 1)))


def counts(truth: str, found: str) -> tuple[float, float, float]:
    """(tp, fp, fn) of one page; they sum to 1 unless both texts are empty."""
    wanted, given = shingles(truth), shingles(found)
    parts = ((wanted & given).total(), (given - wanted).total(), (wanted - given).total())
    whole = sum(parts) or 1
    return parts[0] / whole, parts[1] / whole, parts[2] / whole


def scores(pages: np.ndarray) -> np.ndarray:
    """[..., pages, (tp, fp, fn)] to [..., (F1, precision, recall)]."""
    right = pages[..., 0]
    means = []
    for wrong in (pages[..., 1], pages[..., 2]):
        asked = right + wrong > 0
        share = np.divide(right, right + wrong, out=np.zeros_like(right), where=asked)
        means.append(share.sum(-1) / np.maximum(asked.sum(-1), 1))
    precision, recall = means
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return np.stack([f1, precision, recall], -1)


def drawn(pages: int, seed: int = 0) -> np.ndarray:
    """[RESAMPLES, pages] numbers of pages, drawn with replacement: equal for all extractors, so that they pair."""
    return np.random.default_rng(seed).integers(0, pages, (RESAMPLES, pages))


def interval(values: np.ndarray) -> list[float]:
    """The middle 95 % of resampled values."""
    return [round(float(v), 4) for v in np.quantile(values, (0.025, 0.975))]


def summary(pages: Sequence[tuple[float, float, float]], beside: Sequence[tuple[float, float, float]]) -> dict:
    """Scores of an extractor with their intervals, and those of F1's difference to another on the same pages."""
    own, other = np.array(pages), np.array(beside)
    rows = drawn(len(own))
    resampled, theirs = scores(own[rows]), scores(other[rows])
    f1, precision, recall = (round(float(v), 4) for v in scores(own))
    return {
        "f1": f1, "f1_95": interval(resampled[:, 0]), "precision": precision, "recall": recall,
        "minus_trafilatura": round(float(scores(own)[0] - scores(other)[0]), 4),
        "minus_trafilatura_95": interval(resampled[:, 0] - theirs[:, 0]),
    }  # fmt: skip
