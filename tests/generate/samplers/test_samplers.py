"""Samplers on Gaussian data, where the exact posterior, the exact solution and the exact distribution are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aigc_cli.generate.samplers import RANDOM, SAMPLERS, load
from aigc_cli.generate.samplers.paths import (
    PREDICTIONS,
    Place,
    cosine_log_alpha,
    diffusion,
    edm,
    edm_scales,
    flow,
    linear_log_alpha,
    straightened,
)

MEAN, DEVIATION = 0.7, 0.4
PATHS = {
    "flow": flow, "shifted flow": lambda n: flow(n, shift=3.0), "edm": edm,
    "linear": lambda n: diffusion(n, linear_log_alpha()), "cosine": lambda n: diffusion(n, cosine_log_alpha()),
}  # fmt: skip


def exact(x, alpha, sigma):
    """(E[x0 | x], E[e | x]) for x0 ~ N(MEAN, DEVIATION^2): the posterior mean of a linear Gaussian model."""
    variance = (alpha * DEVIATION) ** 2 + sigma**2
    data = MEAN + alpha * DEVIATION**2 / variance * (x - alpha * MEAN)
    return data, sigma / variance * (x - alpha * MEAN)


def network(prediction, places):
    """What a perfect network gives at `places`, by the definition of each kind of output."""
    at = {place.t: place for place in places}

    def run(x, t):
        place = at[t]
        scale, skip, out = edm_scales(place.alpha, place.sigma)
        x = x / scale if prediction == "edm" else x
        data, rest = exact(x, place.alpha, place.sigma)
        return {
            "velocity": rest - data, "epsilon": rest, "data": data, "v": place.alpha * rest - place.sigma * data,
            "edm": (data - skip * x) / out if place.sigma else data,
        }[prediction]  # fmt: skip

    return run


def solution(z, tau):
    """Where the exact ODE takes z at `tau`: quantiles stay, so the standardised value does."""
    scale = math.hypot((1 - tau) * DEVIATION, tau)
    return MEAN + DEVIATION * (z - (1 - tau) * MEAN) / scale


def sampled(name, places, z, prediction="velocity", seed=0):
    predict, taus, _ = straightened(network(prediction, places), places, prediction)
    random = np.random.default_rng(seed)
    return list(load(name)(predict, z, taus, lambda step: random.standard_normal(z.shape)))[-1]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_goes_from_noise_to_data(path):
    places = PATHS[path](10)
    taus = [place.tau for place in places]
    assert len(places) == 11 and taus == sorted(taus, reverse=True) and len(set(taus)) == 11
    assert taus[0] > 0.98 and taus[-1] == 0
    if path in ("linear", "cosine"):
        assert all(place.alpha**2 + place.sigma**2 == pytest.approx(1) for place in places)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("path", PATHS)
def test_every_output_means_the_same_data_and_noise(path, prediction):
    places = [p for p in PATHS[path](7) if p.sigma > 0 and p.alpha > 1e-3]
    x = np.linspace(-3, 3, 13)
    for place in places:
        given = x * edm_scales(place.alpha, place.sigma)[0] if prediction == "edm" else x
        out = network(prediction, places)(given, place.t)
        for found, wanted in zip(
            PREDICTIONS[prediction](out, x, place), exact(x, place.alpha, place.sigma), strict=True
        ):
            np.testing.assert_allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("ddim", 1), ("heun", 2), ("ab2", 2), ("dpmpp_2m", 2)])
def test_order_of_convergence(name, order):
    """Halving the steps divides the error by 2^order, between two times at which everything is smooth."""
    z, errors = np.linspace(-2, 2, 9), []
    for steps in (32, 64, 128):
        places = [Place(1 - t, t, t) for t in np.linspace(0.9, 0.1, steps + 1).tolist()]
        found = sampled(name, places, z)
        scale = [math.hypot(p.alpha * DEVIATION, p.sigma) for p in (places[0], places[-1])]
        wanted = places[-1].alpha * MEAN + scale[1] / scale[0] * (z - places[0].alpha * MEAN)
        errors.append(np.abs(found - wanted).max())
    rates = [math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)]
    assert all(order - 0.25 < rate < order + 0.45 for rate in rates), rates


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in RANDOM])
def test_the_end_is_that_of_the_exact_solution(name, path):
    places = PATHS[path](100)
    z = np.linspace(-2, 2, 9)
    tolerance = 0.05 if name in ("euler", "ddim") else 0.01  # of first and of second order
    assert np.abs(sampled(name, places, z) - solution(z, places[0].tau)).max() < tolerance


def test_edm_s_scales_make_unit_variance():
    for alpha, sigma in ((1.0, 80.0), (1.0, 0.01), (0.6, 0.4)):
        random = np.random.default_rng(0)
        data, noise = 0.5 * random.standard_normal(40_000), random.standard_normal(40_000)
        x = alpha * data + sigma * noise
        scale, skip, out = edm_scales(alpha, sigma)
        assert (scale * x).std() == pytest.approx(1, abs=0.02)
        assert ((data - skip * x) / out).std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("path", PATHS)
def test_ancestral_samples_have_the_data_s_distribution(path):
    places = PATHS[path](1000)  # the posterior's variance is too small by a share that falls with the steps
    *_, start = straightened(network("velocity", places), places, "velocity")
    z = start * np.random.default_rng(1).standard_normal(20_000)
    found = sampled("ddpm", places, z)
    assert found.mean() == pytest.approx(MEAN, abs=0.02) and found.std() == pytest.approx(DEVIATION, rel=0.03)


def test_evaluations_are_as_the_table_says():
    for name, each in SAMPLERS.items():
        places, calls = flow(6), []
        predict, taus, _ = straightened(network("velocity", places), places, "velocity")

        def counted(z, tau, predict=predict, calls=calls):
            calls.append(tau)
            return predict(z, tau)

        states = list(load(name)(counted, np.zeros(3), taus, lambda step: np.zeros(3)))
        assert len(states) == 6 and len(calls) == each * 6 - (each - 1), name


def test_clipped_data_stay_in_their_range():
    places = diffusion(20, linear_log_alpha())
    predict, taus, _ = straightened(lambda x, t: x * 0 - 9.0, places, "data", clip=1.0)
    assert list(load("ddim")(predict, np.ones(4), taus, lambda step: None))[-1] == pytest.approx(-1.0)


def test_torch_tensors_go_through_unchanged_in_kind():
    import torch

    places = flow(5)
    for name in SAMPLERS:
        z = torch.linspace(-1, 1, 6, dtype=torch.float64)
        found = sampled_torch(name, places, z)
        assert found.dtype == torch.float64
        np.testing.assert_allclose(found.numpy(), sampled(name, places, z.numpy(), seed=3), atol=1e-12)


def sampled_torch(name, places, z):
    import torch

    predict, taus, _ = straightened(network("velocity", places), places, "velocity")
    random = np.random.default_rng(3)
    return list(load(name)(predict, z, taus, lambda step: torch.from_numpy(random.standard_normal(z.shape))))[-1]
