"""Texts that loop or repeat their phrases, the usual way in which a small model fails."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from aigc_cli.core.options import opt
from aigc_cli.postprocess.lines import words
from aigc_cli.postprocess.rules import Check, Finding

LONGEST_PERIOD = 200  # characters of a phrase that repeats at once
# A phrase of 1..LONGEST_PERIOD characters, three or more times in a row. Lazy, so the shortest period is found.
LOOP = re.compile(rf"(.{{1,{LONGEST_PERIOD}}}?)\1{{2,}}", re.DOTALL)
SHORT_LOOP = 12  # characters; "ha ha ha", "...", "-----" are no fault


@dataclass
class Options:
    """Repetition rule."""

    max_loop: float = opt(0.3, "Largest share of characters in phrases said three times in a row.", min=0.0, max=1.0)
    max_repeated: float = opt(
        0.5, "Largest share of words in n-grams that stand there more than once.", min=0.0, max=1.0
    )
    ngram: int = opt(5, "Words of an n-gram.", min=1)
    min_words: int = opt(20, "Repeated n-grams are counted from this length on.", unit="words", min=1)


def make(options: Options) -> Check:
    """A check whose value is {"loop", "repeated"}, both shares of the text."""

    def check(text: str, number: int) -> Finding:
        loop, phrase = looping(text)
        found = words(text)
        repeated = repeated_share(found, options.ngram) if len(found) >= options.min_words else 0.0
        value = {"loop": round(loop, 4), "repeated": round(repeated, 4)}
        if loop > options.max_loop:
            return Finding(value, f"{loop:.0%} of the text repeats {phrase.strip()[:40]!r} at once")
        if repeated > options.max_repeated:
            return Finding(value, f"{repeated:.0%} of the words are in repeated {options.ngram}-grams")
        return Finding(value)

    return check


def looping(text: str) -> tuple[float, str]:
    """The share of characters in phrases said three or more times in a row, and the longest such phrase.

    >>> looping("go on and on " * 5)[0]
    1.0
    """
    covered, longest, phrase = 0, 0, ""
    for m in LOOP.finditer(text):
        size = m.end() - m.start()
        if size >= SHORT_LOOP and m[1].strip():
            covered += size
            if size > longest:
                longest, phrase = size, m[1]
    return covered / max(len(text), 1), phrase


def repeated_share(found: list[str], n: int) -> float:
    """The share of words that lie in an n-gram which occurs more than once."""
    grams = [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]
    counts = Counter(grams)
    inside = [False] * len(found)
    for i, gram in enumerate(grams):
        if counts[gram] > 1:
            inside[i : i + n] = [True] * n
    return sum(inside) / max(len(found), 1)
