"""Top-p, also called nucleus sampling."""

from __future__ import annotations

import numpy as np

FIRST_CANDIDATES = 256  # sorting all of a large vocabulary would cost more than the rest of the step


def top_p(logits_V: np.ndarray, history: np.ndarray, value: float) -> np.ndarray:
    """Only the smallest set of most likely tokens with probability >= `value` may follow.

    V(p) = argmin |V'| such that sum over V' of P(x | context) >= p; equal tokens enter by their id.
    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", section 3.1, equation 2.

    >>> top_p(np.log([0.5, 0.3, 0.2]), np.array([]), 0.7)
    array([-0.69314718, -1.2039728 ,        -inf])
    """
    if value >= 1.0:
        return logits_V
    weights_V = np.exp(logits_V - logits_V.max())
    target = value * weights_V.sum()
    n_candidates = FIRST_CANDIDATES
    while True:
        order = _most_likely(logits_V, n_candidates)
        before = np.cumsum(weights_V[order]) - weights_V[order]
        n_kept = int(np.searchsorted(before, target, side="left"))
        if n_kept < order.size or order.size == logits_V.size:
            break
        n_candidates *= 8
    kept = order[: max(n_kept, 1)]
    result = np.full_like(logits_V, -np.inf)
    result[kept] = logits_V[kept]
    return result


def _most_likely(logits_V: np.ndarray, n: int) -> np.ndarray:
    """At least the n most likely ids, most likely first, ties by id and never cut."""
    ids = np.arange(logits_V.size)
    if n < logits_V.size:
        ids = np.flatnonzero(logits_V >= np.partition(logits_V, logits_V.size - n)[logits_V.size - n])
    return ids[np.argsort(-logits_V[ids], kind="stable")]
