"""Gopher's repetition rules with datatrove's words, decisions and reasons.

Source: datatrove 0.10.0's GopherRepetitionFilter, whose behaviour the tests compare.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.outcome import Outcome, Reasons
from aigc_cli.clean.parity.kernels import grams as k
from aigc_cli.clean.parity.words import Group, groups, words

_PARAGRAPHS, _LINES = re.compile(r"\n{2,}"), re.compile(r"\n+")
_TOPS, _DUPS = np.arange(2, 5, dtype=np.int64), np.arange(5, 11, dtype=np.int64)


def apply(batch: pa.RecordBatch, options: Any) -> Outcome:
    """datatrove's reasons. Of the statistics there are those of n-grams, as far as they were looked at."""
    reasons: list[str | None] = [None] * batch.num_rows
    names = [f"top_{n}gram" for n in _TOPS.tolist()] + [f"dup_{n}gram" for n in _DUPS.tolist()]
    shares = np.full((batch.num_rows, len(names)), np.nan)
    for group in groups(batch, options):
        found, values = _judged(group)
        shares[group.rows] = values
        for row, reason in zip(group.rows.tolist(), found, strict=True):
            reasons[row] = reason
    stats = dict(zip(names, shares.T, strict=True))
    dropped = any(reason is not None for reason in reasons)
    return Outcome(reasons=Reasons.of(reasons) if dropped else None, stats=stats)


def _judged(group: Group) -> tuple[list[str | None], np.ndarray]:
    """(reason of each document, its shares of n-grams)."""
    limit = group.options
    reasons = [_by_lines(text, limit) for text in group.texts]
    rows = np.array([row for row, reason in enumerate(reasons) if reason is None], dtype=np.int64)
    shares = np.full((len(reasons), len(_TOPS) + len(_DUPS)), np.nan)
    if not len(rows):
        return reasons, shares
    held, ids, bounds = words(group, rows)
    chars = np.array([len(group.texts[row]) for row in rows.tolist()], dtype=np.int64)
    tops = np.array([getattr(limit, f"top_{n}gram") for n in _TOPS.tolist()], dtype=np.float64)
    dups = np.array([getattr(limit, f"dup_{n}gram") for n in _DUPS.tolist()], dtype=np.float64)
    found = np.empty((len(rows), len(_TOPS) + len(_DUPS)), dtype=np.int64)
    failed = np.empty(len(rows), dtype=np.int64)
    k.repetition(ids, bounds, chars, _TOPS, tops, _DUPS, dups, held.hashes, held.starts, held.lengths, held.held,
                 held.chars, held.powers, found, failed)  # fmt: skip
    names = [f"top_{n}_gram" for n in _TOPS.tolist()] + [f"duplicated_{n}_n_grams" for n in _DUPS.tolist()]
    for row, which in zip(rows.tolist(), failed.tolist(), strict=True):
        if which >= 0:
            reasons[row] = names[which]
    shares[rows] = np.where(found >= 0, found / chars[:, None], np.nan)
    return reasons, shares


def _by_lines(text: str, limit: Any) -> str | None:
    """The reason that repeated paragraphs and lines give."""
    if not text:
        return "empty"
    kinds = (
        (_PARAGRAPHS, text.strip(), "para", limit.dup_paragraphs, limit.dup_paragraph_chars),
        (_LINES, text, "line", limit.dup_lines, limit.dup_line_chars),
    )
    for pattern, source, name, most, most_chars in kinds:
        parts = pattern.split(source)
        again, chars = repeated(parts)
        if again and most and again / len(parts) > most:
            return f"dup_{name}_frac"
        if again and most_chars and chars / len(text) > most_chars:
            return f"dup_{name}_char_frac"
    return None


def repeated(parts: list[str]) -> tuple[int, int]:
    """(how many parts occurred before, their characters)."""
    different = set(parts)
    again = len(parts) - len(different)
    return (again, sum(map(len, parts)) - sum(map(len, different))) if again else (0, 0)
