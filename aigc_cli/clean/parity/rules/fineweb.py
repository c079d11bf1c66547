"""FineWeb's quality rules with datatrove's words, decisions and reasons.

Source: datatrove 0.10.0's FineWebQualityFilter, whose behaviour the tests compare.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.outcome import Outcome, Reasons
from aigc_cli.clean.parity.punctuation import TERMINAL
from aigc_cli.clean.parity.rules.gopher_repetition import repeated
from aigc_cli.clean.parity.words import Group, groups, words

_LISTED = "list_ratio"


def apply(batch: pa.RecordBatch, options: Any) -> Outcome:
    """datatrove's reasons; no statistics."""
    reasons: list[str | None] = [None] * batch.num_rows
    for group in groups(batch, options):
        for row, reason in zip(group.rows.tolist(), _judged(group), strict=True):
            reasons[row] = reason
    return Outcome(reasons=Reasons.of(reasons) if any(reason is not None for reason in reasons) else None)


def _judged(group: Group) -> list[str | None]:
    """The reason of each document. Words are counted only where line feeds might be too many for them."""
    most = group.options.max_new_lines
    reasons = [_by_lines(text, group.options) for text in group.texts]
    asked = [row for row, text in enumerate(group.texts)
             if reasons[row] is None and (feeds := text.count("\n")) and _few(text, feeds, most)]  # fmt: skip
    if asked:
        _, _, bounds = words(group, np.array(asked, dtype=np.int64))
        for row, count in zip(asked, np.diff(bounds).tolist(), strict=True):
            if group.texts[row].count("\n") / count > most:
                reasons[row] = _LISTED
    return reasons


def _few(text: str, feeds: int, most: float) -> bool:
    """Whether even one word for each run of characters would be too few: there are at least as many words."""
    return feeds / len(text.split()) > most


def _by_lines(text: str, limit: Any) -> str | None:
    """The reason that lines give."""
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    if not lines:
        return "empty"
    if sum(line[-1] in TERMINAL for line in lines) / len(lines) < limit.min_punctuated_lines:
        return "line_punct_ratio"
    longest = limit.short_line
    if sum(len(line) <= longest for line in lines) / len(lines) > limit.max_short_lines:
        return "short_line_ratio"
    again = repeated(lines)[1]
    if again and again / (len(text) - text.count("\n")) > limit.max_repeated_line_chars:
        return "char_dup_ratio"
    return None
