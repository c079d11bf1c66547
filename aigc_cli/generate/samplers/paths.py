"""Paths from data to noise, x = alpha x0 + sigma e, and how they become the straight one that samplers take.

Shapes: x any array of a batch; alpha, sigma, tau are numbers of the whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from aigc_cli.generate.samplers import Predict

DDPM_STEPS = 1000
DATA_DEVIATION = 0.5  # of EDM's preconditioning: data in [-1, 1]
SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7.0


@dataclass(frozen=True)
class Place:
    """A place on a path: x = alpha x0 + sigma e there, and the network is told `t`."""

    alpha: float
    sigma: float
    t: float

    @property
    def tau(self) -> float:
        """The share of noise on the straight path."""
        return self.sigma / (self.alpha + self.sigma)


def flow(steps: int, shift: float = 1.0) -> list[Place]:
    """steps + 1 places of x = (1 - t) x0 + t e from t = 1 to 0; `shift` above 1 spends more of them near the noise.

    t' = s t / (1 + (s - 1) t). Source: Lipman et al. 2023, "Flow Matching for Generative Modeling"; Esser et al. 2024,
    "Scaling Rectified Flow Transformers", equation 23 (shift).
    """
    times = np.linspace(1.0, 0.0, steps + 1)
    times = shift * times / (1.0 + (shift - 1.0) * times)
    return [Place(1.0 - t, t, t) for t in times.tolist()]


def linear_log_alpha() -> np.ndarray:
    """log alpha of DDPM's 1000 steps, beta from 0.0001 to 0.02. Source: Ho et al. 2020, section 4."""
    return 0.5 * np.cumsum(np.log1p(-np.linspace(1e-4, 0.02, DDPM_STEPS)))


def cosine_log_alpha() -> np.ndarray:
    """The same with alpha^2 ~ cos^2, beta at most 0.999.

    Source: Nichol and Dhariwal 2021, "Improved Denoising Diffusion Probabilistic Models", equation 17.
    """
    level = np.cos((np.arange(DDPM_STEPS + 1) / DDPM_STEPS + 0.008) / 1.008 * math.pi / 2) ** 2
    return 0.5 * np.cumsum(np.log1p(-np.minimum(1.0 - level[1:] / level[:-1], 0.999)))


def diffusion(steps: int, log_alpha: np.ndarray) -> list[Place]:
    """`steps` places of a variance-preserving path, the last of its 1000 first ("trailing"), then the data.

    Source: Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", section 3.3.
    """
    numbers = np.round(np.arange(DDPM_STEPS, 0, -DDPM_STEPS / steps)).astype(int)[:steps] - 1
    places = []
    for number in numbers.tolist():
        alpha = math.exp(log_alpha[number])
        places.append(Place(alpha, math.sqrt(-math.expm1(2.0 * log_alpha[number])), number / DDPM_STEPS))
    return [*places, Place(1.0, 0.0, 0.0)]


def edm(steps: int, least: float = SIGMA_MIN, most: float = SIGMA_MAX, rho: float = RHO) -> list[Place]:
    """steps + 1 places of x = x0 + sigma e, sigma^(1/rho) in equal steps, then 0.

    Source: Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", equation 5.
    """
    ramp = np.linspace(most ** (1 / rho), least ** (1 / rho), steps) ** rho
    told = [math.log(sigma) / 4 for sigma in ramp.tolist()]  # what EDM's network is told (table 1)
    return [Place(1.0, s, t) for s, t in zip(ramp.tolist(), told, strict=True)] + [Place(1.0, 0.0, -math.inf)]


# What the network's output is -> (x0, e) of it. The output is multiplied last, so that arrays keep their kind.
def from_velocity(out: Any, x: Any, place: Place) -> tuple[Any, Any]:
    """out = e - x0 (flow matching)."""
    scale = 1.0 / (place.alpha + place.sigma)
    return (x - out * place.sigma) * scale, (x + out * place.alpha) * scale


def from_epsilon(out: Any, x: Any, place: Place) -> tuple[Any, Any]:
    """out = e. Source: Ho et al. 2020."""
    return (x - out * place.sigma) * (1.0 / place.alpha), out


def from_v(out: Any, x: Any, place: Place) -> tuple[Any, Any]:
    """out = alpha e - sigma x0. Source: Salimans and Ho 2022, "Progressive Distillation", appendix D."""
    scale = 1.0 / (place.alpha**2 + place.sigma**2)
    data, rest = x * place.alpha - out * place.sigma, x * place.sigma + out * place.alpha
    return data * scale, rest * scale


def from_data(out: Any, x: Any, place: Place) -> tuple[Any, Any]:
    """out = x0."""
    return out, (x - out * place.alpha) * (1.0 / place.sigma)


def edm_scales(alpha: Any, sigma: Any) -> tuple[Any, Any, Any]:
    """(c_in, c_skip, c_out): the network gets c_in x and gives F, x0 is c_skip x + c_out F.

    c_in x and the target of F then have variance 1 wherever the data have the deviation DATA_DEVIATION.
    Source: Karras et al. 2022, table 1, for any alpha: c_skip x is the best linear guess of x0.
    """
    variance = (alpha * DATA_DEVIATION) ** 2 + sigma**2
    return variance**-0.5, alpha * DATA_DEVIATION**2 / variance, sigma * DATA_DEVIATION / variance**0.5


def from_edm(out: Any, x: Any, place: Place) -> tuple[Any, Any]:
    """out = F, see edm_scales."""
    _, skip, scale = edm_scales(place.alpha, place.sigma)
    return from_data(x * skip + out * scale, x, place)


PREDICTIONS: dict[str, Callable[[Any, Any, Place], tuple[Any, Any]]] = {
    "velocity": from_velocity,
    "epsilon": from_epsilon,
    "v": from_v,
    "data": from_data,
    "edm": from_edm,
}


def straightened(
    network: Callable[[Any, float], Any], places: list[Place], prediction: str, clip: float | None = None
) -> tuple[Predict, list[float], float]:
    """(predict, taus, scale of normal noise) for a sampler, from a network that is told (x, place.t).

    `clip`: the expected data are kept within +-clip, and the noise follows from them, as DDPM does.
    """
    by_tau = {place.tau: place for place in places}
    convert = PREDICTIONS[prediction]

    def predict(z: Any, tau: float) -> tuple[Any, Any]:
        place = by_tau[tau]
        x = z * (place.alpha + place.sigma)
        given = x * edm_scales(place.alpha, place.sigma)[0] if prediction == "edm" else x
        data, rest = convert(network(given, place.t), x, place)
        if clip is not None:
            data = data.clip(-clip, clip)
            rest = (x - data * place.alpha) * (1.0 / place.sigma)
        return data, rest

    first = places[0]
    start = math.hypot(first.alpha * DATA_DEVIATION, first.sigma) / (first.alpha + first.sigma)
    return predict, [place.tau for place in places], start
