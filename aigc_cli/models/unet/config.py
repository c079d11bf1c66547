"""The shape of a UNet: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt
from aigc_cli.models.sizes import from_options

PREDICTIONS = ("velocity", "epsilon", "v", "data", "edm")
PATHS = ("flow", "linear", "cosine", "edm")
MOST_SIDE, MOST_CLASSES, MOST_WIDTH = 4096, 1 << 16, 1 << 16


@dataclass
class Config:
    """Shape of a UNet."""

    size: int = opt(32, "Height and width of a picture.", unit="pixels", min=2)
    n_channel: int = opt(3, "Channels of a picture: 1 grey, 3 RGB.", min=1)
    widths: tuple[int, ...] = opt((32, 64), "Channels at each scale; every scale is half as high and wide.")
    n_block: int = opt(1, "Residual blocks a scale.", min=1)
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

        if self.path == "edm" and self.prediction != "edm":
            raise ValueError(f"path edm with prediction {self.prediction} is not bounded; give prediction edm")

    @property
    def n_embd(self) -> int:
        """Width of the condition: time and class."""
        return 4 * self.widths[0]

    @property
    def card(self) -> dict[str, str]:
        """What the model card says of it."""
        classes = f", {len(self.labels)} classes" if self.labels else ""
        kind = "grey" if self.n_channel == 1 else "RGB" if self.n_channel == 3 else f"{self.n_channel} channels"
        about = f"Pictures of {self.size} x {self.size}, {kind}{classes}; channels {', '.join(map(str, self.widths))}."
        return {"about": f"{about} Path {self.path}, prediction {self.prediction}."}

    def parameters(self) -> int:
        """All stored parameters."""
        e, widths, pixels = self.n_embd, self.widths, self.n_channel * self.patch**2

        def conv(a: int, b: int, kernel: int = 3, bias: bool = True) -> int:
            return a * b * kernel**2 + b * bias

        def stage(a: int, b: int, attends: bool) -> int:
            block = 2 * a + conv(a, b) + 2 * b + conv(b, b) + 2 * b * (e + 1) + (a * b if a != b else 0)
            return block + (2 * b + 3 * b * b + conv(b, b, 1) if attends else 0)

        attends = [scale >= len(widths) - self.attention for scale in range(len(widths))]
        total = 2 * widths[0] * e + e + e * e + e + (len(self.labels) + 1) * e * bool(self.labels)
        total += conv(pixels, widths[0]) + 2 * widths[0] + conv(widths[0], pixels)
        width, kept = widths[0], [widths[0]]
        for scale, wide in enumerate(widths):
            for _ in range(self.n_block):
                total += stage(width, wide, attends[scale])
                width = wide
                kept.append(width)
            if scale + 1 < len(widths):
                total += conv(width, width)
                kept.append(width)
        total += stage(width, width, self.attention > 0) + stage(width, width, False)
        for scale in reversed(range(len(widths))):
            for _ in range(self.n_block + 1):
                total += stage(width + kept.pop(), widths[scale], attends[scale])
                width = widths[scale]
            total += conv(width, width) if scale else 0
        return total


@dataclass
class Shape:
    """Shape of the model: one dial, the rest overridable."""

    width: int = opt(32, "Channels at the largest scale; twice as many at each smaller one.", min=8)
    scales: int = opt(2, "Scales, each half as high and wide as the one before.", min=1, max=8)
    n_block: int = opt(1, "Residual blocks a scale.", min=1)
    attention: int = opt(1, "Lowest scales with attention.", min=0)
    head_dim: int = opt(32, "Width of an attention head.", min=1)
    patch: int = opt(2, "Pixels of each side that the first layer joins into one place.", min=1)

    def config(self, size: int, n_channel: int, labels: tuple[str, ...], prediction: str, path: str) -> Config:
        """The Config for pictures of `size` with those classes."""
        widths = tuple(self.width << scale for scale in range(self.scales))
        with from_options():
            return Config(
                size=size, n_channel=n_channel, widths=widths, n_block=self.n_block, attention=self.attention,
                head_dim=self.head_dim, patch=self.patch, labels=labels, prediction=prediction, path=path,
            )  # fmt: skip
