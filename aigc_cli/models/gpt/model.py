"""GPT: RMSNorm, rotary positions, query-key norm, SwiGLU; parameters named as in Qwen3ForCausalLM.

Shapes: B sequences, T tokens, C width, V vocabulary, D head width, S stored tokens.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.models.gpt.config import Config
from aigc_cli.models.layers.attention import CausalAttention
from aigc_cli.models.layers.cache import KVCache
from aigc_cli.models.layers.linear import Linear
from aigc_cli.models.layers.mlp import SwiGLU
from aigc_cli.models.layers.norm import RMSNorm
from aigc_cli.models.layers.rope import rope_tables


class Block(nn.Module):
    """One pre-norm Transformer block."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.n_embd, config.norm_eps)
        self.self_attn = CausalAttention(
            config.n_embd, config.n_head, config.n_kv_head, config.head_dim, config.norm_eps
        )
        self.post_attention_layernorm = RMSNorm(config.n_embd, config.norm_eps)
        self.mlp = SwiGLU(config.n_embd, config.n_ff)

    def forward(
        self,
        x_BTC: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        mask: torch.Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
    ) -> torch.Tensor:
        """[B, T, C] -> [B, T, C]; the arguments are CausalAttention's."""
        x_BTC = x_BTC + self.self_attn(self.input_layernorm(x_BTC), cos, sin, mask, cache, layer)
        return x_BTC + self.mlp(self.post_attention_layernorm(x_BTC))


class Backbone(nn.Module):
    """Embedding, blocks and the last norm: the part that the public names put under `model.`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.n_embd)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = RMSNorm(config.n_embd, config.norm_eps)


class GPT(nn.Module):
    """A decoder-only language model.

    `compute_dtype` (None: the weights' own) is the dtype of activations and matrix products; weights stay as
    they are. state_dict() has exactly the keys of a Qwen3ForCausalLM checkpoint.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype: torch.dtype | None = None
        self.model = Backbone(config)
        self.lm_head = None if config.tied else Linear(config.n_embd, config.vocab_size)
        self._rope: tuple[torch.Tensor, torch.Tensor] | None = None

    @torch.no_grad()
    def initialize(self, generator: torch.Generator | None = None) -> GPT:
        """Fresh weights: every block starts as the identity, so depth does not blow up the first steps.

        Output projections and an untied head are zero, other matrices normal with variance 1/n_in, an untied
        embedding has unit variance, a tied one 1/width (its logits then start near unit variance).
        """
        for name, parameter in self.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")) or name == "lm_head.weight":
                parameter.zero_()
            elif name.endswith("embed_tokens.weight"):
                deviation = self.config.n_embd**-0.5 if self.config.tied else 1.0
                parameter.normal_(0.0, deviation, generator=generator)
            elif parameter.ndim == 2:
                parameter.normal_(0.0, parameter.shape[1] ** -0.5, generator=generator)
            else:
                parameter.fill_(1.0)
        return self

    def new_cache(self, batch: int, capacity: int | None = None) -> KVCache:
        """An empty cache for `batch` sequences of up to `capacity` tokens (default: the context)."""
        weight, c = self.model.embed_tokens.weight, self.config
        dtype = self.compute_dtype or weight.dtype
        return KVCache(c.n_layer, batch, c.n_kv_head, capacity or c.context, c.head_dim, weight.device, dtype)

    def hidden(
        self,
        input_ids_BT: torch.Tensor,
        cache: KVCache | None = None,
        positions: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The normalised last hidden states [B, T, C]; arguments as in forward."""
        n_tokens = input_ids_BT.shape[1]
        mask = self._mask(n_tokens, cache, attention_mask)
        if positions is None and cache is not None:
            positions = cache.positions(n_tokens)
        x_BTC = self.model.embed_tokens(input_ids_BT)
        x_BTC = x_BTC.to(self.compute_dtype or x_BTC.dtype)
        cos, sin = (t.to(x_BTC.dtype) for t in self._tables(n_tokens, positions, x_BTC.device))
        for index, block in enumerate(self.model.layers):
            x_BTC = block(x_BTC, cos, sin, mask, cache, index)
        if cache is not None:
            cache.advance(n_tokens)
        return self.model.norm(x_BTC)

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits [..., V] of hidden states [..., C], in the hidden states' dtype."""
        if self.lm_head is not None:
            return self.lm_head(hidden)
        return F.linear(hidden, self.model.embed_tokens.weight.to(hidden.dtype))

    def forward(
        self,
        input_ids_BT: torch.Tensor,
        cache: KVCache | None = None,
        positions: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits [B, T, V] for the token after each of the T given ones.

        cache: appended to and read from (see KVCache). positions: int64 [B, T], default 0.. or the cache's
        lengths. attention_mask: [B, T], 0 at padding, for sequences padded on the left (no cache).
        """
        return self.head(self.hidden(input_ids_BT, cache, positions, attention_mask))

    def _tables(
        self, n_tokens: int, positions: torch.Tensor | None, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """cos and sin that broadcast to [B, H, T, D]; those of the whole context are kept."""
        c = self.config
        size = max(c.context, n_tokens)
        if self._rope is None or self._rope[0].device != device or self._rope[0].shape[0] < size:
            with torch.inference_mode(False), torch.no_grad():
                self._rope = rope_tables(torch.arange(size, device=device), c.head_dim, c.rope_theta)
        if positions is None:
            return self._rope[0][:n_tokens], self._rope[1][:n_tokens]
        if int(positions.max()) < size:
            return self._rope[0][positions][:, None], self._rope[1][positions][:, None]
        cos, sin = rope_tables(positions, c.head_dim, c.rope_theta)
        return cos[:, None], sin[:, None]

    @staticmethod
    def _mask(n_tokens: int, cache: KVCache | None, attention_mask: torch.Tensor | None) -> torch.Tensor | None:
        """bool [B, 1, T, S], or None where plain causal attention (or a single query) needs none."""
        if cache is not None:
            if attention_mask is not None:
                raise ValueError("attention_mask does not go with a cache; set cache.lengths instead")
            if cache.uniform and (n_tokens == 1 or cache.lengths[0] == 0):
                return None
            stored = torch.arange(max(cache.lengths) + n_tokens, device=cache.keys_LBKND.device)
            return (stored <= cache.positions(n_tokens)[..., None])[:, None]
        if attention_mask is None:
            return None
        causal = torch.ones(n_tokens, n_tokens, dtype=torch.bool, device=attention_mask.device).tril()
        mask = causal & attention_mask.bool()[:, None, None, :]
        # A padded query sees itself: a row without any key would be NaN and poison the gradients.
        return mask | torch.eye(n_tokens, dtype=torch.bool, device=mask.device)


def build(config: Config) -> GPT:
    """An initialised GPT (from torch's global random state).

    >>> build(Config(vocab_size=11, n_layer=1, n_embd=16, n_ff=32)).lm_head is None
    True
    """
    return GPT(config).initialize()


def build_empty(config: Config) -> GPT:
    """A GPT whose weights are yet to be loaded."""
    with torch.device("meta"):
        model = GPT(config)
    return model.to_empty(device="cpu")
