"""The evidence lower bound against exact likelihoods and torch's distributions; rounding against its definition."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from torch import distributions

from aigc_cli.models.vae.bottleneck import divergence, from_codes, rounded, split, to_codes
from aigc_cli.models.vae.config import Config
from aigc_cli.models.vae.model import build
from aigc_cli.train.objective import StepRng
from aigc_cli.train.objectives.elbo import Elbo, pixel_nats


def test_divergence_is_torchs():
    mean, log_variance = torch.randn(2, 5, 3).unbind()
    q = distributions.Normal(mean, (0.5 * log_variance).exp())
    wanted = distributions.kl_divergence(q, distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(divergence(mean, log_variance), wanted)


def test_pixel_nats_are_torchs():
    out, x = torch.randn(2, 4, 1, 3, 3).unbind()
    x = x.clamp(-1, 1)
    wanted = -distributions.Normal(out, 0.3).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(pixel_nats(out, x, torch.tensor(0.3).log()), wanted)
    bits = (x > 0).float() * 2 - 1
    wanted = -distributions.Bernoulli(logits=out).log_prob((bits + 1) / 2).flatten(1).sum(1)
    torch.testing.assert_close(pixel_nats(out, bits, None), wanted)


class ProbabilisticPca(torch.nn.Module):
    """x = W z + s e, with the exact posterior as encoder: then the bound is the likelihood."""

    def __init__(self):
        super().__init__()
        w, _ = torch.linalg.qr(torch.randn(9, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
        self.w = (w * torch.tensor([0.5, 0.3], dtype=torch.float64)).float()
        self.config = SimpleNamespace(levels=(), latent_shape=(2,))
        self.compute_dtype, self.deviation = None, 0.2
        self.log_deviation = torch.nn.Parameter(torch.tensor(math.log(0.2)))

    def moments(self, x):
        precision = (self.w**2).sum(0) / self.deviation**2 + 1  # W'W is diagonal
        mean = x.flatten(1) @ self.w / self.deviation**2 / precision
        return torch.cat((mean, -precision.log().expand_as(mean)), 1)

    def decode(self, z):
        return (z @ self.w.T).view(-1, 1, 3, 3)


def test_the_bound_is_the_likelihood_where_the_encoder_is_exact():
    model, picture = ProbabilisticPca(), torch.tensor([[90, 120, 150], [100, 128, 160], [140, 110, 127]])
    pictures = picture.to(torch.uint8).expand(20_000, 1, 3, 3)
    x = picture.flatten().double() / 127.5 - 1
    covariance = (model.w @ model.w.T).double() + model.deviation**2 * torch.eye(9, dtype=torch.float64)
    wanted = -distributions.MultivariateNormal(torch.zeros(9, dtype=torch.float64), covariance).log_prob(x)
    found = Elbo(model, validation=pictures, batch_size=5000).validate(True)
    assert found["val/loss_nats"] == pytest.approx(float(wanted), abs=0.03)
    assert found["val/loss_nats"] == pytest.approx(found["val/reconstruction_nats"] + found["val/kl_nats"])


def picture_batch(size=8, count=6):
    return torch.randint(0, 256, (count, 1, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("trunk", ["mlp", "conv"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_loss_is_a_function_of_seed_step_and_row(trunk, likelihood):
    torch.manual_seed(0)
    model = build(Config(size=8, trunk=trunk, widths=(16, 16), n_latent=3, likelihood=likelihood))
    objective, pictures = Elbo(model), picture_batch()
    whole, logged = objective.loss("vae", (pictures, None), StepRng(3, 5, tuple(range(6))))
    halves = [objective.loss("vae", (pictures[r : r + 3], None), StepRng(3, 5, (r, r + 1, r + 2)))[0] for r in (0, 3)]
    assert float(sum(halves)) / 2 == pytest.approx(float(whole), rel=1e-5)
    assert float(logged["kl_nats"]) == pytest.approx(0, abs=1e-6)  # a fresh encoder says N(0, 1)
    whole.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_beta_warm_up_and_free_bits():
    torch.manual_seed(0)
    model = build(Config(size=8, widths=(16,), n_latent=3))
    torch.nn.init.normal_(model.encoder.layers.exit.weight, std=0.5)
    pictures = picture_batch()

    def loss(step=9, **options):
        value, logged = Elbo(model, **options).loss("vae", (pictures, None), StepRng(0, step, tuple(range(6))))
        return float(value) * 64, {name: float(v) for name, v in logged.items()}

    total, parts = loss()
    assert total == pytest.approx(parts["reconstruction_nats"] + parts["kl_nats"], rel=1e-5)
    assert loss(beta=4.0)[0] - total == pytest.approx(3 * parts["kl_nats"], rel=1e-3)
    assert total - loss(warmup=40)[0] == pytest.approx(0.75 * parts["kl_nats"], rel=1e-3)
    mean, log_variance = split(model.moments(pictures.float() / 127.5 - 1))
    each = divergence(mean, log_variance).mean(0)
    limit = float(each.median())
    assert loss(free_bits=limit)[0] - total == pytest.approx(float((limit - each).clamp(min=0).sum()), rel=1e-3)


@pytest.mark.parametrize("levels", [(2,), (3, 5), (8, 5, 4), (7, 2)])
def test_rounding_reaches_every_level_and_codes_go_back(levels):
    wide = torch.linspace(-6, 6, 4001)[:, None].expand(-1, len(levels))
    z = rounded(wide, levels)
    for i, level in enumerate(levels):
        torch.testing.assert_close(z[:, i].unique(), torch.linspace(-1, 1, level), atol=1e-6, rtol=0)
    grid = torch.tensor(list(itertools.product(*[torch.linspace(-1, 1, level).tolist() for level in levels])))
    codes = to_codes(grid, levels)
    assert sorted(codes.tolist()) == list(range(math.prod(levels)))
    torch.testing.assert_close(from_codes(codes, levels), grid)


def test_the_gradient_passes_the_rounding():
    x = torch.zeros(1, 2, requires_grad=True)
    rounded(x, (5, 5)).sum().backward()
    assert float(x.grad.min()) > 0.9  # the slope of the bound at 0


def test_a_codec_says_how_many_codes_it_uses():
    torch.manual_seed(0)
    model = build(Config(size=8, trunk="conv", widths=(8, 8), n_latent=2, levels=(5, 5), likelihood="gaussian"))
    torch.nn.init.normal_(model.encoder.conv_out.weight, std=1.0)
    values = Elbo(model, validation=picture_batch(count=40)).validate(True)
    assert 10 < values["val/codes_used"] <= 100 and "val/kl_nats" not in values


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize(
    "shape",
    [
        {"trunk": "mlp", "widths": (16,), "n_latent": 3}, {"trunk": "mlp", "widths": (24, 16), "n_block": 2},
        {"trunk": "conv", "widths": (8, 16), "n_latent": 2}, {"trunk": "conv", "widths": (8, 8, 24), "n_block": 2},
        {"trunk": "conv", "widths": (8,), "n_latent": 2, "levels": (5, 4)},
    ],
)  # fmt: skip
def test_parameters_are_counted_exactly(shape, likelihood):
    config = Config(size=16, n_channel=3, likelihood=likelihood, **shape)
    with torch.device("meta"):
        assert config.parameters() == sum(p.numel() for p in build(config).parameters())
