"""The quality rules that FineWeb added to Gopher's and C4's, and what they mean for Chinese and Japanese.

Source: Penedo et al. 2024, "The FineWeb Datasets: Decanting the Web for the Finest Text Data at Scale", section 3.5;
limits as in datatrove's FineWebQualityFilter. In a text written without spaces a short line has half the characters,
two characters are one word, and a closing quote may follow the mark that ends a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.clean.thresholds import HELP, Limits, described
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import pyarrow as pa

STATS = ("punctuated_lines", "short_lines", "repeated_line_chars", "new_lines")


@dataclass
class Options:
    """FineWeb quality. The defaults are the published ones; lines without text do not count."""

    min_punctuated_lines: float = opt(0.12, "Smallest share of lines that end a sentence.", min=0, max=1)
    max_short_lines: float = opt(0.67, "Largest share of short lines.", min=0, max=1)
    short_line: int = opt(30, "Longest short line.", unit="characters", min=0)
    short_line_characters: int = opt(15, "Longest short line of a Chinese or Japanese text.", min=0)
    max_repeated_line_chars: float = opt(0.01, "Largest share of characters in lines that occurred before.", min=0)
    max_new_lines: float = opt(0.3, "Most line feeds for each word.", min=0)
    by_language: str | None = opt(None, HELP, described=described)


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons empty, and those named after the limits that were not met."""
    import numpy as np
    import pyarrow.compute as pc

    from aigc_cli.clean.kernels import lines as k
    from aigc_cli.clean.kernels.repetition import HAN_SCALE
    from aigc_cli.clean.kernels.tokens import tokens

    column = batch.column("text")
    lines, words, limit = k.lines(column), tokens(column), Limits(options, batch.column("lang"))
    single, count = words.by_character, np.maximum(lines.count, 1)
    ends = np.repeat(np.where(single, k.ENDED | k.QUOTED, k.ENDED), lines.count)
    longest = np.where(single, options.short_line_characters, limit.short_line)
    punctuated = lines.sum(lines.table[:, k.FLAGS] & ends != 0) / count
    short = lines.sum(lines.table[:, k.CHARS] <= np.repeat(longest, lines.count)) / count
    chars = pc.utf8_length(column).to_numpy(zero_copy_only=False) - lines.feeds
    again = lines.again_chars / np.maximum(chars, 1)
    new_lines = lines.feeds / np.maximum(words.all / np.where(single, HAN_SCALE, 1), 1)
    checks = [
        ("empty", lines.count == 0),
        ("min_punctuated_lines", punctuated < limit.min_punctuated_lines),
        ("max_short_lines", short > limit.max_short_lines),
        ("max_repeated_line_chars", again > limit.max_repeated_line_chars),
        ("max_new_lines", new_lines > limit.max_new_lines),
    ]
    values = (punctuated, short, again, new_lines)
    return Outcome(reasons=first_reasons(batch.num_rows, checks), stats=dict(zip(STATS, values, strict=True)))
