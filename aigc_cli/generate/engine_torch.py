"""GPT decoding with torch: weights packed once at load, keys and values kept in place.

Shapes: B sequences, T new tokens, S stored tokens, C width, V vocabulary, H query heads, K key/value heads,
D head width, N rows of a matrix product (B * T).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from aigc_cli.models.gpt.config import Config
from aigc_cli.models.layers.cache import KVCache

GROWTH = 256  # tokens; the cache grows in steps of at least this, then doubles
SPLIT_FROM = 1 << 17  # entries; below, waking the threads costs more than they save


class _Layer:
    """One block's weights, packed: q, k, v in one matrix, gate and up in another."""

    def __init__(self, weights: dict[str, torch.Tensor], prefix: str, config: Config, pack: _Packer) -> None:
        def get(name: str) -> torch.Tensor:
            return weights[prefix + name + ".weight"]

        query, key = (
            _interleaved(get(f"self_attn.{name}_proj"), count, config.head_dim)
            for name, count in (("q", config.n_head), ("k", config.n_kv_head))
        )
        self.qkv = pack.matrix(torch.cat((query, key, get("self_attn.v_proj"))))
        q_norm, k_norm = (_interleaved(get(f"self_attn.{name}_norm"), 1, config.head_dim) for name in "qk")
        norms = torch.cat((q_norm.expand(config.n_head, -1), k_norm.expand(config.n_kv_head, -1)))
        self.head_norm = norms.to(pack.device, torch.float32)  # [H + K, D]
        self.out = pack.matrix(get("self_attn.o_proj"))
        self.gate_up = pack.matrix(torch.cat((get("mlp.gate_proj"), get("mlp.up_proj"))))
        self.down = pack.matrix(get("mlp.down_proj"))
        self.norm_1 = pack.vector(get("input_layernorm"))
        self.norm_2 = pack.vector(get("post_attention_layernorm"))


