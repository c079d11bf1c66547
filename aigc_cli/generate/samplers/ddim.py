"""DDIM without randomness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aigc_cli.generate.samplers import Noise, Predict


def ddim(predict: Predict, z: Any, taus: Sequence[float], noise: Noise) -> Iterator[Any]:
    """z after each step: the expected data and the expected noise, mixed anew: (1 - tau') x0 + tau' e.

    Equal to Euler's method where x0 and e fit z, which they do unless the data are clipped.
    Source: Song et al. 2021, "Denoising Diffusion Implicit Models", equation 12 with sigma = 0.
    """
    for now, then in zip(taus, taus[1:], strict=False):
        data, rest = predict(z, now)
        z = data * (1.0 - then) + rest * then
        yield z
