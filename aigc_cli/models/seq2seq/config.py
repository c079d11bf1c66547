"""The shape of an encoder-decoder Transformer: one dataclass, stdlib only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from aigc_cli.core.options import opt, refused

# A config.json from elsewhere must not make us build a billion blocks; each bound is far above any published model.
BOUNDS = {
    "vocab_size": 1 << 24,
    "n_layer": 4096,
    "n_decoder_layer": 4096,
    "n_head": 4096,
    "head_dim": 1 << 16,
    "n_embd": 1 << 20,
    "n_ff": 1 << 22,
    "context": 1 << 22,
    "n_bucket": 1 << 16,
    "max_distance": 1 << 22,
}


@dataclass
class Config:
    """Shape of an encoder-decoder Transformer."""

    vocab_size: int = opt(256, "Rows of the embedding.", unit="tokens", min=1)
    n_layer: int = opt(4, "Encoder blocks.", min=1)
    n_decoder_layer: int = opt(4, "Decoder blocks.", min=1)
    n_head: int = opt(6, "Heads of every attention.", min=1)
    head_dim: int = opt(32, "Width of one head; need not be n_embd / n_head.", min=1)
    n_embd: int = opt(192, "Width of the residual stream.", min=1)
    n_ff: int = opt(512, "Width of the feed-forward layer.", min=1)
    context: int = opt(256, "Longest source and longest target.", unit="tokens", min=1)
    n_bucket: int = opt(32, "Buckets of relative positions.", min=4)
    max_distance: int = opt(128, "Distance from which on all share a bucket.", unit="tokens", min=2)
    norm_eps: float = opt(1e-6, "Added to the mean square in RMSNorm.", min=0)
    tied: bool = opt(False, "One matrix serves as embedding and head (T5 1.0); its input is divided by sqrt(n_embd).")
    start_id: int = opt(0, "The token that the decoder begins with: padding.", min=0)

    def __post_init__(self) -> None:
        for name, most in BOUNDS.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"{name} is {value!r}; give 1 to {most:,}")
        if not isinstance(self.norm_eps, int | float) or not 0 <= self.norm_eps < math.inf:
            raise ValueError(f"norm_eps is {self.norm_eps!r}; give a number from 0 on")
        if type(self.tied) is not bool:
            raise ValueError(f"tied is {self.tied!r}; give true or false")
        if self.n_bucket % 4:
            raise ValueError(f"n_bucket is {self.n_bucket}; give a multiple of 4")
        if self.max_distance <= self.n_bucket // 2:
            raise ValueError(
                f"max_distance {self.max_distance} is not above half of the {self.n_bucket} buckets; give more"
            )
        if type(self.start_id) is not int or not 0 <= self.start_id < self.vocab_size:
            raise ValueError(f"start_id is {self.start_id!r}; give 0 to {self.vocab_size - 1}")

    @classmethod
    def from_depth(cls, depth: int, vocab_size: int, context: int = 256, **overrides: Any) -> Config:
        """The one dial: every width from the number of blocks of each stack; keyword arguments override fields.

        Width 48 x depth (rounded up to a multiple of 32, above 384 of 64), heads of 32 up to a width of 384 and of
        64 above, feed-forward 8/3 of the width: the dial of gpt, so that one depth means one width.

        >>> config = Config.from_depth(4, vocab_size=65)
        >>> config.n_embd, config.n_head, config.head_dim, config.n_ff, config.n_decoder_layer
        (192, 6, 32, 512, 4)
        """
        width = overrides.get("n_embd") or _ceil(48 * depth, 32 if 48 * depth <= 384 else 64)
        head_dim = overrides.get("head_dim") or (32 if width <= 384 else 64)
        derived: dict[str, Any] = {
            "n_layer": depth, "n_decoder_layer": depth, "n_embd": width, "head_dim": head_dim,
            "n_head": max(1, width // head_dim), "n_ff": _ceil(width * 8 // 3, 64),
        }  # fmt: skip
        derived.update({key: value for key, value in overrides.items() if value is not None})
        return cls(vocab_size=vocab_size, context=context, **derived)

    def matrix_parameters(self) -> int:
        """Parameters in matrix products: attention (twice in the decoder), feed-forward, head."""
        attention, feed = 4 * self.n_embd * self.n_head * self.head_dim, 3 * self.n_embd * self.n_ff
        blocks = self.n_layer * (attention + feed) + self.n_decoder_layer * (2 * attention + feed)
        return blocks + self.vocab_size * self.n_embd

    def parameters(self) -> int:
        """All stored parameters."""
        norms = (2 * self.n_layer + 3 * self.n_decoder_layer + 2) * self.n_embd
        biases = 2 * self.n_bucket * self.n_head
        return self.matrix_parameters() + norms + biases + (0 if self.tied else self.vocab_size * self.n_embd)


def _ceil(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


@dataclass
class Shape:
    """Shape of the model: one dial, every width overridable."""

    depth: int = opt(4, "Blocks of the encoder and of the decoder; the widths follow.", min=1)
    encoder_layers: int | None = opt(None, "Blocks of the encoder; default depth.", min=1)
    decoder_layers: int | None = opt(None, "Blocks of the decoder; default depth.", min=1)
    length: int | None = opt(
        None, "Longest source and longest target; default: the data's.", unit="tokens", min=2
    )  # fmt: skip
    n_embd: int | None = opt(None, "Width; default 48 x depth.", min=1)
    n_head: int | None = opt(None, "Heads; default width / head_dim.", min=1)
    head_dim: int | None = opt(None, "Width of a head; default 32, from width 385 on 64.", min=1)
    n_ff: int | None = opt(None, "Width of the feed-forward layer; default 8/3 of the width.", min=1)
    n_bucket: int | None = opt(None, "Buckets of relative positions, a multiple of 4; default 32.", min=4)
    max_distance: int | None = opt(
        None, "Distance from which on all positions share a bucket; default 128.", unit="tokens", min=2
    )  # fmt: skip
    tied: Literal["yes", "no"] = opt("no", "One matrix for embedding and head, as in T5 1.0.")

    def config(self, vocab_size: int, record_length: int) -> Config:
        """The Config for a vocabulary and records of `record_length`."""
        names = ("n_embd", "n_head", "head_dim", "n_ff", "n_bucket", "max_distance")
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        values |= {"n_layer": self.encoder_layers, "n_decoder_layer": self.decoder_layers, "tied": self.tied == "yes"}
        try:
            return Config.from_depth(self.depth, vocab_size, self.length or record_length, **values)
        except ValueError as error:
            raise refused(error) from error
