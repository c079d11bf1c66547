"""Top-k."""

from __future__ import annotations

import numpy as np


def top_k(logits_V: np.ndarray, history: np.ndarray, value: int) -> np.ndarray:
    """Only the `value` most likely tokens may follow (more where the last of them is tied).

    Source: Fan, Lewis and Dauphin 2018, "Hierarchical Neural Story Generation", section 5.4.

    >>> top_k(np.array([1.0, 3.0, 2.0]), np.array([]), 2)
    array([-inf,   3.,   2.])
    """
    if value >= logits_V.size:
        return logits_V
    threshold = np.partition(logits_V, logits_V.size - value)[logits_V.size - value]
    return np.where(logits_V >= threshold, logits_V, -np.inf)
