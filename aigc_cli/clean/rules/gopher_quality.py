"""The quality rules of Gopher, and what they mean for Chinese and Japanese.

Source: Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher", appendix A.1.1.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.clean.stop_words import STOP_WORDS
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import pyarrow as pa

    from aigc_cli.clean.kernels.scan import StopWords

STATS = ("mean_word_length", "symbol_ratio", "bullet_lines", "ellipsis_lines", "alpha_words", "stop_words")


@dataclass
class Options:
    """Gopher quality. The defaults are the published ones."""

    min_words: int = opt(50, "Fewest words.", unit="words", min=0)
    max_words: int | None = opt(100_000, "Most words; null: no limit.", unit="words", min=1)
    min_characters: int = opt(50, "Fewest Han or kana characters of a Chinese or Japanese text.", min=0)
    max_characters: int | None = opt(200_000, "Most characters of a Chinese or Japanese text; null: no limit.", min=1)
    min_mean_word_length: float = opt(3.0, "Shortest mean word; not asked of Chinese and Japanese.", min=0)
    max_mean_word_length: float = opt(10.0, "Longest mean word; not asked of Chinese and Japanese.", min=0)
    max_symbol_ratio: float = opt(0.1, "Most hash signs, and most ellipses, for each word.", min=0)
    max_bullet_lines: float = opt(0.9, "Largest share of lines that begin with a bullet.", min=0, max=1)
    max_ellipsis_lines: float = opt(0.3, "Largest share of lines that end with an ellipsis.", min=0, max=1)
    min_lines: int = opt(1, "Documents with fewer lines are not asked about bullets and ellipses.", min=1)
    min_alpha_words: float = opt(0.8, "Smallest share of words with a letter.", min=0, max=1)
    min_stop_words: int = opt(2, "Fewest different stop words, where the language has a list.", min=0)
    stop_words_from: int = opt(50, "Shorter documents are not asked for stop words.", unit="words", min=0)


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons named after the options that were not met."""
    import numpy as np

    from aigc_cli.clean.kernels.scan import scan

    column = batch.column("text")
    numbers = scan(column)
    languages = [
        _asked_in(name, by_character)
        for name, by_character in zip(batch.column("lang").to_pylist(), numbers.by_character.tolist(), strict=True)
    ]
    stop_words = _stop_words().count(column, languages)
    single, words = numbers.by_character, np.maximum(numbers.words, 1)
    lines = np.maximum(numbers.lines, 1)
    longer = words - numbers.character_words  # a Han character inside a text in letters is no short word
    mean = (numbers.word_chars - numbers.character_words) / np.maximum(longer, 1)
    symbols = np.maximum(numbers.hashes, numbers.ellipses) / words
    bullets, ellipses = numbers.bullet_lines / lines, numbers.ellipsis_lines / lines
    alpha = numbers.alpha_words / words
    listed = np.array([name in STOP_WORDS for name in languages], dtype=bool)
    asked = listed & (words >= options.stop_words_from * np.where(single, 2, 1))
    endless = np.iinfo(np.int64).max
    enough_lines = numbers.lines >= options.min_lines
    checks = [
        ("min_words", numbers.words < np.where(single, options.min_characters, options.min_words)),
        ("max_words", words > np.where(single, options.max_characters or endless, options.max_words or endless)),
        ("min_mean_word_length", ~single & (longer > 0) & (mean < options.min_mean_word_length)),
        ("max_mean_word_length", ~single & (mean > options.max_mean_word_length)),
        ("max_symbol_ratio", symbols > options.max_symbol_ratio),
        ("max_bullet_lines", enough_lines & (bullets > options.max_bullet_lines)),
        ("max_ellipsis_lines", enough_lines & (ellipses > options.max_ellipsis_lines)),
        ("min_alpha_words", alpha < options.min_alpha_words),
        ("min_stop_words", asked & (stop_words < options.min_stop_words)),
    ]
    values = (mean, symbols, bullets, ellipses, alpha, stop_words)
    return Outcome(reasons=first_reasons(len(words), checks), stats=dict(zip(STATS, values, strict=True)))


@functools.cache
def _stop_words() -> StopWords:
    from aigc_cli.clean.kernels.scan import StopWords

    return StopWords(STOP_WORDS)


def _asked_in(language: str | None, by_character: bool) -> str:
    """The language whose stop words are asked for. The script outweighs what a document says of itself."""
    if by_character:
        return language if language in ("zh", "ja") else "zh" if language in (None, "und") else str(language)
    return "en" if language in (None, "und", "zh", "ja") else str(language)
