"""The shape of an encoder-decoder Transformer: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from aigc_cli.core.options import opt
from aigc_cli.models.sizes import check_flag, check_id, check_number, check_sizes, from_options, narrow_dial


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
        check_sizes(self)
        check_number(self, "norm_eps")
        check_flag(self, "tied")
        if self.n_bucket % 4:
            raise ValueError(f"n_bucket is {self.n_bucket}; give a multiple of 4")
        if self.max_distance <= self.n_bucket // 2:
            raise ValueError(
                f"max_distance {self.max_distance} is not above half of the {self.n_bucket} buckets; give more"
            )
        check_id(self, "start_id")

    @classmethod
    def from_depth(cls, depth: int, vocab_size: int, context: int = 256, **overrides: Any) -> Config:
        """The one dial (sizes.py: narrow_dial), for both stacks; keyword arguments override single fields.

        >>> config = Config.from_depth(4, vocab_size=65)
        >>> config.n_embd, config.n_head, config.head_dim, config.n_ff, config.n_decoder_layer
        (192, 6, 32, 512, 4)
        """
        values = {"n_layer": depth, "n_decoder_layer": depth, **narrow_dial(depth, overrides)}
        return cls(vocab_size=vocab_size, context=context, **values)

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
        with from_options():
            return Config.from_depth(self.depth, vocab_size, self.length or record_length, **values)
