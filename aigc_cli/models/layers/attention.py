"""Causal self-attention with grouped queries, normalised queries and keys, and rotary positions.

Shapes: B sequences, T new tokens, S stored tokens, C width, H query heads, K key/value heads, D head width.
"""

from __future__ import annotations

import torch
from torch import nn

from aigc_cli.models.layers.attend import attend
from aigc_cli.models.layers.cache import KVCache
from aigc_cli.models.layers.linear import Linear, side_by_side
from aigc_cli.models.layers.norm import RMSNorm
from aigc_cli.models.layers.rope import rotate


class CausalAttention(nn.Module):
    """Multi-head attention to the left.

    Source: Ainslie et al. 2023, "GQA" (grouped queries); Henry et al. 2020, "Query-Key Normalization for
    Transformers", with an RMSNorm per head as in Qwen3.
    """

    def __init__(self, width: int, n_head: int, n_kv_head: int, head_dim: int, eps: float) -> None:
        super().__init__()
        self.n_head, self.n_kv_head, self.head_dim = n_head, n_kv_head, head_dim
        self.q_proj = Linear(width, n_head * head_dim)
        self.k_proj = Linear(width, n_kv_head * head_dim)
        self.v_proj = Linear(width, n_kv_head * head_dim)
        self.o_proj = Linear(n_head * head_dim, width)
        self.q_norm = RMSNorm(head_dim, eps)
        self.k_norm = RMSNorm(head_dim, eps)

    def forward(
        self,
        x_BTC: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        mask: torch.Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
    ) -> torch.Tensor:
        """[B, T, C] -> [B, T, C]. mask: bool [B, 1, T, S], True where a query may look; None: plain causal.

        With a cache and no mask the T tokens are either the first of their rows or a single one each.
        """
        n_batch, n_tokens, _ = x_BTC.shape
        q, k, v = (
            part.unflatten(-1, (-1, self.head_dim))
            for part in side_by_side(x_BTC, self.q_proj, self.k_proj, self.v_proj)
        )
        q_BHTD = rotate(self.q_norm(q).transpose(1, 2), cos, sin)
        k_BKSD = rotate(self.k_norm(k).transpose(1, 2), cos, sin)
        v_BKSD = v.transpose(1, 2)
        if cache is not None:
            k_BKSD, v_BKSD = cache.append(layer, k_BKSD, v_BKSD)
        y_BHTD = attend(q_BHTD, k_BKSD, v_BKSD, mask=mask, causal=mask is None and n_tokens > 1)
        return self.o_proj(y_BHTD.transpose(1, 2).reshape(n_batch, n_tokens, -1))
