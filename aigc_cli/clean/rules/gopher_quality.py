"""The quality rules of Gopher, and what they mean for Chinese and Japanese.

In the shares marks count as words, as in the filters that published corpora were made with: a page of numbers and
brackets has few words with a letter only then. `count_marks: false` counts words alone.

Source: Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher", appendix A.1.1.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.clean.thresholds import HELP, Limits, described, rows_by_language, stop_words
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import numpy as np
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
    count_marks: bool = opt(True, "In the shares of words, punctuation marks are words too.")
    by_language: str | None = opt(None, HELP, described=described)


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons named after the options that were not met."""
    import numpy as np

    from aigc_cli.clean.kernels.pieces import CHARACTER, LETTERS, NUMBER
    from aigc_cli.clean.kernels.scan import scan
    from aigc_cli.clean.kernels.tokens import tokens

    column = batch.column("text")
    lines, found, limit = scan(column), tokens(column), Limits(options, batch.column("lang"))
    single, words = found.by_character, np.maximum(found.words, 1)
    languages = _asked(batch.column("lang"), single)
    listed, stop_words = _stop_words(options.by_language).count(column, languages)
    longer = words - found.counts[:, CHARACTER]  # a Han character inside a text in letters is no short word
    mean = found.chars[:, NUMBER:CHARACTER].sum(axis=1) / np.maximum(longer, 1)
    counted = np.maximum(found.all, 1) if options.count_marks else words
    symbols = np.maximum(lines.hashes, lines.ellipses) / counted
    number_of_lines = np.maximum(lines.lines, 1)
    bullets, ellipses = lines.bullet_lines / number_of_lines, lines.ellipsis_lines / number_of_lines
    alpha = found.counts[:, LETTERS:].sum(axis=1) / counted
    asked = listed & (words >= options.stop_words_from * np.where(single, 2, 1))
    endless = np.iinfo(np.int64).max
    enough_lines = lines.lines >= options.min_lines
    checks = [
        ("min_words", found.words < np.where(single, options.min_characters, limit.min_words)),
        ("max_words", words > np.where(single, options.max_characters or endless, limit.max_words or endless)),
        ("min_mean_word_length", ~single & (longer > 0) & (mean < limit.min_mean_word_length)),
        ("max_mean_word_length", ~single & (mean > limit.max_mean_word_length)),
        ("max_symbol_ratio", symbols > limit.max_symbol_ratio),
        ("max_bullet_lines", enough_lines & (bullets > limit.max_bullet_lines)),
        ("max_ellipsis_lines", enough_lines & (ellipses > limit.max_ellipsis_lines)),
        ("min_alpha_words", alpha < limit.min_alpha_words),
        ("min_stop_words", asked & (stop_words < limit.min_stop_words)),
    ]
    values = (mean, symbols, bullets, ellipses, alpha, stop_words)
    return Outcome(reasons=first_reasons(len(words), checks), stats=dict(zip(STATS, values, strict=True)))


@functools.lru_cache(maxsize=4)
def _stop_words(by_language: str | None) -> StopWords:
    from aigc_cli.clean.kernels.scan import StopWords

    return StopWords(stop_words(by_language))


def _asked(languages: pa.Array, by_character: np.ndarray) -> list[str]:
    """The language whose stop words are asked of each document: the script outweighs what it says of itself."""
    import numpy as np

    asked = np.full(len(languages), "", dtype=object)
    asked[:] = np.where(by_character, "zh", "en")
    for code, rows in rows_by_language(languages).items():
        if code in ("zh", "ja"):
            asked[rows[by_character[rows]]] = code
        elif code != "und":
            asked[rows] = code
    return asked.tolist()
