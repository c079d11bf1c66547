"""The shape of a BERT: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aigc_cli.core.options import opt
from aigc_cli.models.sizes import check_id, check_number, check_sizes, from_options, wide_dial

MOST_LABELS = 1 << 16


@dataclass
class Config:
    """Shape of a BERT."""

    vocab_size: int = opt(256, "Rows of the embedding.", unit="tokens", min=1)
    n_layer: int = opt(4, "Transformer blocks.", min=1)
    n_head: int = opt(4, "Heads; must divide n_embd.", min=1)
    n_embd: int = opt(256, "Width of the residual stream.", min=1)
    n_ff: int = opt(1024, "Width of the feed-forward layer.", min=1)
    context: int = opt(256, "Longest sequence.", unit="tokens", min=1)
    n_types: int = opt(2, "Token types (segments).", min=1)
    norm_eps: float = opt(1e-12, "Added to the variance in LayerNorm.", min=0)
    dropout: float = opt(0.0, "Dropout of activations and attention; published: 0.1.", min=0)
    pad_id: int = opt(0, "Id of the padding token.", min=0)
    labels: tuple[str, ...] = opt((), "Names of the classes; none: masked-word and next-sentence heads.")

    def __post_init__(self) -> None:
        check_sizes(self)
        check_number(self, "norm_eps")
        check_number(self, "dropout", below=1)
        check_id(self, "pad_id")
        if self.n_embd % self.n_head:
            raise ValueError(
                f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}; give one that divides it"
            )
        if len(set(self.labels)) != len(self.labels) or len(self.labels) > MOST_LABELS:
            raise ValueError(f"labels are {len(self.labels)}; give up to {MOST_LABELS:,} different ones")

    @property
    def head_dim(self) -> int:
        """Width of a head."""
        return self.n_embd // self.n_head

    @property
    def card(self) -> dict[str, str]:
        """What a classifier's model card says differently."""
        if not self.labels:
            return {}
        return {"auto_class": "AutoModelForSequenceClassification", "pipeline_tag": "text-classification",
                "use": 'aigc explain classify DIR "a text"'}  # fmt: skip

    def matrix_parameters(self) -> int:
        """Parameters in a matrix product for every token: the blocks; heads see few positions."""
        return self.n_layer * (4 * self.n_embd**2 + 2 * self.n_embd * self.n_ff)

    def parameters(self) -> int:
        """All stored parameters."""
        c, n_labels = self.n_embd, len(self.labels)
        embeddings = (self.vocab_size + self.context + self.n_types + 2) * c
        vectors = self.n_layer * (9 * c + self.n_ff)
        heads = (c + 1) * n_labels if n_labels else self.vocab_size + c * c + 3 * c + 2 * c + 2
        return embeddings + self.matrix_parameters() + vectors + c * c + c + heads

    def flops_per_token(self, context: int | None = None) -> int:
        """Floating-point operations of a training step per token, forward and backward, heads left out.

        Source: Chowdhery et al. 2022, "PaLM", appendix B: 6 N + 12 L C T.
        """
        return 6 * self.matrix_parameters() + 12 * self.n_layer * self.n_embd * (context or self.context)

    @classmethod
    def from_depth(cls, depth: int, vocab_size: int, context: int = 256, **overrides: Any) -> Config:
        """The one dial (sizes.py: wide_dial); keyword arguments override single fields.

        Depth 12 is the published base model. Source: Devlin et al. 2019, "BERT", section 3.

        >>> config = Config.from_depth(12, vocab_size=30522, context=512)
        >>> config.n_embd, config.n_head, config.n_ff
        (768, 12, 3072)
        """
        return cls(vocab_size=vocab_size, context=context, **{"n_layer": depth, **wide_dial(depth, overrides)})


@dataclass
class Shape:
    """Shape of the model: one dial, every width overridable."""

    depth: int = opt(4, "Transformer blocks; the widths follow.", min=1)
    length: int | None = opt(None, "Longest sequence; default: the records' length.", unit="tokens", min=2)
    n_embd: int | None = opt(None, "Width; default 64 x depth.", min=1)
    n_head: int | None = opt(None, "Heads; default width / 64, below width 256 width / 32.", min=1)
    n_ff: int | None = opt(None, "Width of the feed-forward layer; default 4 x the width.", min=1)

    def config(self, vocab_size: int, record_length: int) -> Config:
        """The Config for a vocabulary and token records of `record_length`."""
        values = {k: v for k, v in vars(self).items() if k not in ("depth", "length")}
        with from_options():
            return Config.from_depth(self.depth, vocab_size, self.length or record_length, **values)
