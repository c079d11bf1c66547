"""Encoder and decoder with relative positions and a gated feed-forward; parameters named as in T5 1.1.

Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
section 2.1, with the changes of T5 1.1: gated GELU (Shazeer 2020, "GLU Variants Improve Transformer"), a head of its
own. Scores are not divided by sqrt(D); a bias per head and bucket of distance is added to them.

Shapes: B sequences, T target tokens, S source tokens, C width, V vocabulary, H heads, D head width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.layers.linear import Linear
from aigc_cli.models.layers.norm import RMSNorm
from aigc_cli.models.seq2seq.attention import Attention, PositionBias, causal_bias, hide
from aigc_cli.models.seq2seq.config import Config

OUTPUTS = ("o.weight", "wo.weight")  # what writes into the residual stream


class GatedGelu(nn.Module):
    """wo(gelu(wi_0 x) * wi_1 x), GELU in its tanh form. Source: Shazeer 2020, equation 6 (GEGLU)."""

    def __init__(self, width: int, n_ff: int) -> None:
        super().__init__()
        self.wi_0 = Linear(width, n_ff)
        self.wi_1 = Linear(width, n_ff)
        self.wo = Linear(n_ff, width)

    def forward(self, x: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
        """[..., width] -> [..., width]."""
        return self.wo(drop(F.gelu(self.wi_0(x), approximate="tanh") * self.wi_1(x), dropout))


def drop(x: torch.Tensor, dropout: float) -> torch.Tensor:
    """x with a share of its entries set to zero and the others scaled up; x itself at 0."""
    return F.dropout(x, dropout) if dropout else x


class Part(nn.Module):
    """A norm and what stands behind it, under the name that T5 gives it."""

    def __init__(self, config: Config, name: str, inner: nn.Module) -> None:
        super().__init__()
        self.layer_norm = RMSNorm(config.n_embd, config.norm_eps)
        self.add_module(name, inner)
        self.name = name

    @property
    def inner(self) -> Any:
        """The attention or feed-forward."""
        return self.get_submodule(self.name)


class Block(nn.Module):
    """One pre-norm block: self-attention, in the decoder attention to the source, feed-forward."""

    layer: Any  # ModuleList of Part

    def __init__(self, config: Config, *, decoder: bool, first: bool) -> None:
        super().__init__()

        def attention(bias: bool) -> Attention:
            return Attention(config, PositionBias(config, bidirectional=not decoder) if bias else None)

        parts = [Part(config, "SelfAttention", attention(first))]
        if decoder:
            parts.append(Part(config, "EncDecAttention", attention(False)))
        parts.append(Part(config, "DenseReluDense", GatedGelu(config.n_embd, config.n_ff)))
        self.layer = nn.ModuleList(parts)

    def forward(
        self,
        x_BTC: torch.Tensor,
        mask: torch.Tensor,
        source_BSC: torch.Tensor | None = None,
        source_mask: torch.Tensor | None = None,
        dropout: float = 0.0,
    ) -> torch.Tensor:
        """[B, T, C] -> [B, T, C]; mask: float, bias included; source: what the decoder also attends to."""
        for part in self.layer:
            normed = part.layer_norm(x_BTC)
            if part.name == "SelfAttention":
                y_BTC = part.inner(normed, normed, mask, dropout)
            elif part.name == "EncDecAttention":
                y_BTC = part.inner(normed, source_BSC, source_mask, dropout)
            else:
                y_BTC = part.inner(normed, dropout)
            x_BTC = x_BTC + drop(y_BTC, dropout)
        return x_BTC


class Stack(nn.Module):
    """Encoder or decoder: blocks and the last norm."""

    block: Any  # ModuleList of Block

    def __init__(self, config: Config, *, decoder: bool) -> None:
        super().__init__()
        count = config.n_decoder_layer if decoder else config.n_layer
        self.block = nn.ModuleList(Block(config, decoder=decoder, first=i == 0) for i in range(count))
        self.final_layer_norm = RMSNorm(config.n_embd, config.norm_eps)

    @property
    def position_bias(self) -> PositionBias:
        """The first block's, which all blocks share."""
        return self.block[0].layer[0].inner.relative_attention_bias


