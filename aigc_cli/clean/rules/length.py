"""Drop documents that are too short or too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import pyarrow as pa

STATS = ("chars", "words")


@dataclass
class Options:
    """Length. A text in which most words are single characters (Chinese, Japanese) counts in characters."""

    min_words: int = opt(10, "Fewest words.", unit="words", min=0)
    min_characters: int = opt(10, "Fewest Han or kana characters of a Chinese or Japanese text.", min=0)
    max_words: int | None = opt(None, "Most words.", unit="words", min=1)
    max_characters: int | None = opt(None, "Most characters of a Chinese or Japanese text.", min=1)


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons empty, short, long; the numbers of characters and words."""
    import numpy as np

    from aigc_cli.clean.kernels.scan import scan

    numbers = scan(batch.column("text"))
    words, single = numbers.words, numbers.by_character
    few = np.where(single, options.min_characters, options.min_words)
    endless = np.iinfo(np.int64).max
    many = np.where(single, options.max_characters or endless, options.max_words or endless)
    reasons = first_reasons(len(words), [("empty", numbers.chars == 0), ("short", words < few), ("long", words > many)])
    return Outcome(reasons=reasons, stats={"chars": numbers.chars, "words": words})
