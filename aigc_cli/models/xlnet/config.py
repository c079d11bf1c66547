"""The shape of an XLNet: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aigc_cli.core.options import opt
from aigc_cli.models.sizes import check_number, check_sizes, from_options, wide_dial


@dataclass
class Config:
    """Shape of an XLNet."""

    vocab_size: int = opt(256, "Rows of the embedding.", unit="tokens", min=1)
    n_layer: int = opt(4, "Transformer blocks.", min=1)
    n_head: int = opt(4, "Heads; must divide n_embd.", min=1)
    n_embd: int = opt(256, "Width of the residual stream; even.", min=2)
    n_ff: int = opt(1024, "Width of the feed-forward layer.", min=1)
    context: int = opt(256, "Longest sequence trained on; positions are relative.", unit="tokens", min=1)
    norm_eps: float = opt(1e-12, "Added to the variance in LayerNorm.", min=0)
    dropout: float = opt(0.0, "Dropout of activations; published: 0.1.", min=0)

    def __post_init__(self) -> None:
        check_sizes(self)
        check_number(self, "norm_eps")
        check_number(self, "dropout", below=1)
        if self.n_embd % self.n_head or self.n_embd % 2:
            raise ValueError(f"n_embd {self.n_embd} is odd or no multiple of n_head {self.n_head}; give another")

    @property
    def head_dim(self) -> int:
        """Width of a head."""
        return self.n_embd // self.n_head

    @classmethod
    def from_depth(cls, depth: int, vocab_size: int, context: int = 256, **overrides: Any) -> Config:
        """The one dial (sizes.py: wide_dial); keyword arguments override single fields.

        Depth 12 is the published base model. Source: Yang et al. 2019, "XLNet", appendix A.4.

        >>> config = Config.from_depth(12, vocab_size=32000, context=512)
        >>> config.n_embd, config.n_head, config.n_ff
        (768, 12, 3072)
        """
        return cls(vocab_size=vocab_size, context=context, **{"n_layer": depth, **wide_dial(depth, overrides)})

    def matrix_parameters(self) -> int:
        """Parameters in matrix products of the blocks."""
        return self.n_layer * (5 * self.n_embd**2 + 2 * self.n_embd * self.n_ff)

    def parameters(self) -> int:
        """All stored parameters."""
        c = self.n_embd
        vectors = self.n_layer * (3 * c + 2 * c + 4 * c + self.n_ff + c)  # biases of heads, segments, norms, layers
        return self.matrix_parameters() + vectors + self.vocab_size * (c + 1) + c


@dataclass
class Shape:
    """Shape of the model: one dial, every width overridable."""

    depth: int = opt(4, "Transformer blocks; the widths follow.", min=1)
    length: int | None = opt(None, "Longest sequence; default: the records' length.", unit="tokens", min=2)
    n_embd: int | None = opt(None, "Width; default 64 x depth.", min=2)
    n_head: int | None = opt(None, "Heads; default width / 64, below width 256 width / 32.", min=1)
    n_ff: int | None = opt(None, "Width of the feed-forward layer; default 4 x the width.", min=1)

    def config(self, vocab_size: int, record_length: int) -> Config:
        """The Config for a vocabulary and token records of `record_length`."""
        values = {k: v for k, v in vars(self).items() if k not in ("depth", "length")}
        with from_options():
            return Config.from_depth(self.depth, vocab_size, self.length or record_length, **values)
