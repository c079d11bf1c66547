"""Rotary positions in the half-split form that Llama and Qwen checkpoints use.

Source: Su et al. 2021, "RoFormer", equation 34, with the pairs (i, i + D/2) instead of (2i, 2i + 1).
Shapes: B sequences, T tokens, H heads, D head width.
"""

from __future__ import annotations

import torch


def rope_tables(positions: torch.Tensor, head_dim: int, theta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin of shape [..., head_dim] (float32) for integer positions of shape [...]."""
    exponent = torch.arange(0, head_dim, 2, dtype=torch.float32, device=positions.device) / head_dim
    angle = positions[..., None].float() * (1.0 / theta**exponent)
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def rotate(x_BHTD: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """x with every pair of channels turned by its position's angle; cos and sin broadcast to x."""
    first, second = x_BHTD.chunk(2, dim=-1)
    return x_BHTD * cos + torch.cat((-second, first), dim=-1) * sin
