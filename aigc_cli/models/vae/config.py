"""The shape of a VAE: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt
from aigc_cli.models.sizes import check_number

TRUNKS = ("mlp", "conv")
LIKELIHOODS = ("bernoulli", "gaussian")
BOUNDS = {"size": 4096, "n_channel": 64, "n_latent": 1 << 16, "n_block": 64, "n_group": 1 << 10}
MOST_WIDTH = 1 << 16


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
