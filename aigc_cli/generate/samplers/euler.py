"""Euler's method: first order, one evaluation a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aigc_cli.generate.samplers import Noise, Predict


def euler(predict: Predict, z: Any, taus: Sequence[float], noise: Noise) -> Iterator[Any]:
    """z after each step of dz/dtau = e - x0; on a diffusion path this is DDIM without randomness.

    Source: Song et al. 2021, "Denoising Diffusion Implicit Models", section 4.3; Lipman et al. 2023, "Flow Matching for
    Generative Modeling", equation 23.
    """
    for now, then in zip(taus, taus[1:], strict=False):
        data, rest = predict(z, now)
        z = z + (rest - data) * (then - now)
        yield z
