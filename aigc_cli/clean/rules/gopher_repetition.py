"""The repetition rules of Gopher: repeated lines, paragraphs and n-grams of words.

Source: Rae et al. 2021, appendix A.1.1, table A1. The paper does not say what the shares are taken of; here it is all
characters of the document. An n-gram that occurs once is no repetition, however short the document. Marks are words
of an n-gram, too. In a text written without spaces one word counts as two characters, so the 5-grams there are runs of
10 characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.clean.thresholds import HELP, Limits, described
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_SHARES = ("dup_lines", "dup_paragraphs", "dup_line_chars", "dup_paragraph_chars", "top_2gram", "top_3gram",
           "top_4gram", *(f"dup_{n}gram" for n in range(5, 11)))  # fmt: skip
STATS = _SHARES


@dataclass
class Options:
    """Gopher repetition: largest shares. The defaults are the published ones."""

    min_words: int = opt(
        0, "Documents with fewer words (Chinese: half the characters) are not judged.", unit="words", min=0
    )
    dup_lines: float = opt(0.30, "Repeated lines, of all lines.", min=0, max=1)
    dup_paragraphs: float = opt(0.30, "Repeated paragraphs, of all paragraphs.", min=0, max=1)
    dup_line_chars: float = opt(0.20, "Characters in repeated lines.", min=0, max=1)
    dup_paragraph_chars: float = opt(0.20, "Characters in repeated paragraphs.", min=0, max=1)
    top_2gram: float = opt(0.20, "Characters in the commonest 2-gram.", min=0, max=1)
    top_3gram: float = opt(0.18, "Characters in the commonest 3-gram.", min=0, max=1)
    top_4gram: float = opt(0.16, "Characters in the commonest 4-gram.", min=0, max=1)
    dup_5gram: float = opt(0.15, "Characters in repeated 5-grams.", min=0, max=1)
    dup_6gram: float = opt(0.14, "Characters in repeated 6-grams.", min=0, max=1)
    dup_7gram: float = opt(0.13, "Characters in repeated 7-grams.", min=0, max=1)
    dup_8gram: float = opt(0.12, "Characters in repeated 8-grams.", min=0, max=1)
    dup_9gram: float = opt(0.11, "Characters in repeated 9-grams.", min=0, max=1)
    dup_10gram: float = opt(0.10, "Characters in repeated 10-grams.", min=0, max=1)
    count_marks: bool = opt(True, "Punctuation marks are words of an n-gram.")
    by_language: str | None = opt(None, HELP, described=described)


def shares(column: pa.Array, *, count_marks: bool = True) -> dict[str, np.ndarray]:
    """The shares that Options limits, for each document, float64."""
    import numpy as np
    import pyarrow.compute as pc

    from aigc_cli.clean.kernels.lines import lines
    from aigc_cli.clean.kernels.repetition import MAX_TOKENS, repetition
    from aigc_cli.clean.kernels.tokens import tokens

    rows, words = lines(column), tokens(column)
    by_character = words.by_character
    words = words if count_marks else words.without_marks()
    chars = np.maximum(pc.utf8_length(column).to_numpy(zero_copy_only=False), 1)
    found = {
        "dup_lines": rows.again / np.maximum(rows.count, 1),
        "dup_paragraphs": rows.paragraphs_again / np.maximum(rows.paragraphs, 1),
        "dup_line_chars": rows.again_chars / chars,
        "dup_paragraph_chars": rows.paragraphs_again_chars / chars,
    }
    looked_at = chars * np.minimum(1.0, MAX_TOKENS / np.maximum(words.all, 1))
    for name, numbers in repetition(words, by_character).items():
        found[name.removesuffix("_chars")] = numbers / looked_at
    return found


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons named after the limits that were exceeded."""
    import numpy as np

    from aigc_cli.clean.kernels.tokens import tokens

    column = batch.column("text")
    words, limit = tokens(column), Limits(options, batch.column("lang"))
    judged = words.words >= options.min_words * np.where(words.by_character, 2, 1)
    found = shares(column, count_marks=options.count_marks)
    checks = [(name, judged & (found[name] > getattr(limit, name))) for name in _SHARES]
    return Outcome(reasons=first_reasons(batch.num_rows, checks), stats=found)