class _Packer:
    """Where weights are kept and in how many parts a matrix is split."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype
        self.split = device.type == "cpu" and dtype == torch.float32

    def matrix(self, weight: torch.Tensor) -> _Matrix:
        """A linear map from a checkpoint's [out, in] weight."""
        weight = weight.to(self.device, self.dtype)
        n_out, n_in = weight.shape
        if not self.split:
            return _Matrix(weight.t()[None])
        parts = torch.get_num_threads()
        if n_out % parts or weight.numel() < SPLIT_FROM:
            parts = 1
        return _Matrix(weight.view(parts, n_out // parts, n_in).transpose(1, 2).contiguous())

    def vector(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.to(self.device, torch.float32)


class _Matrix:
    """A linear map, stored as [parts, in, out / parts].

    One row times a matrix is bound by memory. MKL reads a contiguous [in, out] matrix 1.5 times as fast as the
    checkpoint's [out, in], and one part per thread as a batched product 2.2 times as fast (512 x 1024, 2 threads).
    bfloat16 kernels prefer the checkpoint's order: there the one part is a view of it.
    """

    def __init__(self, parts: torch.Tensor) -> None:
        self.parts = parts

    def __call__(self, x_NC: torch.Tensor) -> torch.Tensor:
        """[N, in] -> [N, out]."""
        if self.parts.shape[0] == 1:
            return torch.mm(x_NC, self.parts[0])
        y = torch.bmm(x_NC.expand(self.parts.shape[0], -1, -1), self.parts)
        return y.transpose(0, 1).reshape(x_NC.shape[0], -1)

    def rows(self, ids_N: torch.Tensor) -> torch.Tensor:
        """Rows `ids_N` of the [out, in] matrix, [N, in]: a tied head serves as the embedding too."""
        size = self.parts.shape[2]
        return self.parts[ids_N // size, :, ids_N % size]


class TorchEngine:
    """An Engine (see engine.py) over a GPT's weights by their public names."""

    start: int | None = None

    def __init__(
        self, config: Config, weights: dict[str, torch.Tensor], device: torch.device, dtype: torch.dtype
    ) -> None:
        self.config, self.device, self.dtype = config, device, dtype
        self.vocab_size, self.context = config.vocab_size, config.context
        pack = _Packer(device, dtype)
        self.layers = [_Layer(weights, f"model.layers.{i}.", config, pack) for i in range(config.n_layer)]
        self.norm = pack.vector(weights["model.norm.weight"])
        self.head = pack.matrix(weights["model.embed_tokens.weight" if config.tied else "lm_head.weight"])
        self.embedding = None if config.tied else weights["model.embed_tokens.weight"].to(device, dtype)
        self.turns = _turns(config, device)
        self.cache = self._new_cache(0, 0)

    @torch.inference_mode()
    def prefill(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """See Engine.prefill."""
        lengths = [len(row) for row in ids]
        ids_BT = torch.zeros(len(ids), max(lengths), dtype=torch.int64)
        for row, values in enumerate(ids):
            ids_BT[row, : lengths[row]] = torch.as_tensor(values)
        self.cache = self._new_cache(len(ids), min(max(lengths) + GROWTH, max(self.context, max(lengths))))
        hidden_BTC = self._forward(ids_BT.to(self.device), self.cache)
        self.cache.lengths = lengths
        last_B = torch.tensor(lengths, device=self.device) - 1
        return self._logits(hidden_BTC[torch.arange(len(ids), device=self.device), last_B])

    @torch.inference_mode()
    def step(self, ids_B: np.ndarray) -> np.ndarray:
        """See Engine.step."""
        if max(self.cache.lengths) == self.cache.capacity:
            self.cache.grow(GROWTH)
        hidden_BTC = self._forward(torch.as_tensor(ids_B, device=self.device)[:, None], self.cache)
        self.cache.advance(1)
        return self._logits(hidden_BTC[:, 0])

    @torch.inference_mode()
    def reorder(self, rows: np.ndarray) -> None:
        """See Engine.reorder."""
        if list(rows) != list(range(len(self.cache.lengths))):
            self.cache.reorder(np.asarray(rows).tolist())

    def rollback(self, n_tokens: int) -> None:
        """See Engine.rollback."""
        self.cache.rollback(n_tokens)

    @torch.inference_mode()
    def nll(self, ids_BT: np.ndarray) -> np.ndarray:
        """See Engine.nll."""
        ids = torch.as_tensor(np.asarray(ids_BT, dtype=np.int64), device=self.device)
        hidden_BTC = self._forward(ids[:, :-1], None)
        losses = [
            F.cross_entropy(self.head(hidden_TC).float(), targets_T, reduction="none")
            for hidden_TC, targets_T in zip(hidden_BTC, ids[:, 1:], strict=True)  # a row at a time bounds the logits
        ]
        return torch.stack(losses).cpu().numpy()

    def _logits(self, hidden_BC: torch.Tensor) -> np.ndarray:
        return self.head(hidden_BC).float().cpu().numpy()

    def _new_cache(self, batch: int, capacity: int) -> KVCache:
        c = self.config
        return KVCache(c.n_layer, batch, c.n_kv_head, capacity, c.head_dim, self.device, self.dtype)

    def _forward(self, ids_BT: torch.Tensor, cache: KVCache | None) -> torch.Tensor:
        """Normalised last hidden states [B, T, C]; keys and values go into the cache, behind each row's length.

        With a cache, the T tokens are either the first of their rows or a single one each.
        """
        c, (n_batch, n_tokens) = self.config, ids_BT.shape
        ids_N = ids_BT.reshape(-1)
        x_NC = self.head.rows(ids_N) if self.embedding is None else self.embedding[ids_N]
        starts = cache.lengths if cache is not None else [0] * n_batch
        turns, mask = self._geometry(starts, n_tokens)
        n_turned, n_q = c.n_head + c.n_kv_head, c.n_head
        for index, layer in enumerate(self.layers):
            qkv_NHD = layer.qkv(self._rms(x_NC, layer.norm_1)).view(n_batch, n_tokens, -1, c.head_dim)
            turned = self._turned(qkv_NHD[:, :, :n_turned], layer.head_norm, turns).transpose(1, 2)
            q_BHTD, k_BKSD = turned[:, :n_q], turned[:, n_q:]
            v_BKSD = qkv_NHD[:, :, n_turned:].transpose(1, 2)
            if cache is not None:
                k_BKSD, v_BKSD = cache.append(index, k_BKSD, v_BKSD)
            y_BHTD = F.scaled_dot_product_attention(
                q_BHTD, k_BKSD, v_BKSD, attn_mask=mask, is_causal=n_tokens > 1, enable_gqa=c.n_head != c.n_kv_head
            )
            x_NC = x_NC + layer.out(y_BHTD.transpose(1, 2).reshape(n_batch * n_tokens, -1))
            gate_NF, up_NF = layer.gate_up(self._rms(x_NC, layer.norm_2)).chunk(2, dim=-1)
            x_NC = x_NC + layer.down(F.silu(gate_NF) * up_NF)
        return self._rms(x_NC, self.norm).view(n_batch, n_tokens, -1)

    def _geometry(self, starts: list[int], n_tokens: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Rotations that broadcast to [B, T, H, D / 2], and the mask of rows of unequal length."""
        first = starts[0]
        if all(start == first for start in starts):
            return self.turns[first : first + n_tokens, None], None
        starts_B = torch.tensor(starts, device=self.device)
        stored_S = torch.arange(max(starts) + 1, device=self.device)
        return self.turns[starts_B][:, None, None], (stored_S <= starts_B[:, None])[:, None, None]

    def _rms(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x.float(), weight.shape, weight, self.config.norm_eps).to(self.dtype)

    def _turned(self, heads: torch.Tensor, weight: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        """Normalised heads [B, T, H, D], each pair of neighbours turned by its position's angle."""
        heads = F.rms_norm(heads.float(), heads.shape[-1:], None, self.config.norm_eps) * weight
        pairs = torch.view_as_complex(heads.view(*heads.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * turns).flatten(-2).to(self.dtype)


def _interleaved(weight: torch.Tensor, heads: int, head_dim: int) -> torch.Tensor:
    """Rows (or entries) of each head from the order of the two halves to pairs (i, i + D / 2) side by side.

    Rotary positions are then one complex product. Queries and keys are moved alike, so their products stay.
    """
    paired = weight.view(heads, 2, head_dim // 2, *weight.shape[1:]).transpose(1, 2)
    return paired.reshape(weight.shape)


def _turns(config: Config, device: torch.device) -> torch.Tensor:
    """exp(i * position * frequency), complex64 [context, D / 2]. Source: Su et al. 2021, "RoFormer", equation 34."""
    exponent = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    angles = torch.arange(config.context)[:, None].float() * (1.0 / config.rope_theta**exponent)
    return torch.complex(angles.cos(), angles.sin()).to(device)
