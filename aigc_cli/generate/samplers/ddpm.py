"""Ancestral sampling, as DDPM defines it: random in every step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from aigc_cli.generate.samplers import Noise, Predict


def ddpm(predict: Predict, z: Any, taus: Sequence[float], noise: Noise) -> Iterator[Any]:
    """z after each step, drawn from q(z' | z, x0), the Gaussian posterior with the expected data for x0.

    With a = 1 - tau, s = tau, a' and s' those of the next step and c = a / a': the variance of z given z' is
    w = s^2 - c^2 s'^2, the posterior's mean (a' w x0 + c s'^2 z) / s^2 and its variance w s'^2 / s^2.
    Source: Ho et al. 2020, "Denoising Diffusion Probabilistic Models", equations 6 and 7 (the smaller variance).
    """
    for step, (now, then) in enumerate(zip(taus, taus[1:], strict=False)):
        data, _ = predict(z, now)
        ratio = (1.0 - now) / (1.0 - then)
        added = now**2 - (ratio * then) ** 2
        z = data * ((1.0 - then) * added / now**2) + z * (ratio * then**2 / now**2)
        if then > 0:
            z = z + noise(step) * (then / now * math.sqrt(added))
        yield z
