"""Repetition penalty."""

from __future__ import annotations

import numpy as np


def repetition_penalty(logits_V: np.ndarray, history: np.ndarray, value: float) -> np.ndarray:
    """Tokens of `history` become less likely by the factor `value` (> 1) on their logits.

    z_i / theta for tokens already there; a negative logit is multiplied instead, or it would become likelier.
    Source: Keskar et al. 2019, "CTRL: A Conditional Transformer Language Model", section 4.1.

    >>> repetition_penalty(np.array([2.0, -2.0, 1.0]), np.array([0, 1, 0]), 2.0)
    array([ 1., -4.,  1.])
    """
    seen = np.asarray(history, dtype=np.int64)
    result = logits_V.copy()
    # Fancy assignment writes each id once however often it occurs, and reads only from the input.
    result[seen] = np.where(logits_V[seen] < 0, logits_V[seen] * value, logits_V[seen] / value)
    return result
