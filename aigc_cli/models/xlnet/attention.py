"""XLNet's relative attention, on one stream at a time.

Shapes: B sequences, T tokens, P queries, C width, H heads, D head width, R = 2 T relative positions.
Source: Yang et al. 2019, "XLNet", sections 2.3 to 2.5 and appendix A.2; Dai et al. 2019, "Transformer-XL", section 3.3.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.layers.attend import attend
from aigc_cli.models.layers.norm import LayerNorm

NEVER = -1e30  # added to a forbidden score; a query that may look nowhere looks everywhere alike


def distances(n_tokens: int, width: int) -> torch.Tensor:
    """Sinusoids of the distances T, T - 1, ..., 1 - T, [R, C]."""
    rate = 10000.0 ** (-torch.arange(0, width, 2).float() / width)
    angle = torch.arange(n_tokens, -n_tokens, -1).float()[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], -1)


class RelativeAttention(nn.Module):
    """Attention with relative positions and segments, residual and LayerNorm; parameters have public names."""

    q: nn.Parameter
    k: nn.Parameter
    v: nn.Parameter
    o: nn.Parameter
    r: nn.Parameter
    r_r_bias: nn.Parameter
    r_s_bias: nn.Parameter
    r_w_bias: nn.Parameter

    def __init__(self, n_embd: int, n_head: int, norm_eps: float = 1e-12) -> None:
        super().__init__()
        width = n_embd // n_head
        for name in "qkvor":
            setattr(self, name, nn.Parameter(torch.randn(n_embd, n_head, width) * 0.02))
        for name in ("r_r_bias", "r_s_bias", "r_w_bias"):
            setattr(self, name, nn.Parameter(torch.zeros(n_head, width)))
        self.seg_embed = nn.Parameter(torch.randn(2, n_head, width) * 0.02)
        self.layer_norm = LayerNorm(n_embd, norm_eps)

    def forward(
        self,
        query_BPC: torch.Tensor,
        content_BTC: torch.Tensor,
        at_BP: torch.Tensor,
        segment_BT: torch.Tensor | None,
        hidden_BPT: torch.Tensor,
        place_RC: torch.Tensor | None = None,
        dropout: float = 0.0,
    ) -> torch.Tensor:
        """The streams after attention, [B, P, C].

        at_BP: where queries stand; hidden_BPT: True for what they may not see; segment_BT None: all in one, which
        adds the same to every score of a query and is left out; place_RC: `distances`, where they are made already.
        """
        n_tokens, width = content_BTC.shape[1], self.seg_embed.shape[-1]
        scale, dtype = width**-0.5, query_BPC.dtype
        if place_RC is None:
            place_RC = distances(n_tokens, content_BTC.shape[2])
        q = self._heads(query_BPC, self.q)
        k, v = self._heads(content_BTC, self.k), self._heads(content_BTC, self.v)
        r = self._heads(place_RC.to(content_BTC)[None], self.r)[0]
        by_place = (q + self.r_r_bias[:, None].to(dtype)) @ r.mT
        shift = n_tokens - at_BP[..., None] + torch.arange(n_tokens, device=q.device)
        bias = by_place.gather(3, shift[:, None].expand(-1, q.shape[1], -1, -1))
        if segment_BT is not None:
            of_segment = (q + self.r_s_bias[:, None].to(dtype)) @ self.seg_embed.permute(1, 2, 0).to(dtype)
            other = segment_BT.gather(1, at_BP)[..., None] != segment_BT[:, None]
            bias = bias + of_segment.gather(3, other.long()[:, None].expand_as(bias))
        bias = (bias * scale).masked_fill(hidden_BPT[:, None], max(NEVER, torch.finfo(dtype).min))
        seen = attend(q + self.r_w_bias[:, None].to(dtype), k, v, mask=bias, scale=scale, dropout=dropout)
        out = seen.transpose(1, 2).flatten(2) @ self.o.flatten(1).mT.to(dtype)
        return self.layer_norm(query_BPC + F.dropout(out, dropout))

    @staticmethod
    def _heads(x_BTC: torch.Tensor, weight_CHD: torch.Tensor) -> torch.Tensor:
        """[B, H, T, D]."""
        c, n_head, width = weight_CHD.shape
        return (x_BTC @ weight_CHD.view(c, -1).to(x_BTC.dtype)).unflatten(-1, (n_head, width)).transpose(1, 2)