class Seq2seq(nn.Module):
    """An encoder-decoder model.

    `compute_dtype` (None: the weights' own) is the dtype of activations and matrix products; weights stay as they
    are. `dropout` acts in training mode. state_dict() has the keys of a T5 1.1 checkpoint without its copies of the
    shared embedding.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype: torch.dtype | None = None
        self.dropout = 0.0
        self.shared = nn.Embedding(config.vocab_size, config.n_embd)
        self.encoder = Stack(config, decoder=False)
        self.decoder = Stack(config, decoder=True)
        self.lm_head = None if config.tied else Linear(config.n_embd, config.vocab_size)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator | None = None) -> Seq2seq:
        """Fresh weights: every block starts as the identity, so depth does not blow up the first steps.

        Matrices that write into the stream and an untied head are zero, the others normal with variance 1/n_in, in
        queries 1/(n_in D) since scores are not scaled; the embedding has unit variance, position biases are zero.
        """
        for name, parameter in self.named_parameters():
            if name.endswith(OUTPUTS) or name == "lm_head.weight" or "relative_attention_bias" in name:
                parameter.zero_()
            elif name == "shared.weight":
                parameter.normal_(0.0, 1.0, generator=generator)
            elif parameter.ndim == 2:
                share = self.config.head_dim if name.endswith(".q.weight") else 1
                parameter.normal_(0.0, (parameter.shape[1] * share) ** -0.5, generator=generator)
            else:
                parameter.fill_(1.0)
        return self

    def encode(self, source_BS: torch.Tensor, source_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Hidden states [B, S, C] of the source; source_mask [B, S]: 1 where there is a token."""
        x_BSC, dropout = self._embed(source_BS)
        bias = self.encoder.position_bias(source_BS.shape[1]).to(x_BSC.dtype)
        mask = bias if source_mask is None else hide(bias, source_mask.bool()[:, None, None, :])
        for block in self.encoder.block:
            x_BSC = block(x_BSC, mask, dropout=dropout)
        return drop(self.encoder.final_layer_norm(x_BSC), dropout)

    def hidden(
        self,
        source_BS: torch.Tensor,
        target_BT: torch.Tensor,
        source_mask: torch.Tensor | None = None,
        target_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The decoder's normalised last hidden states [B, T, C]; arguments as in forward."""
        memory_BSC = self.encode(source_BS, source_mask)
        x_BTC, dropout = self._embed(target_BT)
        bias = self.decoder.position_bias(target_BT.shape[1]).to(x_BTC.dtype)
        mask = causal_bias(bias, target_mask)
        cross = None if source_mask is None else source_mask.bool()[:, None, None, :]
        for block in self.decoder.block:
            x_BTC = block(x_BTC, mask, memory_BSC, cross, dropout)
        return drop(self.decoder.final_layer_norm(x_BTC), dropout)

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits [..., V] of hidden states [..., C], in the hidden states' dtype."""
        if self.lm_head is not None:
            return self.lm_head(hidden)
        return F.linear(hidden * self.config.n_embd**-0.5, self.shared.weight.to(hidden.dtype))

    def forward(
        self,
        source_BS: torch.Tensor,
        target_BT: torch.Tensor,
        source_mask: torch.Tensor | None = None,
        target_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits [B, T, V] for the token after each of the decoder's T.

        target: the decoder's input, start token first. The masks [B, S] and [B, T] are 1 where there is a token;
        where padding is at the right, a decoder needs none.
        """
        return self.head(self.hidden(source_BS, target_BT, source_mask, target_mask))

    def _embed(self, ids: torch.Tensor) -> tuple[torch.Tensor, float]:
        x = self.shared(ids)
        dropout = self.dropout if self.training else 0.0
        return drop(x.to(self.compute_dtype or x.dtype), dropout), dropout


def build(config: Config) -> Seq2seq:
    """An initialised model (from torch's global random state).

    >>> build(Config(vocab_size=11, n_layer=1, n_decoder_layer=1, n_embd=16, n_ff=32)).lm_head.weight.shape
    torch.Size([11, 16])
    """
    return Seq2seq(config).initialize()


def build_empty(config: Config) -> Seq2seq:
    """A model whose weights are yet to be loaded."""
    with torch.device("meta"):
        model = Seq2seq(config)
    return model.to_empty(device="cpu")
