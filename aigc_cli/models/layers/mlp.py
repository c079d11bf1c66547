"""Feed-forward layers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.layers.linear import Linear, side_by_side


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)). Source: Shazeer 2020, "GLU Variants Improve Transformer", equation 6."""

    def __init__(self, width: int, n_ff: int) -> None:
        super().__init__()
        self.gate_proj = Linear(width, n_ff)
        self.up_proj = Linear(width, n_ff)
        self.down_proj = Linear(n_ff, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., width] -> [..., width]."""
        gate, up = side_by_side(x, self.gate_proj, self.up_proj)
        return self.down_proj(F.silu(gate) * up)
