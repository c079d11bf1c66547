"""The shape of a GAN: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt

TRUNKS = ("dcgan", "residual")
BOUNDS = {"size": 4096, "n_channel": 64, "n_noise": 1 << 16, "n_block": 64}
MOST_WIDTH, MOST_LABELS = 1 << 16, 1 << 16


@dataclass
class Config:
    """Shape of a GAN."""

    size: int = opt(28, "Height and width of a picture.", unit="pixels", min=2)
    n_channel: int = opt(1, "Channels of a picture: 1 grey, 3 RGB.", min=1)
    trunk: str = opt("dcgan", "dcgan: strided convolutions with batch norm; residual: blocks without any norm.")
    widths: tuple[int, ...] = opt((32, 64, 128), "Channels from the largest scale to the smallest.")
    n_block: int = opt(1, "residual: blocks a scale.", min=1)
    n_noise: int = opt(64, "Normal numbers that a picture is drawn from.", min=1)
    labels: tuple[str, ...] = opt((), "Names of the classes; none: unconditional.")

    def __post_init__(self) -> None:
        self.widths, self.labels = tuple(self.widths), tuple(self.labels)
        for name, most in BOUNDS.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"{name} is {value!r}; give 1 to {most:,}")
        if self.trunk not in TRUNKS:
            raise ValueError(f"trunk is {self.trunk!r}; give one of " + ", ".join(TRUNKS))
        if not 2 <= len(self.widths) <= 8 or any(type(w) is not int or not 1 <= w <= MOST_WIDTH for w in self.widths):
            raise ValueError(f"widths are {self.widths!r}; give 2 to 8 whole numbers from 1 on")
        if self.size % (1 << (len(self.widths) - 1)):
            raise ValueError(f"size {self.size} cannot be halved {len(self.widths) - 1} times; give fewer widths")
        if len(set(self.labels)) != len(self.labels) or len(self.labels) > MOST_LABELS:
            raise ValueError(f"labels are {len(self.labels)}; give up to {MOST_LABELS:,} different ones")

    @property
    def smallest(self) -> int:
        """Height and width of the smallest scale."""
        return self.size >> (len(self.widths) - 1)
