"""Nats that a model needs for token sequences, in sliding windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from aigc_cli.generate.engine import Engine


class Window(NamedTuple):
    """Tokens start .. stop of one sequence; those from `first` on are scored."""

    sequence: int
    start: int
    first: int
    stop: int


def windows(lengths: Sequence[int], context: int, stride: int | None = None) -> Iterator[Window]:
    """Windows that score every token but the first of every sequence exactly once.

    A window is at most `context` tokens and one more that is only predicted. Each begins `stride` tokens (default:
    half the context) after the one before, so a scored token has at least context - stride tokens before it, or all
    that there are.

    >>> [tuple(w) for w in windows([8], context=4, stride=2)]
    [(0, 0, 1, 5), (0, 2, 5, 7), (0, 3, 7, 8)]
    """
    stride = min(stride or max(context // 2, 1), context)
    for sequence, length in enumerate(lengths):
        first = 1
        while first < length:
            stop = min(first + (context if first == 1 else stride), length)
            yield Window(sequence, max(0, stop - 1 - context), first, stop)
            first = stop


def nats(
    engine: Engine,
    sequences: Sequence[np.ndarray],
    *,
    stride: int | None = None,
    batch_size: int = 8,
    advance: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Total nats (float64) of each sequence but its first token. advance: told how many tokens were scored."""
    total = np.zeros(len(sequences))
    # Windows of like length side by side: padding costs as much as text.
    ordered = sorted(windows([len(s) for s in sequences], engine.context, stride), key=lambda w: w.start - w.stop)
    for begin in range(0, len(ordered), batch_size):
        batch = ordered[begin : begin + batch_size]
        ids_BT = np.zeros((len(batch), max(w.stop - w.start for w in batch)), dtype=np.int64)
        for row, window in enumerate(batch):
            ids_BT[row, : window.stop - window.start] = sequences[window.sequence][window.start : window.stop]
        nll_BT = engine.nll(ids_BT)  # causal: what is padded behind a window changes nothing in it
        for row, window in enumerate(batch):
            scored = nll_BT[row, window.first - 1 - window.start : window.stop - 1 - window.start]
            total[window.sequence] += scored.sum(dtype=np.float64)
        if advance is not None:
            advance(sum(w.stop - w.first for w in batch))
    return total
