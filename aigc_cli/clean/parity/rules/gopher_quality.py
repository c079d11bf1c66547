"""Gopher's quality rules with datatrove's words, decisions and reasons.

Source: datatrove 0.10.0's GopherQualityFilter, whose behaviour the tests compare.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.clean.parity.kernels import grams as k
from aigc_cli.clean.parity.words import Group, groups, words

_COLUMNS = 5
_NAMES = ("gopher_short_doc", "gopher_long_doc", "empty", "gopher_below_avg_threshold", "gopher_above_avg_threshold",
          "gopher_too_many_hashes", "gopher_too_many_ellipsis", "gopher_too_many_bullets",
          "gopher_too_many_end_ellipsis", "gopher_below_alpha_threshold", "gopher_enough_stop_words")  # fmt: skip
_STATS = ("mean_word_length", "symbol_ratio", "alpha_words", "stop_words")


def apply(batch: pa.RecordBatch, options: Any) -> Outcome:
    """datatrove's reasons. The statistics are those of datatrove's words; shares of lines are not among them."""
    masks = np.zeros((len(_NAMES), batch.num_rows), dtype=bool)
    stats = {name: np.full(batch.num_rows, np.nan) for name in _STATS}
    for group in groups(batch, options):
        found, values = _judged(group)
        masks[:, group.rows] = found
        for name, numbers in zip(_STATS, values, strict=True):
            stats[name][group.rows] = numbers
    return Outcome(reasons=first_reasons(batch.num_rows, zip(_NAMES, masks, strict=True)), stats=stats)


def _judged(group: Group) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """(mask for each of _NAMES, values of _STATS)."""
    limit, texts = group.options, group.texts
    held, ids, bounds = words(group, np.arange(len(texts)))
    stop = held.number_texts(list(dict.fromkeys(group.stop_words)))
    out = np.zeros((len(texts), _COLUMNS), dtype=np.int64)
    k.quality(ids, bounds, held.flags, held.chars, stop, np.full(held.count, -1, dtype=np.int32), out)
    count, wordy = out[:, k.WORDS], out[:, k.WORDY_WORDS]
    hashes = np.array([text.count("#") for text in texts], dtype=np.int64)
    dots = np.array([text.count("...") + text.count("…") for text in texts], dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = out[:, k.WORDY_CHARS] / wordy
        alpha = out[:, k.ALPHA_WORDS] / count
        hash_share, dot_share = hashes / count, dots / count
    symbols = limit.max_symbol_ratio
    masks = np.array([
        _below(wordy, limit.min_words), _above(wordy, limit.max_words), count == 0,
        _below(mean, limit.min_mean_word_length), _above(mean, limit.max_mean_word_length),
        _above(hash_share, symbols), _above(dot_share, symbols),
        [_many_bullets(text, limit.max_bullet_lines) for text in texts],
        [_many_ellipses(text, many, limit.max_ellipsis_lines) for text, many in zip(texts, dots.tolist(), strict=True)],
        _below(alpha, limit.min_alpha_words), _below(out[:, k.STOP_WORDS], limit.min_stop_words),
    ])  # fmt: skip
    return masks, (mean, np.fmax(hash_share, dot_share), alpha, out[:, k.STOP_WORDS])


def _below(values: np.ndarray, limit: float | None) -> np.ndarray:
    return values < limit if limit else np.zeros(len(values), dtype=bool)


def _above(values: np.ndarray, limit: float | None) -> np.ndarray:
    return values > limit if limit else np.zeros(len(values), dtype=bool)


def _many_bullets(text: str, limit: float) -> bool:
    """Whether the share of lines that begin with a bullet exceeds the limit."""
    marks = text.count("-") + text.count("•")
    if not limit or not marks:
        return False
    lines = text.splitlines()
    if marks / len(lines) <= limit:  # no more lines can begin with a mark than there are marks
        return False
    return sum(line.lstrip().startswith(("•", "-")) for line in lines) / len(lines) > limit


def _many_ellipses(text: str, marks: int, limit: float) -> bool:
    """Whether the share of lines that end with one of the `marks` ellipses exceeds the limit."""
    if not limit or not marks:
        return False
    lines = text.splitlines()
    if marks / len(lines) <= limit:
        return False
    return sum(line.rstrip().endswith(("...", "…")) for line in lines) / len(lines) > limit
