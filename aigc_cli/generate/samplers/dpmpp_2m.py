"""DPM-Solver++ with two steps of memory: second order in the logarithm of the signal-to-noise ratio."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from aigc_cli.generate.samplers import Noise, Predict


def dpmpp_2m(predict: Predict, z: Any, taus: Sequence[float], noise: Noise) -> Iterator[Any]:
    """z after each step; the first step and the last, whose ends have no logarithm, are of first order.

    With lambda = log((1 - tau) / tau) and h its step: z' = (tau'/tau) z + (1 - tau') (1 - exp(-h)) D, where
    D = (1 + 1/(2r)) x0 - 1/(2r) x0', r = h' / h and ' the step before.
    Source: Lu et al. 2022, "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models",
    algorithm 2.
    """
    before, step_before = None, math.inf
    for now, then in zip(taus, taus[1:], strict=False):
        data, _ = predict(z, now)
        if then <= 0:
            z = data
            yield z
            return
        step = _log_ratio(then) - _log_ratio(now)
        mixed = data
        if before is not None and math.isfinite(step_before):
            share = step / (2.0 * step_before)
            mixed = data * (1.0 + share) - before * share
        # (1 - tau') (1 - exp(-h)), written so that it also holds for the infinite h of the first step.
        z = z * (then / now) + mixed * (1.0 - then - (1.0 - now) * then / now)
        before, step_before = data, step
        yield z


def _log_ratio(tau: float) -> float:
    return -math.inf if tau >= 1 else math.log1p(-tau) - math.log(tau)
