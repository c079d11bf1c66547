"""BERT: post-norm encoder, learned positions, token types; parameters named as in BertForPreTraining.

Shapes: B sequences, T tokens, C width, V vocabulary, H heads, D head width, L labels, N chosen positions.
Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers", section 3 and appendix A.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.bert.config import Config
from aigc_cli.models.layers.attend import attend
from aigc_cli.models.layers.linear import Linear
from aigc_cli.models.layers.norm import LayerNorm

LONGEST_WAVE = 64.0  # radians of the slowest position channel, inverse
SHARPNESS = 2.0  # of the first block's heads; found with the other values on development data (docs/bert.md)


def _module(**parts: nn.Module) -> Any:
    """Parts under the public names, where the public layout has a level without arithmetic of its own."""
    return nn.ModuleDict(parts)


class Block(nn.Module):
    """One post-norm block: x = norm(x + attention(x)), x = norm(x + mlp(x))."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c, self.n_head, self.dropout = config.n_embd, config.n_head, config.dropout
        heads = nn.ModuleDict({name: Linear(c, c, bias=True) for name in ("query", "key", "value")})
        out = _module(dense=Linear(c, c, bias=True), LayerNorm=LayerNorm(c, config.norm_eps))
        self.attention = _module(**{"self": heads, "output": out})
        self.intermediate = _module(dense=Linear(c, config.n_ff, bias=True))
        self.output = _module(dense=Linear(config.n_ff, c, bias=True), LayerNorm=LayerNorm(c, config.norm_eps))

    def forward(self, x_BTC: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """[B, T, C] -> [B, T, C]; mask: bool [B, 1, 1, T], True at keys that may be seen."""
        rate = self.dropout if self.training else 0.0
        heads, out = self.attention["self"], self.attention["output"]
        q, k, v = (heads[n](x_BTC).unflatten(-1, (self.n_head, -1)).transpose(1, 2) for n in ("query", "key", "value"))
        seen_BTC = attend(q, k, v, mask=mask, dropout=rate).transpose(1, 2).flatten(2)
        x_BTC = out["LayerNorm"](x_BTC + F.dropout(out["dense"](seen_BTC), rate))
        wide = F.gelu(self.intermediate["dense"](x_BTC))
        return self.output["LayerNorm"](x_BTC + F.dropout(self.output["dense"](wide), rate))


class Encoder(nn.Module):
    """Embeddings, blocks and the pooler: the part that the public names put under `bert.`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c, self.dropout = config.n_embd, config.dropout
        self.compute_dtype: torch.dtype | None = None
        self.embeddings = _module(
            word_embeddings=nn.Embedding(config.vocab_size, c, padding_idx=config.pad_id),
            position_embeddings=nn.Embedding(config.context, c),
            token_type_embeddings=nn.Embedding(config.n_types, c),
            LayerNorm=LayerNorm(c, config.norm_eps),
        )
        self.encoder = _module(layer=nn.ModuleList(Block(config) for _ in range(config.n_layer)))
        self.pooler = _module(dense=Linear(c, c, bias=True))

    def forward(
        self, ids_BT: torch.Tensor, attention_mask: torch.Tensor | None = None, types_BT: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The last hidden states [B, T, C]; attention_mask [B, T]: 0 at padding; types_BT: default all 0."""
        e = self.embeddings
        types = torch.zeros_like(ids_BT) if types_BT is None else types_BT
        positions = e["position_embeddings"].weight[: ids_BT.shape[1]]
        x_BTC = e["LayerNorm"](e["word_embeddings"](ids_BT) + e["token_type_embeddings"](types) + positions)
        x_BTC = F.dropout(x_BTC.to(self.compute_dtype or x_BTC.dtype), self.dropout, self.training)
        mask = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
        for block in self.encoder["layer"]:
            x_BTC = block(x_BTC, mask)
        return x_BTC

    def pooled(self, x_BTC: torch.Tensor) -> torch.Tensor:
        """tanh of a projection of the first token's state, [B, C]."""
        return torch.tanh(self.pooler["dense"](x_BTC[:, 0]))


class Predictions(nn.Module):
    """The masked-word head without its matrix, which is the word embedding (stored once)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = config.n_embd
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.transform = _module(dense=Linear(c, c, bias=True), LayerNorm=LayerNorm(c, config.norm_eps))


class _Model(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.bert = Encoder(config)

    @property
    def compute_dtype(self) -> torch.dtype | None:
        """The dtype of activations and matrix products (None: the weights' own); weights stay as they are."""
        return self.bert.compute_dtype

    @compute_dtype.setter
    def compute_dtype(self, dtype: torch.dtype | None) -> None:
        self.bert.compute_dtype = dtype

    @torch.no_grad()
    def initialize(self, generator: torch.Generator | None = None) -> _Model:
        """Fresh weights: the first block's heads look at near neighbours (see `_look_beside`).

        Word embeddings have unit norm on average, matrices deviation 0.5 / sqrt(n_in). From the published start
        (deviation 0.02 everywhere) the loss stays at that of single words' frequencies for thousands of steps.
        """
        for name, parameter in self.named_parameters():
            if "embeddings" in name and parameter.ndim == 2:
                parameter.normal_(0.0, self.config.n_embd**-0.5, generator=generator)
            elif parameter.ndim == 2:
                parameter.normal_(0.0, 0.5 * parameter.shape[1] ** -0.5, generator=generator)
            else:
                parameter.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        self._look_beside()
        self.bert.embeddings["word_embeddings"].weight[self.config.pad_id] = 0.0
        return self

    def _look_beside(self) -> None:
        """Position embeddings that are sinusoids in the first D channels, and heads that shift them.

        Channels n and D/2 + n of position t hold cos(w_n t) and sin(w_n t), words leave these channels free. A head's
        key takes them as they are, its query turned by w_n d: the score is the sum of cos(w_n (t + d - s)), highest
        at s = t + d. The heads have d = -1, 1, -2, 2, ...
        """
        c, e, first = self.config, self.bert.embeddings, self.bert.encoder["layer"][0].attention["self"]
        half = c.head_dim // 2
        frequency = LONGEST_WAVE ** -(torch.arange(half) / max(1, half))
        angle = torch.arange(c.context)[:, None] * frequency
        positions, wave = e["position_embeddings"].weight.zero_(), torch.cat([angle.cos(), angle.sin()], -1)
        positions[:, : 2 * half] = wave * (2.0 / c.n_embd) ** 0.5
        for name in ("word_embeddings", "token_type_embeddings"):
            e[name].weight[:, : 2 * half] = 0.0
        for head in range(c.n_head):
            turn = frequency * (head // 2 + 1) * (1 if head % 2 else -1)
            cos, sin = torch.diag(turn.cos()), torch.diag(turn.sin())
            rows = slice(head * c.head_dim, head * c.head_dim + 2 * half)
            rotation = torch.cat([torch.cat([cos, -sin], 1), torch.cat([sin, cos], 1)])
            first["query"].weight[rows, : 2 * half] += SHARPNESS * rotation
            first["key"].weight[rows, : 2 * half] += SHARPNESS * torch.eye(2 * half)


class BERT(_Model):
    """Encoder with masked-word and next-sentence heads; keys of a BertForPreTraining checkpoint."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.cls = _module(predictions=Predictions(config), seq_relationship=Linear(config.n_embd, 2, bias=True))

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits [..., V] of hidden states [..., C]; training gives only the masked ones, [N, C]."""
        p = self.cls["predictions"]
        hidden = p.transform["LayerNorm"](F.gelu(p.transform["dense"](hidden)))
        weight = self.bert.embeddings["word_embeddings"].weight
        return F.linear(hidden, weight.to(hidden.dtype), p.bias.to(hidden.dtype))

    def forward(
        self, ids_BT: torch.Tensor, attention_mask: torch.Tensor | None = None, types_BT: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Word logits [B, T, V] and next-sentence logits [B, 2] (0: B follows A)."""
        x_BTC = self.bert(ids_BT, attention_mask, types_BT)
        return self.head(x_BTC), self.cls["seq_relationship"](self.bert.pooled(x_BTC))


class Classifier(_Model):
    """Encoder with a linear layer over the pooled state; keys of a BertForSequenceClassification checkpoint."""

    def __init__(self, config: Config, n_labels: int) -> None:
        super().__init__(config)
        self.classifier = Linear(config.n_embd, n_labels, bias=True)

    def forward(
        self, ids_BT: torch.Tensor, attention_mask: torch.Tensor | None = None, types_BT: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Label logits [B, L]."""
        pooled = self.bert.pooled(self.bert(ids_BT, attention_mask, types_BT))
        return self.classifier(F.dropout(pooled, self.config.dropout, self.training))


def build(config: Config) -> BERT | Classifier:
    """An initialised BERT, or classifier where the config has labels (from torch's global random state).

    >>> type(build(Config(n_layer=1, n_embd=16, n_ff=32, n_head=2, labels=("a", "b")))).__name__
    'Classifier'
    """
    model = _of(config)
    model.initialize()
    return model


def build_empty(config: Config) -> BERT | Classifier:
    """A BERT or classifier whose weights are yet to be loaded."""
    with torch.device("meta"):
        model = _of(config)
    return model.to_empty(device="cpu")


def _of(config: Config) -> BERT | Classifier:
    return Classifier(config, len(config.labels)) if config.labels else BERT(config)
