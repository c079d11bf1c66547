"""The shape of a GPT: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from aigc_cli.core.options import opt
from aigc_cli.models.sizes import check_flag, check_number, check_sizes, from_options, narrow_dial


@dataclass
class Config:
    """Shape of a GPT."""

    vocab_size: int = opt(256, "Rows of the embedding.", unit="tokens", min=1)
    n_layer: int = opt(4, "Transformer blocks.", min=1)
    n_head: int = opt(4, "Query heads.", min=1)
    n_kv_head: int = opt(4, "Key and value heads; must divide n_head.", min=1)
    head_dim: int = opt(64, "Width of one head; even.", min=2)
    n_embd: int = opt(256, "Width of the residual stream.", min=1)
    n_ff: int = opt(704, "Width of the feed-forward layer.", min=1)
    context: int = opt(256, "Longest sequence.", unit="tokens", min=1)
    rope_theta: float = opt(10000.0, "Base of the rotary positions.", min=1)
    norm_eps: float = opt(1e-6, "Added to the mean square in RMSNorm.", min=0)
    tied: bool = opt(True, "One matrix serves as input embedding and output head.")

    def __post_init__(self) -> None:
        check_sizes(self)
        check_number(self, "rope_theta", least=1)
        check_number(self, "norm_eps")
        check_flag(self, "tied")
        if self.n_head % self.n_kv_head:
            raise ValueError(
                f"n_head {self.n_head} is not a multiple of n_kv_head {self.n_kv_head}; "
                "give an n_kv_head that divides n_head"
            )
        if self.head_dim % 2:
            raise ValueError(f"head_dim is {self.head_dim}; rotary positions need an even one")

    @classmethod
    def from_depth(
        cls, depth: int, vocab_size: int, context: int = 256, tied: bool | None = None, **overrides: Any
    ) -> Config:
        """The one dial (sizes.py: narrow_dial); keyword arguments override single fields.

        tied=None ties the head to the embedding from 4096 tokens on.

        >>> config = Config.from_depth(4, vocab_size=65)
        >>> config.n_embd, config.n_head, config.head_dim, config.n_ff
        (192, 6, 32, 512)
        """
        values = {"n_layer": depth, **narrow_dial(depth, overrides)}
        values.setdefault("n_kv_head", values["n_head"])
        values["tied"] = vocab_size >= 4096 if tied is None else tied
        return cls(vocab_size=vocab_size, context=context, **values)

    def matrix_parameters(self) -> int:
        """Parameters in a matrix product for every token: the head counts, the lookup does not."""
        attention = 2 * self.n_embd * self.head_dim * (self.n_head + self.n_kv_head)
        return self.n_layer * (attention + 3 * self.n_embd * self.n_ff) + self.vocab_size * self.n_embd

    def parameters(self) -> int:
        """All stored parameters."""
        norms = self.n_layer * (2 * self.n_embd + 2 * self.head_dim) + self.n_embd
        return self.matrix_parameters() + norms + (0 if self.tied else self.vocab_size * self.n_embd)

    def flops_per_token(self, context: int | None = None) -> int:
        """Floating-point operations of a training step per token, forward and backward, at full windows.

        Source: Chowdhery et al. 2022, "PaLM", appendix B: 6 N + 12 L H Q T; the causal half is not deducted.
        """
        return 6 * self.matrix_parameters() + 12 * self.n_layer * self.n_head * self.head_dim * (
            context or self.context
        )


@dataclass
class Shape:
    """Shape of the model: one dial, every width overridable."""

    depth: int = opt(4, "Transformer blocks; the widths follow.", min=1)
    length: int | None = opt(None, "Longest sequence; default: the records' length.", unit="tokens", min=2)
    n_embd: int | None = opt(None, "Width; default 48 x depth.", min=1)
    n_head: int | None = opt(None, "Query heads; default width / head_dim.", min=1)
    n_kv_head: int | None = opt(None, "Key and value heads; default n_head.", min=1)
    head_dim: int | None = opt(None, "Width of a head; default 32, from width 385 on 64.", min=2)
    n_ff: int | None = opt(None, "Width of the feed-forward layer; default 8/3 of the width.", min=1)
    rope_theta: float | None = opt(None, "Base of the rotary positions; default 10000.", min=1)
    tied: Literal["auto", "yes", "no"] = opt("auto", "One matrix for embedding and head; auto: from 4096 tokens on.")

    def config(self, vocab_size: int, record_length: int) -> Config:
        """The Config for a vocabulary and token records of `record_length`."""
        values = {k: v for k, v in vars(self).items() if k not in ("depth", "length", "tied") and v is not None}
        context = self.length or record_length
        tied = None if self.tied == "auto" else self.tied == "yes"
        with from_options():
            return Config.from_depth(self.depth, vocab_size, context, tied, **values)
