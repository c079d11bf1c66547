"""GAN: generator and discriminator in two trunks, both conditional on a class where there are any.

Shapes: B pictures, C channels, H height, W width, Z noise.
Source: Goodfellow et al. 2014, "Generative Adversarial Nets"; the trunks: Radford et al. 2016, "Unsupervised
Representation Learning with Deep Convolutional Generative Adversarial Networks"; Huang et al. 2024, "The GAN is dead;
long live the GAN! A Modern Baseline GAN" (residual blocks without norms); the class in the discriminator: Miyato and
Koyama 2018, "cGANs with Projection Discriminator", equation 3.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.gan.config import Config
from aigc_cli.models.layers.conv import Conv
from aigc_cli.models.layers.linear import Linear

SLOPE = 0.2  # of leaky ReLU below zero


class Residual(nn.Module):
    """x + conv2(leaky(conv1(leaky(x)))); without norms, so conv2 starts at zero (Zhang et al. 2019, "Fixup")."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(width, width), Conv(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        return x + self.conv2(F.leaky_relu(self.conv1(F.leaky_relu(x, SLOPE)), SLOPE))


def _blocks(config: Config, width: int, normed: bool) -> nn.ModuleList:
    """What follows a change of scale: batch norm (dcgan) or residual blocks."""
    if config.trunk == "dcgan":
        return nn.ModuleList([nn.BatchNorm2d(width)] if normed else [])
    return nn.ModuleList(Residual(width) for _ in range(config.n_block))


class Generator(nn.Module):
    """Pictures in [-1, 1] from noise [B, Z] and classes [B]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, widths = config, config.widths[::-1]
        self.classes = nn.Embedding(len(config.labels), config.n_noise) if config.labels else None
        n_in = config.n_noise * (2 if config.labels else 1)
        self.start = Linear(n_in, widths[0] * config.smallest**2, bias=True)
        self.scales = nn.ModuleList(_blocks(config, width, True) for width in widths)
        self.grow = nn.ModuleList(Conv(a, b) for a, b in zip(widths, widths[1:], strict=False))
        self.out = Conv(widths[-1], config.n_channel)

    def forward(self, noise_BZ: torch.Tensor, class_B: torch.Tensor | None = None) -> torch.Tensor:
        """[B, Z] -> [B, C, H, W] in float32."""
        c = self.config
        if self.classes is not None:
            assert class_B is not None
            noise_BZ = torch.cat((noise_BZ, F.normalize(self.classes(class_B), dim=1) * c.n_noise**0.5), dim=1)
        x = self.start(noise_BZ).unflatten(1, (-1, c.smallest, c.smallest))
        for number, blocks in enumerate(self.scales):
            assert isinstance(blocks, nn.ModuleList)
            for block in blocks:
                x = block(x)
            if c.trunk == "dcgan":
                x = F.relu(x)
            if number < len(self.grow):
                x = self.grow[number](x.repeat_interleave(2, 2).repeat_interleave(2, 3))
        return torch.tanh(self.out(x if c.trunk == "dcgan" else F.leaky_relu(x, SLOPE)).float())


class Discriminator(nn.Module):
    """How real pictures look: a number each, higher for real ones."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, widths = config, config.widths
        self.start = Conv(config.n_channel, widths[0])
        # Batch norm in a discriminator couples pictures, which gradient penalties cannot have: dcgan has none here.
        self.scales = nn.ModuleList(_blocks(config, width, False) for width in widths)
        self.shrink = nn.ModuleList(Conv(a, b, 4, 2) for a, b in zip(widths, widths[1:], strict=False))
        self.judge = Linear(widths[-1] * config.smallest**2, 1, bias=True)
        self.classes = nn.Embedding(len(config.labels), widths[-1]) if config.labels else None

    def forward(self, x_BCHW: torch.Tensor, class_B: torch.Tensor | None = None) -> torch.Tensor:
        """[B, C, H, W] -> [B] in float32."""
        x = self.start(x_BCHW)
        for number, blocks in enumerate(self.scales):
            assert isinstance(blocks, nn.ModuleList)
            for block in blocks:
                x = block(x)
            x = F.leaky_relu(x, SLOPE)
            if number < len(self.shrink):
                side = x.shape[-1] // 2
                x = self.shrink[number](x)[..., :side, :side]
        score = self.judge(x.flatten(1))[:, 0].float()
        if self.classes is not None:
            assert class_B is not None
            score = score + (self.classes(class_B) * x.float().mean((2, 3))).sum(1)
        return score


class GAN(nn.Module):
    """Both, as they are saved; `compute_dtype` is float32 always: gradient penalties need it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype: torch.dtype | None = None
        self.generator, self.discriminator = Generator(config), Discriminator(config)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator | None = None) -> GAN:
        """Fresh weights that keep variance through leaky ReLUs (He et al. 2015); residual blocks are the identity."""
        for name, parameter in self.named_parameters():
            if name.endswith("conv2.weight") or name == "discriminator.classes.weight":
                parameter.zero_()
            elif parameter.ndim == 1:
                parameter.fill_(float(self.config.trunk == "dcgan" and ".scales." in name and name.endswith("weight")))
            elif name.endswith("classes.weight"):
                parameter.normal_(0.0, 1.0, generator=generator)
            else:
                gain = 1.0 if name.endswith(("judge.weight", "generator.out.weight")) else 2**0.5
                parameter.normal_(0.0, gain * parameter[0].numel() ** -0.5, generator=generator)
        return self

    def forward(self, noise_BZ: torch.Tensor, class_B: torch.Tensor | None = None) -> torch.Tensor:
        """The generator's pictures [B, C, H, W] in [-1, 1]."""
        return self.generator(noise_BZ, class_B)


def build(config: Config) -> GAN:
    """An initialised GAN (from torch's global random state)."""
    return GAN(config).initialize()


def build_empty(config: Config) -> GAN:
    """A GAN whose weights are yet to be loaded."""
    with torch.device("meta"):
        model = GAN(config)
    return model.to_empty(device="cpu")
