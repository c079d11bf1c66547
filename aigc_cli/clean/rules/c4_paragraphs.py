"""mC4's look at paragraphs: a page needs a few lines that are long enough to be prose.

Source: Xue et al. 2021, "mT5: A Massively Multilingual Pre-trained Text-to-Text Transformer", section 3.1; limits as in
datatrove's C4ParagraphFilter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import pyarrow as pa

STATS = ("long_lines",)


@dataclass
class Options:
    """Long lines."""

    min_paragraphs: int = opt(3, "Fewest long lines.", min=1)
    min_length: int = opt(200, "Shortest long line.", unit="characters", min=1)
    min_length_characters: int = opt(100, "Shortest long line of a Chinese or Japanese text.", min=1)


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reason min_paragraphs; how many long lines there are."""
    import numpy as np

    from aigc_cli.clean.kernels import lines as k
    from aigc_cli.clean.kernels.scan import scan

    column = batch.column("text")
    lines = k.lines(column)
    least = np.where(scan(column).by_character, options.min_length_characters, options.min_length)
    long = lines.sum(lines.table[:, k.CHARS] >= np.repeat(least, lines.count))
    reasons = first_reasons(len(column), [("min_paragraphs", long < options.min_paragraphs)])
    return Outcome(reasons=reasons, stats={"long_lines": long.astype(np.float64)})
