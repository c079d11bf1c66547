"""Heun's method: second order, two evaluations a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aigc_cli.generate.samplers import Noise, Predict


def heun(predict: Predict, z: Any, taus: Sequence[float], noise: Noise) -> Iterator[Any]:
    """z after each step: the mean of the slopes at both ends; the last step, to tau = 0, is Euler's.

    Source: Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", algorithm 1.
    """
    for now, then in zip(taus, taus[1:], strict=False):
        data, rest = predict(z, now)
        slope = rest - data
        ahead = z + slope * (then - now)
        if then > 0:
            data, rest = predict(ahead, then)
            ahead = z + (slope + (rest - data)) * (0.5 * (then - now))
        z = ahead
        yield z
