"""The two-step Adams-Bashforth method: second order, one evaluation a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aigc_cli.generate.samplers import Noise, Predict


def ab2(predict: Predict, z: Any, taus: Sequence[float], noise: Noise) -> Iterator[Any]:
    """z after each step h: z + h ((1 + r/2) v - r/2 v'), v' the slope before, r = h / h'; the first is Euler's.

    Source: Hairer, Norsett and Wanner 1993, "Solving Ordinary Differential Equations I", section III.5 (variable
    steps); for diffusion: Liu et al. 2022, "Pseudo Numerical Methods for Diffusion Models on Manifolds".
    """
    before, step_before = None, 0.0
    for now, then in zip(taus, taus[1:], strict=False):
        data, rest = predict(z, now)
        slope, step = rest - data, then - now
        if before is None:
            z = z + slope * step
        else:
            half = 0.5 * step / step_before
            z = z + (slope * (1.0 + half) - before * half) * step
        before, step_before = slope, step
        yield z
