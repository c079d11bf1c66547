"""Min-p."""

from __future__ import annotations

import math

import numpy as np


def min_p(logits_V: np.ndarray, history: np.ndarray, value: float) -> np.ndarray:
    """Only tokens at least `value` times as likely as the likeliest one may follow.

    V_min = {x : P(x) >= p_base * max P}.
    Source: Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs",
    section 3.

    >>> min_p(np.log([0.6, 0.3, 0.1]), np.array([]), 0.4)
    array([-0.51082562, -1.2039728 ,        -inf])
    """
    if value <= 0.0:
        return logits_V
    return np.where(logits_V >= logits_V.max() + math.log(value), logits_V, -np.inf)
