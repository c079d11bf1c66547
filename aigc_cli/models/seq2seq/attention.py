"""T5's attention: scores without scaling, a learned bias per head and bucket of distance.

Shapes: B sequences, T queries, S keys, C width, H heads, D head width.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from aigc_cli.models.layers.attend import attend
from aigc_cli.models.layers.linear import Linear
from aigc_cli.models.seq2seq.config import Config


def buckets(distance: torch.Tensor, *, bidirectional: bool, n_bucket: int, max_distance: int) -> torch.Tensor:
    """The bucket, int64, of each distance (key's position minus query's).

    Half of a direction's buckets hold one distance each, the others grow logarithmically up to max_distance; with
    one direction only, keys to the right count as distance 0. Source: Raffel et al. 2020, section 2.1.
    """
    base = torch.zeros_like(distance)
    if bidirectional:
        n_bucket //= 2
        base = (distance > 0).long() * n_bucket
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = n_bucket // 2
    growth = torch.log(distance.clamp(min=1).float() / exact) / math.log(max_distance / exact)
    far = (exact + (growth * (n_bucket - exact)).long()).clamp(max=n_bucket - 1)
    return base + torch.where(distance < exact, distance, far)


class PositionBias(nn.Embedding):
    """A bias for each (bucket, head)."""

    def __init__(self, config: Config, *, bidirectional: bool) -> None:
        super().__init__(config.n_bucket, config.n_head)
        self.bidirectional, self.max_distance = bidirectional, config.max_distance

    def forward(  # type: ignore[override]
        self, n_keys: int, queries: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The biases [1, H, T, S] for keys 0 ... S; queries: their positions [T], default those of the keys."""
        keys = torch.arange(n_keys, device=self.weight.device)
        queries = keys if queries is None else queries
        found = buckets(
            keys - queries[:, None], bidirectional=self.bidirectional, n_bucket=self.num_embeddings,
            max_distance=self.max_distance,
        )  # fmt: skip
        return super().forward(found).permute(2, 0, 1)[None]


def hide(bias: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """`bias` where `seen` (bool, broadcast), minus infinity elsewhere."""
    return bias.masked_fill(~seen, -math.inf)


def causal_bias(bias_1HTT: torch.Tensor, target_mask: torch.Tensor | None = None) -> torch.Tensor:
    """The decoder's float mask: biases to the left, minus infinity to the right and at padding."""
    n_tokens = bias_1HTT.shape[-1]
    seen = torch.ones(n_tokens, n_tokens, dtype=torch.bool, device=bias_1HTT.device).tril()
    if target_mask is not None:
        seen = seen & target_mask.bool()[:, None, None, :]
        # A padded query sees itself: a row without any key would be NaN and poison the gradients.
        seen = seen | torch.eye(n_tokens, dtype=torch.bool, device=seen.device)
    return hide(bias_1HTT, seen)


class Attention(nn.Module):
    """Multi-head attention of x to a source (itself, or the encoder's output)."""

    def __init__(self, config: Config, bias: PositionBias | None) -> None:
        super().__init__()
        self.head_dim, inner = config.head_dim, config.n_head * config.head_dim
        self.q = Linear(config.n_embd, inner)
        self.k = Linear(config.n_embd, inner)
        self.v = Linear(config.n_embd, inner)
        self.o = Linear(inner, config.n_embd)
        if bias is not None:
            self.relative_attention_bias = bias

    def forward(
        self, x_BTC: torch.Tensor, source_BSC: torch.Tensor, mask: torch.Tensor | None, dropout: float = 0.0
    ) -> torch.Tensor:
        """[B, T, C] -> [B, T, C]; mask as in attend."""
        q_BHTD, k_BHSD, v_BHSD = (
            self.heads(self.q, x_BTC),
            self.heads(self.k, source_BSC),
            self.heads(self.v, source_BSC),
        )
        y_BHTD = attend(q_BHTD, k_BHSD, v_BHSD, mask=mask, scale=1.0, dropout=dropout)
        return self.o(y_BHTD.transpose(1, 2).flatten(2))

    def heads(self, matrix: Linear, x_BTC: torch.Tensor) -> torch.Tensor:
        """[B, T, C] -> [B, H, T, D]."""
        return matrix(x_BTC).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
