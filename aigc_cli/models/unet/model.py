"""UNet: a denoiser that joins 2 x 2 pixels first, so that most of its work is done at half the resolution.

Shapes: B pictures, C channels, H height, W width, E width of the condition.
Source: Ronneberger et al. 2015, "U-Net"; Ho et al. 2020, "Denoising Diffusion Probabilistic Models", appendix B.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.layers.conv import Conv, GroupNorm, PictureAttention, ResBlock, Upsample, waves
from aigc_cli.models.layers.linear import Linear
from aigc_cli.models.unet.config import Config


class Stage(nn.Module):
    """A residual block and, at the lowest scales, attention."""

    def __init__(self, n_in: int, n_out: int, config: Config, attends: bool) -> None:
        super().__init__()
        self.block = ResBlock(n_in, n_out, config.n_embd)
        self.attention = PictureAttention(n_out, config.head_dim) if attends else None

    def forward(self, x_BCHW: torch.Tensor, condition_BE: torch.Tensor) -> torch.Tensor:
        """[B, n_in, H, W] -> [B, n_out, H, W]."""
        x_BCHW = self.block(x_BCHW, condition_BE)
        return x_BCHW if self.attention is None else self.attention(x_BCHW)


class UNet(nn.Module):
    """Says of noisy pictures what is data and what is noise, as `config.prediction` defines it.

    `compute_dtype` (None: the weights' own) is the dtype of activations; the output is float32.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, widths = config, config.widths
        self.compute_dtype: torch.dtype | None = None
        attends = [scale >= len(widths) - config.attention for scale in range(len(widths))]
        self.time_1 = Linear(2 * widths[0], config.n_embd, bias=True)
        self.time_2 = Linear(config.n_embd, config.n_embd, bias=True)
        # The last row stands for "no class": what guidance compares with.
        self.classes = nn.Embedding(len(config.labels) + 1, config.n_embd) if config.labels else None
        self.stem = Conv(config.n_channel * config.patch**2, widths[0])
        self.down, self.shrink, kept = nn.ModuleList(), nn.ModuleList(), [widths[0]]
        width = widths[0]
        for scale, wide in enumerate(widths):
            for _ in range(config.n_block):
                self.down.append(Stage(width, wide, config, attends[scale]))
                width = wide
                kept.append(width)
            if scale + 1 < len(widths):
                self.shrink.append(Conv(width, width, stride=2))
                kept.append(width)
        self.middle = nn.ModuleList(
            [Stage(width, width, config, config.attention > 0), Stage(width, width, config, False)]
        )
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for scale in reversed(range(len(widths))):
            for _ in range(config.n_block + 1):
                self.up.append(Stage(width + kept.pop(), widths[scale], config, attends[scale]))
                width = widths[scale]
            if scale:
                self.grow.append(Upsample(width, width))
        self.norm, self.out = GroupNorm(width), Conv(width, config.n_channel * config.patch**2)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator | None = None) -> UNet:
        """Fresh weights: every block starts as the identity (its last layer is zero), the output as zero."""
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                parameter.fill_(float(name.endswith("weight")))
            elif name.endswith(("conv_2.weight", "attention.out.weight", "modulation.weight")) or name == "out.weight":
                parameter.zero_()
            elif name.startswith("classes"):
                parameter.normal_(0.0, 1.0, generator=generator)
            else:
                parameter.normal_(0.0, parameter[0].numel() ** -0.5, generator=generator)
        return self

    def forward(self, x_BCHW: torch.Tensor, t_B: torch.Tensor, class_B: torch.Tensor | None = None) -> torch.Tensor:
        """The prediction [B, C, H, W] for noisy pictures at times t (0 data, 1 noise).

        class_B: numbers of the classes, len(labels) for none (also where it is not given).
        """
        c = self.config
        dtype = self.compute_dtype or self.stem.weight.dtype
        condition = self.time_2(F.silu(self.time_1(waves(t_B, 2 * c.widths[0]).to(dtype))))
        if self.classes is not None:
            known = class_B if class_B is not None else torch.full_like(t_B, len(c.labels), dtype=torch.long)
            condition = condition + self.classes(known).to(dtype)
        x = self.stem(F.pixel_unshuffle(x_BCHW.to(dtype), c.patch))
        kept, number = [x], 0
        for scale in range(len(c.widths)):
            for _ in range(c.n_block):
                x = self.down[number](x, condition)
                number += 1
                kept.append(x)
            if scale + 1 < len(c.widths):
                x = self.shrink[scale](x)
                kept.append(x)
        for stage in self.middle:
            x = stage(x, condition)
        number = 0
        for scale in reversed(range(len(c.widths))):
            for _ in range(c.n_block + 1):
                x = self.up[number](torch.cat((x, kept.pop()), dim=1), condition)
                number += 1
            if scale:
                x = self.grow[len(c.widths) - 1 - scale](x, kept[-1].shape[-2:])
        return F.pixel_shuffle(self.out(F.silu(self.norm(x))), c.patch).float()


def build(config: Config) -> UNet:
    """An initialised UNet (from torch's global random state)."""
    return UNet(config).initialize()


def build_empty(config: Config) -> UNet:
    """A UNet whose weights are yet to be loaded."""
    with torch.device("meta"):
        model = UNet(config)
    return model.to_empty(device="cpu")
