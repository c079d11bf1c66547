"""The shape of a UNet: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt

PREDICTIONS = ("velocity", "epsilon", "v", "data")
PATHS = ("flow", "linear", "cosine", "edm")
MOST_SIDE, MOST_CLASSES, MOST_WIDTH = 4096, 1 << 16, 1 << 16


@dataclass
class Config:
    """Shape of a UNet."""

    size: int = opt(32, "Height and width of a picture.", unit="pixels", min=2)
    n_channel: int = opt(3, "Channels of a picture: 1 grey, 3 RGB.", min=1)
    widths: tuple[int, ...] = opt((32, 64), "Channels at each scale; every scale is half as high and wide.")
    n_block: int = opt(2, "Residual blocks a scale.", min=1)
    attention: int = opt(1, "Lowest scales with attention.", min=0)
    head_dim: int = opt(32, "Width of an attention head.", min=1)
    patch: int = opt(2, "Pixels of each side that the first layer joins into one place.", min=1)
    labels: tuple[str, ...] = opt((), "Names of the classes; none: unconditional.")
    prediction: str = opt("velocity", "What the output is: " + ", ".join(PREDICTIONS) + ".")
    path: str = opt("flow", "How data become noise: " + ", ".join(PATHS) + ".")

    def __post_init__(self) -> None:
        self.widths, self.labels = tuple(self.widths), tuple(self.labels)
        numbers = {"size": (2, MOST_SIDE), "n_channel": (1, 64), "n_block": (1, 64), "attention": (0, 16),
                   "head_dim": (1, MOST_WIDTH), "patch": (1, 64)}  # fmt: skip
        for name, (least, most) in numbers.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} is {value!r}; give {least} to {most:,}")
        if not 1 <= len(self.widths) <= 8 or any(type(w) is not int or not 8 <= w <= MOST_WIDTH for w in self.widths):
            raise ValueError(f"widths are {self.widths!r}; give 1 to 8 whole numbers from 8 on")
        if self.size % self.patch:
            raise ValueError(f"size {self.size} is not a multiple of patch {self.patch}; give a patch that divides it")
        if self.size // self.patch < 1 << (len(self.widths) - 1):
            raise ValueError(f"size {self.size} is too small for {len(self.widths)} scales; give fewer widths")
        if len(set(self.labels)) != len(self.labels) or len(self.labels) > MOST_CLASSES:
            raise ValueError(f"labels are {len(self.labels)}; give up to {MOST_CLASSES:,} different ones")
        for name, known in (("prediction", PREDICTIONS), ("path", PATHS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; give one of " + ", ".join(known))

    @property
    def n_embd(self) -> int:
        """Width of the condition: time and class."""
        return 4 * self.widths[0]
