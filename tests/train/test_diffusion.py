"""The diffusion objective: its targets are what samplers read, its loss has the minimum that theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from aigc_cli.generate.samplers.paths import PREDICTIONS, Place, cosine_log_alpha, diffusion, linear_log_alpha
from aigc_cli.models.unet.config import Config
from aigc_cli.models.unet.model import build
from aigc_cli.train.objective import StepRng
from aigc_cli.train.objectives.diffusion import DROPPED, Diffusion, Noising, target


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_targets_are_what_the_samplers_read(prediction):
    data, noise = torch.randn(2, 5, dtype=torch.float64)
    for alpha, sigma in ((0.3, 0.7), (0.8, 0.6), (1.0, 3.0)):
        x = alpha * data + sigma * noise
        found = PREDICTIONS[prediction](target(prediction, data, noise, alpha, sigma), x, Place(alpha, sigma, 0.0))
        torch.testing.assert_close(found[0], data)
        torch.testing.assert_close(found[1], noise)


@pytest.mark.parametrize(("path", "table"), [("linear", linear_log_alpha), ("cosine", cosine_log_alpha)])
def test_training_and_sampling_walk_the_same_path(path, table):
    places = diffusion(8, table())[:-1]
    u = torch.tensor([p.t + 0.0005 for p in places], dtype=torch.float64)
    alpha, sigma, told = Noising(path).at(u)
    np.testing.assert_allclose(told, [p.t for p in places], rtol=1e-6)
    np.testing.assert_allclose(alpha, [p.alpha for p in places], rtol=1e-6)
    np.testing.assert_allclose(sigma, [p.sigma for p in places], rtol=1e-6)


def test_flow_levels_are_logit_normal_and_edm_s_are_log_normal():
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    alpha, sigma, told = Noising("flow").at(u)
    assert torch.equal(alpha, 1 - told) and torch.equal(sigma, told)
    logit = torch.logit(told.double())
    assert float(logit.mean()) == pytest.approx(0, abs=0.01) and float(logit.std()) == pytest.approx(1, abs=0.01)
    log_sigma = Noising("edm").at(u)[1].log()
    assert float(log_sigma.mean()) == pytest.approx(-1.2, abs=0.01)
    assert float(log_sigma.std()) == pytest.approx(1.2, abs=0.01)


class Linear(torch.nn.Module):
    """The exact posterior mean for pixels ~ N(0, d^2), as a velocity."""

    def __init__(self, deviation):
        super().__init__()
        self.config, self.compute_dtype = Config(size=4, n_channel=1, widths=(8,), patch=1), None
        self.deviation, self.unused = deviation, torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, t, classes=None):
        alpha, sigma = (1 - t)[:, None, None, None], t[:, None, None, None]
        variance = (alpha * self.deviation) ** 2 + sigma**2
        return (sigma - alpha * self.deviation**2) / variance * x


def test_no_network_is_better_than_the_exact_one():
    """The least mean square of e - x0 given x is the posterior variance: d^2 / (a^2 d^2 + s^2), summed over levels."""
    deviation, generator = 0.5, torch.Generator().manual_seed(0)
    pictures = (torch.randn(4096, 1, 4, 4, generator=generator) * deviation * 127.5 + 127.5).round()
    objective = Diffusion(Linear(deviation), validation=(pictures, None), batch_size=512)
    values = objective.validate(True)
    u = (np.arange(4096) * 0.6180339887498949 + 0.5) % 1.0
    t = torch.sigmoid(math.sqrt(2) * torch.erfinv(2 * torch.from_numpy(u) - 1)).numpy()
    least = deviation**2 / ((1 - t) ** 2 * deviation**2 + t**2)
    assert values["val/loss"] == pytest.approx(least.mean(), rel=0.02)
    assert [values[f"val/loss_{i}"] for i in range(4)] == pytest.approx(
        [least[(u * 4).astype(int) == i].mean() for i in range(4)], rel=0.04
    )
    assert objective.validate(True) == values  # the same noise every time


def test_the_loss_is_a_function_of_seed_step_and_row():
    torch.manual_seed(0)
    model = build(Config(size=8, n_channel=1, widths=(16,), n_block=1, labels=("a", "b")))
    torch.nn.init.normal_(model.out.weight, std=0.1)
    objective = Diffusion(model)
    pictures, classes = torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8), torch.tensor([0, 1, 0, 1, 0, 1])
    whole, _ = objective.loss("unet", (pictures, classes), StepRng(3, 5, tuple(range(6))))
    parts = [
        objective.loss("unet", (pictures[a:b], classes[a:b]), StepRng(3, 5, tuple(range(a, b))))[0]
        for a, b in ((0, 3), (3, 6))
    ]
    assert float(sum(parts)) / 2 == pytest.approx(float(whole), rel=1e-5)
    other, _ = objective.loss("unet", (pictures, classes), StepRng(3, 6, tuple(range(6))))
    assert float(other) != float(whole)


def test_classes_are_hidden_in_a_tenth_of_the_pictures():
    seen = []

    class Spy(Linear):
        def forward(self, x, t, classes=None):
            seen.extend(classes.tolist())
            return super().forward(x, t)

    spy = Spy(0.5)
    spy.config = Config(size=4, n_channel=1, widths=(8,), patch=1, labels=("a", "b"))
    pictures, classes = torch.zeros(2000, 1, 4, 4, dtype=torch.uint8), torch.ones(2000, dtype=torch.long)
    Diffusion(spy).loss("unet", (pictures, classes), StepRng(0, 0, tuple(range(2000))))
    assert seen.count(2) / 2000 == pytest.approx(DROPPED, abs=0.02) and seen.count(1) + seen.count(2) == 2000
