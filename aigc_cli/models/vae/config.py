"""The shape of a VAE: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aigc_cli.core.options import opt
from aigc_cli.models.sizes import check_number, from_options

TRUNKS = ("mlp", "conv")
LIKELIHOODS = ("bernoulli", "gaussian")
BOUNDS = {"size": 4096, "n_channel": 64, "n_latent": 1 << 16, "n_block": 64, "n_group": 1 << 10}
MOST_WIDTH = 1 << 16
SMALL = 32  # pixels up to which one vector a picture does


@dataclass
class Config:
    """Shape of a VAE."""

    size: int = opt(28, "Height and width of a picture.", unit="pixels", min=2)
    n_channel: int = opt(1, "Channels of a picture: 1 grey, 3 RGB.", min=1)
    trunk: str = opt("mlp", "mlp: one vector a picture; conv: a small map of vectors, for pictures of 32 pixels on.")
    widths: tuple[int, ...] = opt((512,), "mlp: widths of the hidden layers; conv: channels at each scale.")
    n_block: int = opt(1, "Residual blocks: mlp, of each width; conv, of a scale.", min=1)
    n_latent: int = opt(16, "Latent numbers: of a picture (mlp) or of a place (conv).", min=1)
    levels: tuple[int, ...] = opt((), "Rounds every latent number to so many levels (FSQ); none: Gaussian latents.")
    n_group: int = opt(8, "conv: groups of channels that are normalised together; must divide all widths.", min=1)
    likelihood: str = opt("bernoulli", "Of a pixel given the latents: bernoulli or gaussian (with a learned width).")
    scaling: float = opt(1.0, "Latents times this have a variance near 1, as a model of latents wants them.", min=0)

    def __post_init__(self) -> None:
        self.widths, self.levels = tuple(self.widths), tuple(self.levels)
        for name, most in BOUNDS.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"{name} is {value!r}; give 1 to {most:,}")
        for name, known in (("trunk", TRUNKS), ("likelihood", LIKELIHOODS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; give one of " + ", ".join(known))
        if not 1 <= len(self.widths) <= 8 or any(type(w) is not int or not 1 <= w <= MOST_WIDTH for w in self.widths):
            raise ValueError(f"widths are {self.widths!r}; give 1 to 8 whole numbers from 1 on")
        if any(type(level) is not int or not 2 <= level <= 1 << 16 for level in self.levels):
            raise ValueError(f"levels are {self.levels!r}; give whole numbers from 2 on")
        if self.levels and len(self.levels) != self.n_latent:
            raise ValueError(f"levels are {len(self.levels)}, latent numbers {self.n_latent}; give one level for each")
        check_number(self, "scaling")
        if self.trunk == "conv":
            if self.size % (1 << (len(self.widths) - 1)):
                raise ValueError(f"size {self.size} cannot be halved {len(self.widths) - 1} times; give fewer widths")
            if any(width % self.n_group for width in self.widths):
                raise ValueError(f"n_group {self.n_group} does not divide the widths {self.widths}; give another")

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """(n_latent,) or (n_latent, h, w)."""
        side = self.size >> (len(self.widths) - 1)
        return (self.n_latent,) if self.trunk == "mlp" else (self.n_latent, side, side)

    @property
    def codebook_size(self) -> int:
        """How many different codes a place can have with FSQ, 0 without."""
        size = 1
        for level in self.levels:
            size *= level
        return size if self.levels else 0

    @property
    def n_embd(self) -> int:
        """What AdamW's default rate is scaled by."""
        return max(self.widths)

    @property
    def labels(self) -> tuple[str, ...]:
        """No classes: a VAE draws whatever it saw."""
        return ()

    @property
    def card(self) -> dict[str, str]:
        """What the model card says of it."""
        kind = "grey" if self.n_channel == 1 else "RGB" if self.n_channel == 3 else f"{self.n_channel} channels"
        latents = " x ".join(map(str, self.latent_shape))
        how = f"rounded to {self.levels} levels" if self.levels else "Gaussian"
        about = (
            f"Pictures of {self.size} x {self.size}, {kind}; {latents} latent numbers, {how}; pixels {self.likelihood}."
        )
        return {"about": about}

    def parameters(self) -> int:
        """All stored parameters."""
        moments, pixels = self.n_latent * (1 if self.levels else 2), self.n_channel * self.size**2
        ends = int(self.likelihood == "gaussian")
        if self.trunk == "mlp":
            return ends + _layers(pixels, self.widths, self.n_block, moments) + _layers(
                self.n_latent, self.widths[::-1], self.n_block, pixels
            )  # fmt: skip
        widths, top = self.widths, self.widths[-1]
        middle = 2 * _residual(top, top) + 2 * top + 4 * (top * top + top)
        total = ends + 2 * middle + _conv(moments, moments, 1) + _conv(self.n_latent, self.n_latent, 1)
        total += _conv(self.n_channel, widths[0]) + 2 * top + _conv(top, moments)
        total += _conv(self.n_latent, top) + 2 * widths[0] + _conv(widths[0], self.n_channel)
        for ordered, count in ((widths, self.n_block), (widths[::-1], self.n_block + 1)):
            for i, width in enumerate(ordered):
                total += _residual(ordered[max(0, i - 1)], width) + (count - 1) * _residual(width, width)
                total += _conv(width, width) if i + 1 < len(ordered) else 0
        return total


def _conv(n_in: int, n_out: int, kernel: int = 3) -> int:
    return n_in * n_out * kernel**2 + n_out


def _residual(n_in: int, n_out: int) -> int:
    return (
        2 * n_in
        + _conv(n_in, n_out)
        + 2 * n_out
        + _conv(n_out, n_out)
        + (_conv(n_in, n_out, 1) if n_in != n_out else 0)
    )


def _layers(n_in: int, widths: tuple[int, ...], n_block: int, n_out: int) -> int:
    sizes = (n_in, *widths)
    entries = sum(a * b + b for a, b in zip(sizes, widths, strict=False))
    blocks = sum(n_block * (2 * w + 2 * (w * w + w)) for w in widths)
    return entries + blocks + 2 * widths[-1] + widths[-1] * n_out + n_out


@dataclass
class Shape:
    """Shape of the model."""

    trunk: Literal["auto", "mlp", "conv"] = opt(
        "auto", "One vector a picture, or a small map of vectors; auto: mlp up to 32 pixels, conv above."
    )
    width: int | None = opt(
        None, "mlp: of the hidden layers, default 512; conv: channels at the largest scale, 32.", min=8
    )
    scales: int = opt(3, "conv: scales, each half as high and wide.", min=1, max=8)
    n_block: int = opt(1, "Residual blocks: mlp, of each layer; conv, of a scale.", min=1)
    n_latent: int | None = opt(None, "Latent numbers: mlp, of a picture, default 16; conv, of a place, 4.", min=1)

    def config(self, size: int, n_channel: int, likelihood: str, levels: tuple[int, ...]) -> Config:
        """The Config for pictures of `size`."""
        trunk = self.trunk if self.trunk != "auto" else "mlp" if size <= SMALL and not levels else "conv"
        width = self.width or (512 if trunk == "mlp" else 32)
        widths = (width,) if trunk == "mlp" else tuple(width << scale for scale in range(self.scales))
        n_latent = len(levels) or self.n_latent or (16 if trunk == "mlp" else 4)
        with from_options():
            return Config(
                size=size, n_channel=n_channel, trunk=trunk, widths=widths, n_block=self.n_block, n_latent=n_latent,
                levels=levels, likelihood=likelihood,
            )  # fmt: skip
