"""The min-max game of a GAN: three losses, penalties on the discriminator's gradients.

Shapes: B pictures, C channels, H height, W width, Z noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.train.judging import judging
from aigc_cli.train.objective import StepRng, mix

VALIDATION_SEED, PIXEL_SCALE = 0x5EED, 127.5
COMPARED = 512  # pictures of the diversity check
Batch = tuple[torch.Tensor, torch.Tensor | None]  # pictures uint8 [B, C, H, W], classes int64 [B]


def non_saturating(real_B: torch.Tensor, fake_B: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(discriminator's loss, generator's) of scores. Source: Goodfellow et al. 2014, section 3."""
    return F.softplus(-real_B) + F.softplus(fake_B), F.softplus(-fake_B)


def hinge(real_B: torch.Tensor, fake_B: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same with margins. Source: Lim and Ye 2017, "Geometric GAN", equation 12."""
    return F.relu(1 - real_B) + F.relu(1 + fake_B), -fake_B


def relativistic(real_B: torch.Tensor, fake_B: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same on pairs of a real and a generated picture.

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", section 4; Huang et al. 2024, "The GAN is dead;
    long live the GAN!", equation 2.
    """
    return F.softplus(fake_B - real_B), F.softplus(real_B - fake_B)


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]] = {
    "non_saturating": non_saturating,
    "hinge": hinge,
    "relativistic": relativistic,
}


def gradient_penalty(scores_B: torch.Tensor, x_BCHW: torch.Tensor) -> torch.Tensor:
    """|d score / d x|^2 of each picture, [B].

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9 (R1 on real
    pictures, R2 on generated ones).
    """
    (slope,) = torch.autograd.grad(scores_B.sum(), x_BCHW, create_graph=True)
    return slope.square().flatten(1).sum(1)


class Adversarial:
    """Objective (see train/objective.py) with two groups, updated in this order: discriminator, generator.

    `r1`, `r2`: half of so much times the gradient penalties on real and on generated pictures, taken every
    `penalty_every` steps and multiplied by that (Karras et al. 2020, "Analyzing and Improving the Image Quality of
    StyleGAN", section 3.1).
    """

    def __init__(
        self,
        model: Any,
        *,
        loss: str = "non_saturating",
        r1: float = 0.0,
        r2: float = 0.0,
        penalty_every: int = 4,
        validation: Batch | None = None,
    ) -> None:
        self.saved: nn.Module = model
        self.model, self.game, self.r1, self.r2, self.penalty_every = model, LOSSES[loss], r1, r2, penalty_every
        self.groups: Mapping[str, Mapping[str, nn.Parameter]] = {
            name: {f"{name}.{n}": p for n, p in getattr(model, name).named_parameters()}
            for name in ("discriminator", "generator")
        }
        self.adamw_only = frozenset(name for group in self.groups.values() for name in group)
        self.validation = validation

    def loss(self, group: str, batch: Batch, rng: StepRng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The group's mean loss; noise and classes of generated pictures are functions of (seed, step, row)."""
        pictures, classes = batch
        model, real = self.model, pictures.float() / PIXEL_SCALE - 1.0
        noise = torch.stack([self._noise(rng.generator(row)) for row in range(len(pictures))]).to(real.device)
        if group == "generator":
            fake = model.generator(noise, classes)
            # The game's other half: gradients that fall on the discriminator here are dropped before its next step.
            with torch.no_grad():
                of_real = model.discriminator(real, classes)
            return self.game(of_real, model.discriminator(fake, classes))[1].mean(), {}
        with torch.no_grad():
            fake = model.generator(noise, classes)
        due = (self.r1 or self.r2) and rng.step % self.penalty_every == 0
        if due:
            real, fake = real.requires_grad_(), fake.requires_grad_()
        of_real, of_fake = model.discriminator(real, classes), model.discriminator(fake, classes)
        value = self.game(of_real, of_fake)[0].mean()
        logged = {"score_real": of_real.detach().mean(), "score_fake": of_fake.detach().mean()}
        if due:
            penalty = (
                self.r1 * gradient_penalty(of_real, real).mean() + self.r2 * gradient_penalty(of_fake, fake).mean()
            )
            value = value + 0.5 * self.penalty_every * penalty
        return value, logged

    def _noise(self, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(self.model.config.n_noise, generator=generator)

    def generated(self, count: int, seed: int = VALIDATION_SEED) -> torch.Tensor:
        """`count` pictures [N, C, H, W] in [-1, 1], the same every time; classes in turns."""
        device = next(self.model.parameters()).device
        generator = torch.Generator().manual_seed(mix(seed, count))
        noise = torch.randn(count, self.model.config.n_noise, generator=generator).to(device)
        n_labels = len(self.model.config.labels)
        return self.model(noise, torch.arange(count, device=device) % n_labels if n_labels else None)

    def validate(self, whole: bool) -> dict[str, float]:
        """val/diversity: the mean distance of two generated pictures, as a share of that of two real ones.

        Near 0 where the generator has collapsed to one picture; a number for a warning, not for quality.
        """
        if self.validation is None:
            return {}
        count = min(COMPARED, len(self.validation[0]))
        with judging(self.model, whole):
            fake = self.generated(count).flatten(1).cpu()
        real = (self.validation[0][:count].float() / PIXEL_SCALE - 1.0).flatten(1)
        spread = [float(torch.pdist(x.double()).mean()) for x in (fake, real)]
        return {"val/diversity": spread[0] / max(spread[1], 1e-12)}

    def validation_tokens(self, whole: bool) -> int:
        """Pictures that `validate` draws."""
        return 0 if self.validation is None else min(COMPARED, len(self.validation[0]))

    def samples(self) -> list[dict[str, Any]]:
        """None here: pictures are drawn by the family."""
        return []
