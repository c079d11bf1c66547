"""XLNet's relative attention, on one stream at a time.

Shapes: B sequences, T tokens, P queries, C width, H heads, D head width, R = 2 T relative positions.
Source: Yang et al. 2019, "XLNet", sections 2.3 to 2.5 and appendix A.2; Dai et al. 2019, "Transformer-XL", section 3.3.
"""

from __future__ import annotations

import torch
from torch import nn

from aigc_cli.models.layers.attend import attend

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
        self.layer_norm = nn.LayerNorm(n_embd, eps=norm_eps)

    def forward(
        self,
        query_BPC: torch.Tensor,
        content_BTC: torch.Tensor,
        at_BP: torch.Tensor,
        segment_BT: torch.Tensor,
        hidden_BPT: torch.Tensor,
    ) -> torch.Tensor:
        """The stream after attention, [B, P, C]; at_BP: where queries stand, hidden_BPT: not to be seen."""
        n_tokens, scale = content_BTC.shape[1], self.seg_embed.shape[-1] ** -0.5
        place_RC = distances(n_tokens, content_BTC.shape[2]).to(content_BTC)
        q = torch.einsum("bpc,chd->bhpd", query_BPC, self.q)
        k, v = (torch.einsum("btc,chd->bhtd", content_BTC, w) for w in (self.k, self.v))
        r = torch.einsum("rc,chd->hrd", place_RC, self.r)
        by_place = (q + self.r_r_bias[:, None]) @ r.mT
        shift = n_tokens - at_BP[..., None] + torch.arange(n_tokens, device=q.device)
        by_place = by_place.gather(3, shift[:, None].expand(-1, q.shape[1], -1, -1))
        by_segment = torch.einsum("bhpd,shd->bhps", q + self.r_s_bias[:, None], self.seg_embed)
        other = segment_BT.gather(1, at_BP)[..., None] != segment_BT[:, None]
        by_segment = by_segment.gather(3, other.long()[:, None].expand_as(by_place))
        bias = (by_place + by_segment) * scale + hidden_BPT[:, None].to(q.dtype) * NEVER
        seen = attend(q + self.r_w_bias[:, None], k, v, mask=bias, scale=scale)
        mixed: torch.Tensor = self.layer_norm(query_BPC + torch.einsum("bhpd,chd->bpc", seen, self.o))
        return mixed
