"""The one place where every family attends, and where `recorded` looks over its shoulder.

Shapes: B sequences, H query heads, K key/value heads (K divides H), T queries, S keys, D head width.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import torch
from torch.nn import functional as F

_recorders: list[list[torch.Tensor]] = []


def attend(
    q_BHTD: torch.Tensor,
    k_BKSD: torch.Tensor,
    v_BKSD: torch.Tensor,
    *,
    mask: torch.Tensor | None = None,
    causal: bool = False,
    scale: float | None = None,
    dropout: float = 0.0,
) -> torch.Tensor:
    """softmax(q k' scale + mask) v, [B, H, T, D]; scale None: 1 / sqrt(D).

    mask broadcasts to [B, H, T, S]: bool, True where a query may look, or float, added to the scores. causal: query t
    sees keys 0 ... t. Source: Vaswani et al. 2017, "Attention Is All You Need", equation 1.
    """
    if _recorders:
        _recorders[-1].append(attention_map(q_BHTD, k_BKSD, mask=mask, causal=causal, scale=scale))
    return F.scaled_dot_product_attention(
        q_BHTD, k_BKSD, v_BKSD, attn_mask=mask, is_causal=causal, scale=scale, dropout_p=dropout,
        enable_gqa=q_BHTD.shape[1] != k_BKSD.shape[1],
    )  # fmt: skip


def attention_map(
    q_BHTD: torch.Tensor,
    k_BKSD: torch.Tensor,
    *,
    mask: torch.Tensor | None = None,
    causal: bool = False,
    scale: float | None = None,
) -> torch.Tensor:
    """softmax(q k' scale + mask), [B, H, T, S] in float32: how much each query looks at each key."""
    keys = k_BKSD.float().repeat_interleave(q_BHTD.shape[1] // k_BKSD.shape[1], dim=1)
    scores = q_BHTD.float() @ keys.mT * (1.0 / math.sqrt(q_BHTD.shape[-1]) if scale is None else scale)
    if causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~seen, -math.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask.float()
    return scores.softmax(-1).detach()


@contextlib.contextmanager
def recorded() -> Iterator[list[torch.Tensor]]:
    """The maps [B, H, T, S] of every call of `attend` inside, in the order of the calls."""
    maps: list[torch.Tensor] = []
    _recorders.append(maps)
    try:
        yield maps
    finally:
        _recorders.pop()
