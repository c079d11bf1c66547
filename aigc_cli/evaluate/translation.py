"""How near written texts are to what they should have been: BLEU, chrF, exact match.

Percentages of a whole corpus, one reference a text; higher is better.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

# A run of letters and digits, one CJK character, or one other sign.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+|[^\w\s]")
MAX_WORDS, MAX_CHARACTERS, BETA = 4, 6, 2


def words(text: str) -> list[str]:
    """The tokens that BLEU counts: words, single CJK characters, single marks.

    >>> words("Madam, he's well. 你好")
    ['Madam', ',', 'he', "'", 's', 'well', '.', '你', '好']
    """
    return _WORD.findall(text)


def bleu(found: Sequence[str], wanted: Sequence[str], *, split: bool = True) -> float:
    """Corpus BLEU in percent, 4-grams, no smoothing; split=False: tokens are what stands between spaces.

    The geometric mean of the n-gram precisions (a found n-gram counts at most as often as it is wanted) times
    min(1, exp(1 - wanted length / found length)).
    Source: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation", section 2.3.
    """
    cut = words if split else str.split
    matches, totals = [0] * MAX_WORDS, [0] * MAX_WORDS
    length = wanted_length = 0
    for text, reference in zip(found, wanted, strict=True):
        tokens, targets = cut(text), cut(reference)
        length, wanted_length = length + len(tokens), wanted_length + len(targets)
        for n in range(1, MAX_WORDS + 1):
            grams = _grams(tokens, n)
            matches[n - 1] += (grams & _grams(targets, n)).total()
            totals[n - 1] += grams.total()
    if 0 in matches:
        return 0.0
    mean = sum(math.log(m / t) for m, t in zip(matches, totals, strict=True)) / MAX_WORDS
    return 100 * math.exp(mean + min(0.0, 1 - wanted_length / length))


def chrf(found: Sequence[str], wanted: Sequence[str]) -> float:
    """Corpus chrF2 in percent: F with recall counted twice, character 1- to 6-grams, white space left out.

    Precision and recall are averaged over the n that both sides have. Source: Popović 2015, "chrF: character n-gram
    F-score for automatic MT evaluation", equation 1; chrF2 as in Popović 2016.
    """
    matches, totals, targets = ([0] * MAX_CHARACTERS for _ in range(3))
    for text, reference in zip(found, wanted, strict=True):
        a, b = "".join(text.split()), "".join(reference.split())
        for n in range(1, MAX_CHARACTERS + 1):
            grams, others = _grams(a, n), _grams(b, n)
            matches[n - 1] += (grams & others).total()
            # As sacrebleu: where a reference is too short for any n-gram, none of the text's counts against it.
            totals[n - 1] += grams.total() if others else 0
            targets[n - 1] += others.total()
    counted = [(m / t, m / w) for m, t, w in zip(matches, totals, targets, strict=True) if t and w]
    if not counted:
        return 0.0
    precision, recall = (sum(values) / len(counted) for values in zip(*counted, strict=True))
    if precision + recall == 0:
        return 0.0
    return 100 * (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)


def exact_match(found: Sequence[str], wanted: Sequence[str]) -> float:
    """Share of texts in percent that are the wanted ones, apart from white space at the ends."""
    same = sum(text.strip() == reference.strip() for text, reference in zip(found, wanted, strict=True))
    return 100 * same / max(len(wanted), 1)


def _grams(sequence: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(sequence[i : i + n]) for i in range(len(sequence) - n + 1))
