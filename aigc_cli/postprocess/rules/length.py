"""Texts that are too short or too long."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt
from aigc_cli.postprocess.lines import words
from aigc_cli.postprocess.rules import Check, Finding


@dataclass
class Options:
    """Length rule."""

    min_words: int = opt(1, "Fewest words; a Han character counts as a word.", min=0)
    max_words: int | None = opt(None, "Most words.", min=1)
    min_chars: int = opt(1, "Fewest characters, spaces at the ends not counted.", min=0)
    max_chars: int | None = opt(None, "Most characters.", min=1)


def make(options: Options) -> Check:
    """A check whose value is the number of words."""

    def check(text: str, number: int) -> Finding:
        n_words, n_chars = len(words(text)), len(text.strip())
        for count, low, high, unit in (
            (n_words, options.min_words, options.max_words, "words"),
            (n_chars, options.min_chars, options.max_chars, "characters"),
        ):
            if count < low:
                return Finding(n_words, f"{count} {unit}, fewer than {low}")
            if high is not None and count > high:
                return Finding(n_words, f"{count} {unit}, more than {high}")
        return Finding(n_words)

    return check
