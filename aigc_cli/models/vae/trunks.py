"""Encoders and decoders: residual layers on flat pictures, or convolutions laid out as diffusers' AutoencoderKL.

Shapes: B pictures, C channels, H height, W width, Z latent numbers.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.layers.attend import attend
from aigc_cli.models.layers.conv import Conv, GroupNorm
from aigc_cli.models.layers.linear import Linear
from aigc_cli.models.layers.norm import LayerNorm
from aigc_cli.models.vae.config import Config

EPS = 1e-6  # of the public class


class Residual(nn.Module):
    """x + conv2(silu(norm2(conv1(silu(norm1(x))))))."""

    def __init__(self, n_in: int, n_out: int, groups: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = GroupNorm(n_in, EPS, groups), Conv(n_in, n_out)
        self.norm2, self.conv2 = GroupNorm(n_out, EPS, groups), Conv(n_out, n_out)
        self.conv_shortcut = Conv(n_in, n_out, 1) if n_in != n_out else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, n_in, H, W] -> [B, n_out, H, W]."""
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return h + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    """x + attention of one head over all places."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.group_norm = GroupNorm(width, EPS, groups)
        self.to_q, self.to_k, self.to_v = (Linear(width, width, bias=True) for _ in range(3))
        self.to_out = nn.ModuleList([Linear(width, width, bias=True)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        places = self.group_norm(x).flatten(2).mT
        q, k, v = (layer(places)[:, None] for layer in (self.to_q, self.to_k, self.to_v))
        return x + self.to_out[0](attend(q, k, v)[:, 0]).mT.reshape(x.shape)


class Middle(nn.Module):
    """Two residual blocks around attention."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(Residual(width, width, groups) for _ in range(2))
        self.attentions = nn.ModuleList([Attention(width, groups)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Resample(nn.Module):
    """Half or twice the height and width; `conv` as the public class names it."""

    def __init__(self, width: int, down: bool) -> None:
        super().__init__()
        self.down = down
        self.conv = nn.Conv2d(width, width, 3, stride=2 if down else 1, padding=0 if down else 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] -> [B, C, H / 2, W / 2] or [B, C, 2 H, 2 W]."""
        x = F.pad(x, (0, 1, 0, 1)) if self.down else x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        conv = self.conv
        assert conv.bias is not None
        return F.conv2d(x, conv.weight.to(x.dtype), conv.bias.to(x.dtype), conv.stride, conv.padding)


class Scale(nn.Module):
    """Residual blocks of one resolution, and the way to the next."""

    def __init__(self, n_in: int, n_out: int, count: int, groups: int, resample: str | None) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(Residual(n_in if i == 0 else n_out, n_out, groups) for i in range(count))
        if resample is not None:
            self.add_module(resample, nn.ModuleList([Resample(n_out, resample == "downsamplers")]))
        self.resample = resample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, n_in, H, W] -> [B, n_out, H', W']."""
        for block in self.resnets:
            x = block(x)
        return x if self.resample is None else getattr(self, self.resample)[0](x)


class ConvEncoder(nn.Module):
    """Convolutions down to a small map."""

    def __init__(self, config: Config, n_out: int) -> None:
        super().__init__()
        widths, groups = config.widths, config.n_group
        self.conv_in = Conv(config.n_channel, widths[0])
        last = len(widths) - 1
        self.down_blocks = nn.ModuleList(
            Scale(widths[max(0, i - 1)], width, config.n_block, groups, "downsamplers" if i < last else None)
            for i, width in enumerate(widths)
        )
        self.mid_block = Middle(widths[-1], groups)
        self.conv_norm_out, self.conv_out = GroupNorm(widths[-1], EPS, groups), Conv(widths[-1], n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] -> [B, n_out, h, w]."""
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class ConvDecoder(nn.Module):
    """Convolutions up from a small map."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths, groups = config.widths[::-1], config.n_group
        self.conv_in, self.mid_block = Conv(config.n_latent, widths[0]), Middle(widths[0], groups)
        last = len(widths) - 1
        self.up_blocks = nn.ModuleList(
            Scale(widths[max(0, i - 1)], width, config.n_block + 1, groups, "upsamplers" if i < last else None)
            for i, width in enumerate(widths)
        )
        self.conv_norm_out, self.conv_out = GroupNorm(widths[-1], EPS, groups), Conv(widths[-1], config.n_channel)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """[B, Z, h, w] -> [B, C, H, W]."""
        z = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            z = block(z)
        return self.conv_out(F.silu(self.conv_norm_out(z)))


class Layers(nn.Module):
    """Widths joined by linear layers, residual blocks x + down(silu(up(norm(x)))) at each."""

    def __init__(self, n_in: int, widths: tuple[int, ...], n_block: int, n_out: int) -> None:
        super().__init__()
        sizes = (n_in, *widths)
        self.entries = nn.ModuleList(Linear(a, b, bias=True) for a, b in zip(sizes, widths, strict=False))
        self.norms = nn.ModuleList(LayerNorm(w, EPS) for w in widths for _ in range(n_block))
        self.ups = nn.ModuleList(Linear(w, w, bias=True) for w in widths for _ in range(n_block))
        self.downs = nn.ModuleList(Linear(w, w, bias=True) for w in widths for _ in range(n_block))
        self.n_block, self.norm, self.exit = n_block, LayerNorm(widths[-1], EPS), Linear(widths[-1], n_out, bias=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, n_in] -> [B, n_out]."""
        for i, entry in enumerate(self.entries):
            x = entry(x)
            for j in range(i * self.n_block, (i + 1) * self.n_block):
                x = x + self.downs[j](F.silu(self.ups[j](self.norms[j](x))))
        return self.exit(F.silu(self.norm(x)))


class FlatEncoder(nn.Module):
    """A whole picture as one vector."""

    def __init__(self, config: Config, n_out: int) -> None:
        super().__init__()
        self.layers = Layers(config.n_channel * config.size**2, config.widths, config.n_block, n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] -> [B, n_out]."""
        return self.layers(x.flatten(1))


class FlatDecoder(nn.Module):
    """A whole picture from one vector."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.shape = (config.n_channel, config.size, config.size)
        n_out = config.n_channel * config.size**2
        self.layers = Layers(config.n_latent, config.widths[::-1], config.n_block, n_out)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """[B, Z] -> [B, C, H, W]."""
        return self.layers(z).unflatten(1, self.shape)
