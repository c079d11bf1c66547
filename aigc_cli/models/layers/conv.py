"""Convolutional blocks that UNet, VAE and GAN share.

Shapes: B pictures, C channels, H height, W width, E width of the condition.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.layers.attend import attend
from aigc_cli.models.layers.linear import Linear

GROUP_CHANNELS = 16  # of GroupNorm
MOST_GROUPS = 32


class Conv(nn.Conv2d):
    """A convolution in x's dtype (float32 masters, bfloat16 arithmetic) that keeps H and W at stride 1."""

    def __init__(self, n_in: int, n_out: int, kernel: int = 3, stride: int = 1, bias: bool = True) -> None:
        super().__init__(n_in, n_out, kernel, stride=stride, padding=kernel // 2, bias=bias)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """[B, n_in, H, W] -> [B, n_out, H / stride, W / stride], rounded up."""
        bias = None if self.bias is None else self.bias.to(x_BCHW.dtype)
        return F.conv2d(x_BCHW, self.weight.to(x_BCHW.dtype), bias, self.stride, self.padding)


class GroupNorm(nn.Module):
    """Each group of channels of a picture normalised, in float32.

    Source: Wu and He 2018, "Group Normalization", equation 7.
    """

    def __init__(self, width: int, eps: float = 1e-5, groups: int | None = None) -> None:
        super().__init__()
        self.groups = groups or math.gcd(width, max(1, min(MOST_GROUPS, width // GROUP_CHANNELS)))
        self.eps = eps
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """The normalised x, in x's own dtype."""
        weight, bias = self.weight.float(), self.bias.float()
        return F.group_norm(x_BCHW.float(), self.groups, weight, bias, self.eps).to(x_BCHW.dtype)


class ResBlock(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))), the second norm scaled and shifted by the condition.

    Source: Ho et al. 2020, "Denoising Diffusion Probabilistic Models", appendix B; the scale and shift: Dhariwal and
    Nichol 2021, "Diffusion Models Beat GANs on Image Synthesis", equation 3. Without a condition (width 0) it is the
    block of a VAE or GAN.
    """

    def __init__(self, n_in: int, n_out: int, condition: int = 0) -> None:
        super().__init__()
        self.norm_1, self.conv_1 = GroupNorm(n_in), Conv(n_in, n_out)
        self.norm_2, self.conv_2 = GroupNorm(n_out), Conv(n_out, n_out)
        self.modulation = Linear(condition, 2 * n_out, bias=True) if condition else None
        self.skip = Conv(n_in, n_out, 1, bias=False) if n_in != n_out else None

    def forward(self, x_BCHW: torch.Tensor, condition_BE: torch.Tensor | None = None) -> torch.Tensor:
        """[B, n_in, H, W] -> [B, n_out, H, W]."""
        h = self.norm_2(self.conv_1(F.silu(self.norm_1(x_BCHW))))
        if self.modulation is not None:
            assert condition_BE is not None
            scale, shift = self.modulation(F.silu(condition_BE))[..., None, None].chunk(2, dim=1)
            h = h * (1 + scale) + shift
        return self.conv_2(F.silu(h)) + (x_BCHW if self.skip is None else self.skip(x_BCHW))


class PictureAttention(nn.Module):
    """x + attention over all places of a picture, heads of `head_dim`."""

    def __init__(self, width: int, head_dim: int) -> None:
        super().__init__()
        self.head_dim = min(head_dim, width)
        self.norm, self.qkv, self.out = GroupNorm(width), Conv(width, 3 * width, 1, bias=False), Conv(width, width, 1)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        parts = self.qkv(self.norm(x_BCHW)).flatten(2).mT.chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for part in parts)
        seen = attend(q, k, v).transpose(1, 2).flatten(2).mT
        return x_BCHW + self.out(seen.reshape(x_BCHW.shape))


class Upsample(nn.Module):
    """Twice as high and wide (or to `size`), by repeating, then a convolution."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv = Conv(n_in, n_out)

    def forward(self, x_BCHW: torch.Tensor, size: tuple[int, int] | None = None) -> torch.Tensor:
        """[B, n_in, H, W] -> [B, n_out, 2H, 2W]; `size` cuts what an odd size has too much."""
        wide = x_BCHW.repeat_interleave(2, 2).repeat_interleave(2, 3)
        if size is not None:
            wide = wide[..., : size[0], : size[1]]
        return self.conv(wide)


def waves(t_B: torch.Tensor, width: int, fastest: float = 1000.0, slowest: float = 0.1) -> torch.Tensor:
    """cos and sin of t at `width` / 2 frequencies, [B, width] in float32; t in 0 ... 1.

    Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.5, on 1000 t.
    """
    half = width // 2
    share = torch.arange(half, device=t_B.device, dtype=torch.float32) / max(1, half - 1)
    angle = t_B.float()[:, None] * fastest * (slowest / fastest) ** share
    return torch.cat((angle.cos(), angle.sin()), dim=-1)
