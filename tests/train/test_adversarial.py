"""The game of a GAN against its closed forms, and a small one that learns a distribution."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from aigc_cli.models.gan.config import Config
from aigc_cli.models.gan.model import build
from aigc_cli.train.objective import StepRng
from aigc_cli.train.objectives.adversarial import LOSSES, Adversarial, gradient_penalty


def test_losses_by_hand():
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0])

    def softplus(x):
        return math.log1p(math.exp(x))

    wanted = {
        "non_saturating": ([softplus(-2) + softplus(0.5), softplus(1) + softplus(3)], [softplus(-0.5), softplus(-3)]),
        "hinge": ([0 + 1.5, 2 + 4], [-0.5, -3]),
        "relativistic": ([softplus(-1.5), softplus(4)], [softplus(1.5), softplus(-4)]),
    }
    for name, game in LOSSES.items():
        for found, expected in zip(game(real, fake), wanted[name], strict=True):
            assert found.tolist() == pytest.approx(expected, rel=1e-5), name


def test_the_game_is_the_jensen_shannon_divergence_at_the_best_discriminator():
    """At D = ln p/q the non-saturating discriminator's loss is 2 ln 2 - 2 JSD (Goodfellow et al. 2014, theorem 1)."""
    p, q = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64)
    score, middle = (p / q).log(), (p + q) / 2
    real, fake = LOSSES["non_saturating"](score, torch.full((3,), -math.inf, dtype=torch.float64))[0], None
    fake = LOSSES["non_saturating"](torch.full((3,), math.inf, dtype=torch.float64), score)[0]
    jsd = 0.5 * ((p * (p / middle).log()).sum() + (q * (q / middle).log()).sum())
    assert float((p * real).sum() + (q * fake).sum()) == pytest.approx(float(2 * math.log(2) - 2 * jsd))


def test_penalty_of_known_slopes():
    x = torch.randn(4, 1, 3, 3, requires_grad=True)
    w = torch.randn(9)
    linear = gradient_penalty(x.flatten(1) @ w, x)
    assert linear.tolist() == pytest.approx([float(w @ w)] * 4, rel=1e-5)
    torch.testing.assert_close(gradient_penalty(x.square().flatten(1).sum(1), x), 4 * x.square().flatten(1).sum(1))


def pictures(count=8, size=8):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 1, size, size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("trunk", ["dcgan", "residual"])
def test_each_group_s_gradients_fall_on_that_group(trunk):
    torch.manual_seed(0)
    model = build(Config(size=8, trunk=trunk, widths=(8, 16), n_noise=4, labels=("a", "b")))
    objective = Adversarial(model, loss="relativistic", r1=0.3, r2=0.2)
    batch = pictures(), torch.tensor([0, 1] * 4)
    for step in (0, 1):  # with penalties and without
        model.zero_grad()
        objective.loss("discriminator", batch, StepRng(0, step, tuple(range(8))))[0].backward()
        assert all(p.grad is None for p in model.generator.parameters())
        assert all(torch.isfinite(p.grad).all() for p in model.discriminator.parameters())
    model.zero_grad()
    value, _ = objective.loss("generator", batch, StepRng(0, 0, tuple(range(8))))
    value.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.generator.parameters())
    again, _ = objective.loss("generator", batch, StepRng(0, 0, tuple(range(8))))
    assert float(again.detach()) == pytest.approx(float(value.detach()))


def test_penalties_are_taken_every_fourth_step_and_weigh_four_times():
    torch.manual_seed(0)
    model = build(Config(size=8, trunk="residual", widths=(8, 16), n_noise=4))
    batch, rows = (pictures(), None), tuple(range(8))

    def value(r1, step):
        return float(Adversarial(model, r1=r1).loss("discriminator", batch, StepRng(0, step, rows))[0].detach())

    x = (pictures().float() / 127.5 - 1).requires_grad_()
    penalty = float(gradient_penalty(model.discriminator(x), x).mean())
    assert value(2.0, 4) - value(0.0, 4) == pytest.approx(4 * penalty, rel=1e-3)
    assert value(2.0, 5) == value(0.0, 5)


@pytest.mark.parametrize(("size", "widths"), [(28, (8, 16, 16)), (8, (8, 8)), (6, (8, 8))])
@pytest.mark.parametrize("trunk", ["dcgan", "residual"])
def test_sizes_and_classes(trunk, size, widths):
    torch.manual_seed(0)
    model = build(Config(size=size, trunk=trunk, widths=widths, n_noise=4, n_channel=3, labels=("a", "b")))
    torch.nn.init.normal_(model.discriminator.classes.weight)
    noise, classes = torch.randn(3, 4), torch.tensor([0, 1, 1])
    x = model(noise, classes)
    assert x.shape == (3, 3, size, size) and float(x.detach().abs().max()) <= 1
    assert model.discriminator(x, classes).shape == (3,)
    model.eval()
    assert not torch.allclose(model(noise, classes), model(noise, 1 - classes))
    assert not torch.allclose(model.discriminator(x, classes), model.discriminator(x, 1 - classes))


def test_a_collapse_shows():
    class Stuck(torch.nn.Module):
        config, compute_dtype = SimpleNamespace(n_noise=2, labels=()), None

        def __init__(self):
            super().__init__()
            self.generator, self.discriminator = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)

        def forward(self, noise, classes=None):
            return torch.zeros(len(noise), 1, 8, 8) + 1e-3 * noise[:, :1, None, None]

    real = pictures(64)
    assert Adversarial(Stuck(), validation=(real, None)).validate(True)["val/diversity"] < 0.01


def test_a_small_game_learns_the_mean_and_spread_of_grey():
    """One-pixel-like data: grey pictures of two brightnesses; the generator learns to draw both."""
    torch.manual_seed(0)
    model = build(Config(size=4, trunk="residual", widths=(16, 16), n_noise=4))
    objective = Adversarial(model, loss="relativistic", r1=0.1, r2=0.1, penalty_every=1)
    optimizers = {g: torch.optim.Adam(p.values(), 2e-3, betas=(0.0, 0.9)) for g, p in objective.groups.items()}
    values = torch.tensor([60, 190], dtype=torch.uint8)
    for step in range(250):
        real = values[torch.randint(0, 2, (32,), generator=torch.Generator().manual_seed(step))]
        batch = real[:, None, None, None].expand(-1, 1, 4, 4), None
        for group, optimizer in optimizers.items():
            model.zero_grad()
            objective.loss(group, batch, StepRng(0, step, tuple(range(32))))[0].backward()
            optimizer.step()
    with torch.no_grad():
        drawn = objective.generated(200).mean((1, 2, 3))
    wanted = values.float() / 127.5 - 1
    near = [(drawn - value).abs().lt(0.25).float().mean().item() for value in wanted]
    assert min(near) > 0.2 and sum(near) > 0.8, near
