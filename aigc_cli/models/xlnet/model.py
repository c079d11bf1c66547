"""XLNet: a content stream that reads, and a query stream that predicts a token without seeing it.

Shapes: B sequences, T tokens, P predicted places, C width, V vocabulary, H heads, D head width.
Source: Yang et al. 2019, "XLNet: Generalized Autoregressive Pretraining for Language Understanding", section 2.3.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.layers.linear import Linear
from aigc_cli.models.layers.norm import LayerNorm
from aigc_cli.models.xlnet.attention import RelativeAttention, distances
from aigc_cli.models.xlnet.config import Config

LONGEST_WAVE = 64.0  # radians of the slowest distance channel that fresh heads use, inverse
SHARPNESS = 2.0  # of fresh heads


class FeedForward(nn.Module):
    """norm(x + layer_2(gelu(layer_1(x))))."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.layer_norm = LayerNorm(config.n_embd, config.norm_eps)
        self.layer_1 = Linear(config.n_embd, config.n_ff, bias=True)
        self.layer_2 = Linear(config.n_ff, config.n_embd, bias=True)

    def forward(self, x: torch.Tensor, dropout: float) -> torch.Tensor:
        """[..., C] -> [..., C]."""
        wide = F.dropout(F.gelu(self.layer_1(x)), dropout)
        return self.layer_norm(x + F.dropout(self.layer_2(wide), dropout))


class Block(nn.Module):
    """Relative attention and feed-forward, the same for both streams."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.rel_attn = RelativeAttention(config.n_embd, config.n_head, config.norm_eps)
        self.ff = FeedForward(config)


class Transformer(nn.Module):
    """The part that the public names put under `transformer.`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.mask_emb = nn.Parameter(torch.zeros(1, 1, config.n_embd))
        self.word_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.layer = nn.ModuleList(Block(config) for _ in range(config.n_layer))


class XLNet(nn.Module):
    """A permutation language model; keys of an XLNetLMHeadModel checkpoint (the head is the word embedding).

    `compute_dtype` (None: the weights' own) is the dtype of activations and matrix products.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype: torch.dtype | None = None
        self.transformer = Transformer(config)
        self.lm_loss = nn.ParameterDict({"bias": nn.Parameter(torch.zeros(config.vocab_size))})

    @torch.no_grad()
    def initialize(self, generator: torch.Generator | None = None) -> XLNet:
        """Fresh weights: matrices with deviation 0.5 / sqrt(n_in), embeddings of norm 1; heads that look beside.

        A head's r_r_bias and r of fresh weights make the score of a distance s the sum of cos(w_n (s - d)) over
        some channels n: highest at d = 1, -1, 2, -2, ... for head after head (see models/bert, which needs the same).
        """
        c = self.config.n_embd
        for name, parameter in self.named_parameters():
            if name.endswith("layer_norm.weight"):
                parameter.fill_(1.0)
            elif name.endswith(("bias", "seg_embed")):
                parameter.zero_()
            elif name.endswith(("word_embedding.weight", "mask_emb")):
                parameter.normal_(0.0, c**-0.5, generator=generator)
            else:  # stored [in, heads, width] or [out, in]; o is [out, heads, width]
                n_in = c if parameter.ndim == 3 else parameter.shape[1]
                parameter.normal_(0.0, 0.5 * n_in**-0.5, generator=generator)
        for block in self.transformer.layer:
            assert isinstance(block, Block)
            self._look_beside(block.rel_attn)
        return self

    def _look_beside(self, attention: RelativeAttention) -> None:
        c, width = self.config.n_embd, self.config.head_dim
        rate = 10000.0 ** (-torch.arange(0, c, 2).float() / c)
        fast = int((rate >= 1 / LONGEST_WAVE).sum())
        half = min(width // 2, fast)
        channels = (torch.arange(half) * fast) // max(1, half)
        attention.r.zero_()
        for head in range(self.config.n_head):
            distance = (head // 2 + 1) * (-1 if head % 2 else 1)
            angle = rate[channels] * distance
            for part, (offset, value) in enumerate(((0, angle.sin()), (c // 2, angle.cos()))):
                places = torch.arange(half) + part * half
                attention.r[channels + offset, head, places] = 1.0
                attention.r_r_bias[head, places] = SHARPNESS * value

    def streams(
        self,
        ids_BT: torch.Tensor,
        hidden_BTT: torch.Tensor | None = None,
        at_BP: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        types_BT: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(content stream [B, T, C], query stream [B, P, C] or None where no `at_BP` is given).

        hidden_BTT: True where position i may not see j (transformers' perm_mask); at_BP: the predicted positions,
        different ones in a row; attention_mask [B, T]: 0 at padding.
        """
        n_batch, n_tokens = ids_BT.shape
        t, rate = self.transformer, self.config.dropout if self.training else 0.0
        dtype = self.compute_dtype or t.word_embedding.weight.dtype
        hidden = ids_BT.new_zeros(n_batch, n_tokens, n_tokens, dtype=torch.bool) if hidden_BTT is None else hidden_BTT
        if attention_mask is not None:
            hidden = hidden | ~attention_mask.bool()[:, None]
        # A token sees itself in the content stream, whatever the order.
        own = torch.eye(n_tokens, dtype=torch.bool, device=ids_BT.device)
        places, blind = torch.arange(n_tokens, device=ids_BT.device).expand(n_batch, -1), hidden & ~own
        x = F.dropout(t.word_embedding(ids_BT).to(dtype), rate)
        if at_BP is not None:
            asked = F.dropout(t.mask_emb.to(dtype).expand(n_batch, at_BP.shape[1], -1), rate)
            x = torch.cat([x, asked], 1)
            blind = torch.cat([blind, hidden.gather(1, at_BP[..., None].expand(-1, -1, n_tokens))], 1)
            places = torch.cat([places, at_BP], 1)
        beside = distances(n_tokens, self.config.n_embd).to(x.device)
        for block in t.layer:
            assert isinstance(block, Block)
            x = block.rel_attn(x, x[:, :n_tokens], places, types_BT, blind, beside, rate)
            x = block.ff(x, rate)
        x = F.dropout(x, rate)
        return x[:, :n_tokens], x[:, n_tokens:] if at_BP is not None else None

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits [..., V] of states [..., C]."""
        weight = self.transformer.word_embedding.weight.to(hidden.dtype)
        return F.linear(hidden, weight, self.lm_loss["bias"].to(hidden.dtype))

    def forward(
        self,
        ids_BT: torch.Tensor,
        hidden_BTT: torch.Tensor | None = None,
        at_BP: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        types_BT: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits of the query stream [B, P, V], or without `at_BP` of the content stream [B, T, V]."""
        content, query = self.streams(ids_BT, hidden_BTT, at_BP, attention_mask, types_BT)
        return self.head(content if query is None else query)


def build(config: Config) -> XLNet:
    """An initialised XLNet (from torch's global random state).

    >>> build(Config(vocab_size=11, n_layer=1, n_head=2, n_embd=16, n_ff=32)).lm_loss["bias"].shape
    torch.Size([11])
    """
    return XLNet(config).initialize()


def build_empty(config: Config) -> XLNet:
    """An XLNet whose weights are yet to be loaded."""
    with torch.device("meta"):
        model = XLNet(config)
    return model.to_empty(device="cpu")
