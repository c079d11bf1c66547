"""The evidence lower bound: what a VAE maximises.

Shapes: B pictures, C channels, H height, W width, Z latent numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.vae.bottleneck import divergence, rounded, split, to_codes
from aigc_cli.train.judging import judging
from aigc_cli.train.objective import StepRng, mix
from aigc_cli.train.stepper import to_device

VALIDATION_SEED = 0x5EED
PIXEL_SCALE = 127.5


def pixel_nats(out: torch.Tensor, x: torch.Tensor, log_deviation: torch.Tensor | None) -> torch.Tensor:
    """-ln p(x | z) of each picture in nats, [B]; x in [-1, 1].

    log_deviation None: Bernoulli with logits `out`, grey pixels as probabilities of 1 (the cross-entropy, whose floor
    is the pixels' own entropy); else Gaussian densities around `out`.
    """
    if log_deviation is None:
        return F.binary_cross_entropy_with_logits(out, (x + 1) / 2, reduction="none").flatten(1).sum(1)
    square = (x - out).square() * torch.exp(-2 * log_deviation)
    return (0.5 * (square + math.log(2 * math.pi)) + log_deviation).flatten(1).sum(1)


class Elbo:
    """Objective (see train/objective.py): -ln p(x | z) + beta KL(q(z | x) || N(0, 1)) with one draw of z.

    With FSQ there is no divergence, only the first term. `free_bits`: nats of each latent number that cost nothing
    (Kingma et al. 2016, "Improving Variational Inference with Inverse Autoregressive Flow", section C.8), in the mean
    over a batch. `warmup`: steps over which beta rises from 0 (Bowman et al. 2016, "Generating Sentences from a
    Continuous Space", section 3.1). The loss is divided by the number of pixels, so that clipping means the same for
    every size.
    """

    def __init__(
        self,
        model: Any,
        *,
        beta: float = 1.0,
        free_bits: float = 0.0,
        warmup: int = 0,
        validation: torch.Tensor | None = None,
        batch_size: int = 128,
    ) -> None:
        self.saved: nn.Module = model
        self.model, self.beta, self.free_bits, self.warmup = model, beta, free_bits, warmup
        self.groups: Mapping[str, Mapping[str, nn.Parameter]] = {"vae": dict(model.named_parameters())}
        ends = ("conv_in.weight", "conv_out.weight", "entries.0.weight", "exit.weight")
        self.adamw_only = frozenset(n for n in self.groups["vae"] if n.endswith(ends))
        self.validation, self.batch_size = validation, batch_size

    def loss(self, group: str, batch: tuple[torch.Tensor, Any], rng: StepRng) -> tuple[torch.Tensor, dict[str, Any]]:
        """Mean over pictures, nats a pixel; logs nats a picture of both terms."""
        pictures = batch[0]
        noise = [self._noise(rng.generator(row)) for row in range(len(pictures))]
        nats, cost, information = self._terms(pictures, torch.stack(noise).to(pictures.device))
        beta = self.beta * min(1.0, (rng.step + 1) / self.warmup if self.warmup else 1.0)
        logged = {"reconstruction_nats": nats.mean(), "kl_nats": information.sum(1).mean()}
        return (nats.mean() + beta * cost) / pictures[0].numel(), logged

    def _noise(self, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(self.model.config.latent_shape, generator=generator)

    def _terms(self, pictures: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(nats of the pixels [B], what the latents cost: a scalar, nats of each latent number [B, Z])."""
        x, model = pictures.float() / PIXEL_SCALE - 1.0, self.model
        moments = model.moments(x)
        if model.config.levels:
            z = rounded(moments, model.config.levels)
            information = moments.new_zeros(len(x), 1)
        else:
            mean, log_variance = split(moments)
            z = mean + (0.5 * log_variance).exp() * noise
            information = divergence(mean, log_variance).flatten(1)
        cost = information.mean(0).clamp(min=self.free_bits).sum() if not model.config.levels else z.new_zeros(())
        return pixel_nats(model.decode(z), x, model.log_deviation), cost, information

    def validate(self, whole: bool) -> dict[str, float]:
        """val/loss_nats: -ELBO of a picture at beta 1 with one draw of fixed noise, and its two terms.

        With FSQ there is one term only, and val/codes_used, percent of all codes that the part read holds.
        """
        if self.validation is None:
            return {}
        count = self.validation_tokens(whole)
        nats, information, seen = 0.0, 0.0, []
        with judging(self.model, whole) as device:
            for start in range(0, count, self.batch_size):
                part = to_device(self.validation[start : min(count, start + self.batch_size)], device)
                generator = torch.Generator().manual_seed(mix(VALIDATION_SEED, start))
                noise = torch.randn(len(part), *self.model.config.latent_shape, generator=generator)
                pixels, _, of_latents = self._terms(part, noise.to(device))
                nats, information = nats + float(pixels.sum()), information + float(of_latents.sum())
                if self.model.config.levels:
                    z = self.model.encode(part.float() / PIXEL_SCALE - 1.0)
                    seen.append(to_codes(z, self.model.config.levels).flatten())
        values = {"val/loss_nats": (nats + information) / count, "val/reconstruction_nats": nats / count}
        if seen:
            return {**values, "val/codes_used": 100 * len(torch.cat(seen).unique()) / self.model.config.codebook_size}
        return {**values, "val/kl_nats": information / count}

    def validation_tokens(self, whole: bool) -> int:
        """Pictures that `validate` reads."""
        count = 0 if self.validation is None else len(self.validation)
        return count if whole else min(count, 4 * self.batch_size)

    def samples(self) -> list[dict[str, Any]]:
        """None here: pictures are drawn by the family."""
        return []
