"""The one place where every family attends, and where `recorded` looks over its shoulder.

Shapes: B sequences, H query heads, K key/value heads (K divides H), T queries, S keys, D head width.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import torch
from torch.nn import functional as F

PLAIN_BYTES = 64 << 20  # of the scores of one call, kept for the backward pass

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
    if _plain_is_faster(q_BHTD, k_BKSD):
        return _plain(q_BHTD, k_BKSD, v_BKSD, mask, causal, scale, dropout)
    return F.scaled_dot_product_attention(
        q_BHTD, k_BKSD, v_BKSD, attn_mask=mask, is_causal=causal, scale=scale, dropout_p=dropout,
        enable_gqa=q_BHTD.shape[1] != k_BKSD.shape[1],
    )  # fmt: skip


def _plain_is_faster(q_BHTD: torch.Tensor, k_BKSD: torch.Tensor) -> bool:
    """Whether to train with two plain products: on a CPU in 16 bits, while the scores fit into memory easily.

    There the blocked kernel's backward pass takes 5 times as long at 64 tokens, 2 times at 256, 1.25 times at 1024.
    """
    batch, n_head, n_queries, _ = q_BHTD.shape
    score_bytes = batch * n_head * n_queries * k_BKSD.shape[2] * q_BHTD.element_size()
    trained = torch.is_grad_enabled() and q_BHTD.requires_grad
    return trained and q_BHTD.device.type == "cpu" and q_BHTD.itemsize == 2 and score_bytes <= PLAIN_BYTES


def _plain(
    q_BHTD: torch.Tensor,
    k_BKSD: torch.Tensor,
    v_BKSD: torch.Tensor,
    mask: torch.Tensor | None,
    causal: bool,
    scale: float | None,
    dropout: float,
) -> torch.Tensor:
    """What `attend` gives, with the scores in memory; a query that may look nowhere looks everywhere."""
    batch, n_head, n_queries, width = q_BHTD.shape
    group, n_keys = n_head // k_BKSD.shape[1], k_BKSD.shape[2]
    if group > 1:
        k_BKSD, v_BKSD = k_BKSD.repeat_interleave(group, 1), v_BKSD.repeat_interleave(group, 1)
    q, k, v = (x.flatten(0, 1) for x in (q_BHTD, k_BKSD, v_BKSD))
    never = torch.finfo(q.dtype).min
    bias = torch.zeros(1, 1, dtype=q.dtype)
    if causal:
        bias = torch.full((n_queries, n_keys), never, dtype=q.dtype).triu(1)
    scores = torch.baddbmm(bias, q, k.mT, alpha=1.0 / math.sqrt(width) if scale is None else scale)
    if mask is not None:
        scores = scores.unflatten(0, (batch, n_head))
        scores = scores.masked_fill(~mask, never) if mask.dtype == torch.bool else scores + mask.to(q.dtype)
        scores = scores.flatten(0, 1)
    shares = F.dropout(scores.softmax(-1), dropout)
    return torch.bmm(shares, v).unflatten(0, (batch, n_head))


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
