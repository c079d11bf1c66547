"""Normalisation over the last axis, computed in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class RMSNorm(nn.Module):
    """x / rms(x) * weight over the last axis, computed in float32.

    Source: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", equation 4.
    """

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The normalised x, in x's own dtype."""
        if x.device.type == "cpu" and torch.is_grad_enabled() and not torch.compiler.is_compiling():
            return _TrainedRMSNorm.apply(x, self.weight, self.eps)
        return F.rms_norm(x.float(), self.weight.shape, self.weight.float(), self.eps).to(x.dtype)


class _TrainedRMSNorm(torch.autograd.Function):
    """RMSNorm with its derivative written out: on a CPU half the passes over memory of the derived one.

    With h = x / rms(x) and y = h w, the derivative by x is (g w - h mean(g w h)) / rms(x), that by w the sum of g h.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        h = x.to(torch.float32, copy=True)
        mean_square = torch.linalg.vector_norm(h, dim=-1, keepdim=True).square_().div_(h.shape[-1])
        scale = mean_square.add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return h.mul_(scale).mul_(weight).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        x, weight, scale = ctx.saved_tensors
        weight = weight.float()
        h = x.to(torch.float32, copy=True).mul_(scale)
        g = gradient.to(torch.float32, copy=True)
        product = (g * h).flatten(0, -2)
        along = torch.mv(product, weight).view(scale.shape).div_(-h.shape[-1])
        by_x = g.mul_(weight).addcmul_(h, along).mul_(scale)
        return by_x.to(x.dtype), product.sum(0).to(ctx.saved_tensors[1].dtype), None


class LayerNorm(nn.Module):
    """(x - mean) / deviation * weight + bias over the last axis, computed in float32.

    Source: Ba, Kiros and Hinton 2016, "Layer Normalization", equation 4.
    """

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The normalised x, in x's own dtype."""
        weight, bias = self.weight.float(), self.bias.float()
        return F.layer_norm(x.float(), weight.shape, weight, bias, self.eps).to(x.dtype)
