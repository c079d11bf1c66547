"""A matrix whose master copy may be wider than the activations it meets."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Linear(nn.Linear):
    """x @ weight.T (+ bias) in x's dtype: float32 masters, bfloat16 arithmetic, no autocast."""

    def __init__(self, n_in: int, n_out: int, bias: bool = False) -> None:
        super().__init__(n_in, n_out, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., n_in] -> [..., n_out]."""
        return F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


def side_by_side(x: torch.Tensor, *layers: Linear) -> tuple[torch.Tensor, ...]:
    """What each of several layers without bias makes of the same x; while training, in one product."""
    if not torch.is_grad_enabled():  # joining costs a copy of the weights, which a single token would not earn back
        return tuple(layer(x) for layer in layers)
    weight = torch.cat([layer.weight.to(x.dtype) for layer in layers])
    return F.linear(x, weight).split([layer.out_features for layer in layers], dim=-1)
