"""What stands between encoder and decoder: a Gaussian, or numbers rounded to a few levels.

Shapes: B pictures, Z latent numbers (axis 1), ... places.
"""

from __future__ import annotations

import math

import torch

LOG_VARIANCE = (-30.0, 20.0)  # outside of it exp would leave float32


def split(moments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, log variance), each [B, Z, ...], of the encoder's output [B, 2 Z, ...]."""
    mean, log_variance = moments.float().chunk(2, dim=1)
    return mean, log_variance.clamp(*LOG_VARIANCE)


def divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in nats of every latent number.

    Source: Kingma and Welling 2014, "Auto-Encoding Variational Bayes", appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)


def rounded(z: torch.Tensor, levels: tuple[int, ...]) -> torch.Tensor:
    """z [B, Z, ...] bounded and rounded to levels[i] values in [-1, 1]; the gradient passes the rounding.

    Source: Mentzer et al. 2023, "Finite Scalar Quantization: VQ-VAE Made Simple", section 3.1.
    """
    count = _along(z, levels)
    half = (count - 1) / 2 * (1 + 1e-3)
    offset = torch.where(count % 2 == 0, 0.5, 0.0)  # an even number of levels lies between whole numbers
    bounded = torch.tanh(z.float() + torch.atanh(offset / half)) * half - offset
    whole = bounded + (bounded.round() - bounded).detach()
    return (whole + offset) / ((count - 1) / 2)


def to_codes(z: torch.Tensor, levels: tuple[int, ...]) -> torch.Tensor:
    """The number int64 [B, ...] of each place's rounded z: digits in mixed base, the first latent number lowest."""
    count = _along(z, levels)
    digits = ((z + 1) / 2 * (count - 1)).round().long()
    bases = torch.tensor([math.prod(levels[:i]) for i in range(len(levels))], device=z.device)
    return (digits * bases.view(1, -1, *[1] * (z.ndim - 2))).sum(1)


def from_codes(codes: torch.Tensor, levels: tuple[int, ...]) -> torch.Tensor:
    """The rounded z [B, Z, ...] of the numbers [B, ...]."""
    parts, rest = [], codes
    for level in levels:
        parts.append((rest % level).float() / (level - 1) * 2 - 1)
        rest = rest // level
    return torch.stack(parts, dim=1)


def _along(z: torch.Tensor, levels: tuple[int, ...]) -> torch.Tensor:
    return torch.tensor(levels, dtype=torch.float32, device=z.device).view(1, -1, *[1] * (z.ndim - 2))
