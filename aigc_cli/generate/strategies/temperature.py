"""Temperature."""

from __future__ import annotations

import numpy as np


def temperature(logits_V: np.ndarray, history: np.ndarray, value: float) -> np.ndarray:
    """Logits divided by `value` (> 0): below 1 sharper, above 1 flatter.

    p_i = exp(z_i / T) / sum_j exp(z_j / T).
    Source: Ackley, Hinton and Sejnowski 1985, "A Learning Algorithm for Boltzmann Machines", equation 4.

    >>> temperature(np.array([1.0, 2.0]), np.array([]), 0.5)
    array([2., 4.])
    """
    return logits_V / value
