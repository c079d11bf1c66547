"""No repeated n-gram."""

from __future__ import annotations

import numpy as np


def no_repeat_ngram(logits_V: np.ndarray, history: np.ndarray, value: int) -> np.ndarray:
    """No token may follow that would complete an n-gram (n = `value`) of `history` once more.

    Source: Paulus, Xiong and Socher 2017, "A Deep Reinforced Model for Abstractive Summarization", section 2.5
    (there with n = 3).

    >>> no_repeat_ngram(np.zeros(4), np.array([1, 2, 3, 1, 2]), 3)
    array([  0.,   0.,   0., -inf])
    """
    ids = np.asarray(history, dtype=np.int64)
    n_starts = ids.size - value + 1
    if n_starts < 1:
        return logits_V
    matches = np.ones(n_starts, dtype=bool)
    suffix = ids[ids.size - value + 1 :]
    for offset in range(value - 1):
        matches &= ids[offset : offset + n_starts] == suffix[offset]
    result = logits_V.copy()
    result[ids[value - 1 :][matches]] = -np.inf
    return result
