"""Diffusion samplers: one file and one line of the table each.

Every path from data to noise, x = alpha(t) x0 + sigma(t) e, is a straight one after scaling: with
z = x / (alpha + sigma) and tau = sigma / (alpha + sigma), z = (1 - tau) x0 + tau e. So every sampler is written once,
for the straight path:

    name(predict, z, taus, noise) -> iterator of z after each step

`predict(z, tau)` gives (x0, e), the expected data and noise of a batch z at tau; `taus` fall from 1 (or near it) to 0;
`noise(step)` gives fresh normal numbers of z's shape where a sampler is random. Only +, -, * and / touch z: numpy
arrays and torch tensors alike. paths.py knows the alpha and sigma of DDPM, EDM and flow matching and turns them into
this form.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

# Name -> evaluations of the network a step (Heun's last step needs one only).
SAMPLERS: dict[str, int] = {"ab2": 1, "euler": 1, "heun": 2, "dpmpp_2m": 1, "ddim": 1, "ddpm": 1}
RANDOM = ("ddpm",)  # draw noise in every step

Predict = Callable[[Any, float], tuple[Any, Any]]
Noise = Callable[[int], Any]
Sampler = Callable[[Predict, Any, Any, Noise], Iterator[Any]]


def load(name: str) -> Sampler:
    """The function of a sampler."""
    return getattr(importlib.import_module(f"{__name__}.{name}"), name)
