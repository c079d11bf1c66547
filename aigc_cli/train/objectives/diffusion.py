"""Learning to tell data from noise: flow matching, DDPM's epsilon and v, EDM.

Shapes: B pictures, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from aigc_cli.generate.samplers.paths import DDPM_STEPS, cosine_log_alpha, edm_scales, linear_log_alpha
from aigc_cli.train.judging import judging
from aigc_cli.train.objective import StepRng, mix
from aigc_cli.train.stepper import to_device

BUCKETS = 4  # of the noise level, in which the validation loss is told
DROPPED = 0.1  # share of pictures whose class is hidden, so that guidance has something to compare with
VALIDATION_SEED = 0x5EED
EDM_MEAN, EDM_DEVIATION = -1.2, 1.2  # of ln sigma in training; Karras et al. 2022, table 1
PIXEL_SCALE = 127.5

Batch = tuple[torch.Tensor, torch.Tensor | None]  # pictures uint8 [B, C, H, W], classes int64 [B]


@dataclass
class Noising:
    """How `path` makes x = alpha x0 + sigma e of a share u in (0, 1) of the way, for every picture of a batch.

    flow: t is logit-normal, so that most steps fall where it is hard to tell (Esser et al. 2024, "Scaling Rectified
    Flow Transformers", section 3.1, m = 0 and s = 1). linear, cosine: one of DDPM's 1000 steps, each as likely.
    edm: ln sigma normal.
    """

    path: str

    def __post_init__(self) -> None:
        tables = {"linear": linear_log_alpha, "cosine": cosine_log_alpha}
        self.log_alpha = torch.from_numpy(tables[self.path]()) if self.path in tables else None

    def at(self, u_B: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(alpha, sigma, what the network is told), float32 [B], for uniform u (float64)."""
        if self.log_alpha is not None:
            number = (u_B * DDPM_STEPS).long().clamp(0, DDPM_STEPS - 1)
            log_alpha = self.log_alpha[number]
            return log_alpha.exp().float(), (-torch.expm1(2 * log_alpha)).sqrt().float(), number.float() / DDPM_STEPS
        normal = math.sqrt(2) * torch.erfinv(2 * u_B - 1)
        if self.path == "flow":
            t = torch.sigmoid(normal).float()
            return 1 - t, t, t
        sigma = (EDM_MEAN + EDM_DEVIATION * normal).exp().float()
        return torch.ones_like(sigma), sigma, sigma.log() / 4


def target(prediction: str, data: torch.Tensor, noise: torch.Tensor, alpha: Any, sigma: Any) -> torch.Tensor:
    """What the network should give, as samplers/paths.py reads it."""

    def edm() -> torch.Tensor:
        _, skip, scale = edm_scales(alpha, sigma)
        return (data - skip * (alpha * data + sigma * noise)) / scale

    return {
        "velocity": lambda: noise - data, "epsilon": lambda: noise, "data": lambda: data,
        "v": lambda: alpha * noise - sigma * data, "edm": edm,
    }[prediction]()  # fmt: skip


class Diffusion:
    """Objective (see train/objective.py): the mean square of prediction - target.

    `validation`: (pictures, classes) that are noised the same way every time, so that the loss can be compared from
    step to step; it is also told by noise level.
    """

    def __init__(self, model: Any, *, validation: Batch | None = None, batch_size: int = 128) -> None:
        self.saved: nn.Module = model
        self.model = model
        self.groups: Mapping[str, Mapping[str, nn.Parameter]] = {"unet": dict(model.named_parameters())}
        self.adamw_only = frozenset(n for n in self.groups["unet"] if n.startswith(("classes", "stem", "out.")))
        self.noising, self.validation, self.batch_size = Noising(model.config.path), validation, batch_size

    def loss(self, group: str, batch: Batch, rng: StepRng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Mean square over all pixels; each picture's noise level and noise are a function of (seed, step, row)."""
        pictures, classes = batch
        generators = [rng.generator(row) for row in range(len(pictures))]
        u = torch.stack([torch.rand((), generator=g, dtype=torch.float64) for g in generators])
        noise = torch.stack([torch.randn(pictures.shape[1:], generator=g) for g in generators])
        if classes is not None:
            hidden = torch.stack([torch.rand((), generator=g) for g in generators]) < DROPPED
            classes = classes.masked_fill(hidden.to(classes.device), len(self.model.config.labels))
        return self._squares(pictures, classes, u, noise).mean(), {}

    def _squares(
        self, pictures: torch.Tensor, classes: torch.Tensor | None, u: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """The mean square of each picture, [B]."""
        device = pictures.device
        alpha, sigma, told = (x.to(device) for x in self.noising.at(u))
        data, noise = pictures.float() / PIXEL_SCALE - 1.0, noise.to(device)
        a, s = alpha[:, None, None, None], sigma[:, None, None, None]
        prediction, x = self.model.config.prediction, a * data + s * noise
        given = x * edm_scales(a, s)[0] if prediction == "edm" else x
        wanted = target(prediction, data, noise, a, s)
        return (self.model(given, told, classes) - wanted).square().flatten(1).mean(1)

    def validate(self, whole: bool) -> dict[str, float]:
        """val/loss, and val/loss_0 ... by noise level, 0 the least, on evenly spread levels and fixed noise."""
        if self.validation is None:
            return {}
        pictures, classes = self.validation
        count = len(pictures) if whole else min(len(pictures), 4 * self.batch_size)
        found, levels = [], (np.arange(count) * 0.6180339887498949 + 0.5) % 1.0  # evenly spread, in any part of it
        with judging(self.model, whole) as device:
            for start in range(0, count, self.batch_size):
                rows = slice(start, min(count, start + self.batch_size))
                generator = torch.Generator().manual_seed(mix(VALIDATION_SEED, start))
                noise = torch.randn(pictures[rows].shape, generator=generator)
                batch = to_device((pictures[rows], None if classes is None else classes[rows]), device)
                found.append(self._squares(batch[0], batch[1], torch.from_numpy(levels[rows]), noise).cpu())
        squares, bucket = torch.cat(found).double(), (levels * BUCKETS).astype(int)
        values = {"val/loss": float(squares.mean())}
        for level in range(BUCKETS):
            part = squares[torch.from_numpy(bucket == level)]
            if len(part):
                values[f"val/loss_{level}"] = float(part.mean())
        return values

    def validation_tokens(self, whole: bool) -> int:
        """Pictures that `validate` reads."""
        count = 0 if self.validation is None else len(self.validation[0])
        return count if whole else min(count, 4 * self.batch_size)

    def samples(self) -> list[dict[str, Any]]:
        """None here: pictures are drawn by the sampler of the family."""
        return []
