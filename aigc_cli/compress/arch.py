"""The numbers of a GPT that an ONNX graph is built from, read from the public config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aigc_cli.core.errors import ConfigError

# What the graph leaves out, with the only value that it supports.
FIXED = {"model_type": "qwen3", "hidden_act": "silu", "attention_bias": False, "use_sliding_window": False}


@dataclass(frozen=True)
class Arch:
    """Sizes of a Qwen3-shaped decoder; `config` is the dictionary that they came from."""

    vocab: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    width: int
    ff: int
    context: int
    theta: float
    eps: float
    tied: bool
    config: Mapping[str, Any]

    @classmethod
    def from_hf(cls, config: Mapping[str, Any]) -> Arch:
        """Sizes from a config.json of Qwen3ForCausalLM. Raises ConfigError for what the graph cannot express."""
        for key, value in FIXED.items():
            if config.get(key, value) != value:
                raise ConfigError(
                    f"the model has {key} = {config[key]!r}", f"ONNX export is written for {key} = {value!r}"
                )
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind != "default":
            raise ConfigError(f"the model scales its rotary embedding ({kind})", "export it with its own tools")
        heads = int(config["num_attention_heads"])
        width = int(config["hidden_size"])
        return cls(
            vocab=int(config["vocab_size"]), layers=int(config["num_hidden_layers"]), heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or width // heads), width=width, ff=int(config["intermediate_size"]),
            context=int(config["max_position_embeddings"]),
            theta=float(rope.get("rope_theta", config.get("rope_theta", 10000.0))),
            eps=float(config.get("rms_norm_eps", 1e-6)), tied=bool(config.get("tie_word_embeddings", False)),
            config=config,
        )  # fmt: skip

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every parameter's public name and shape, as the checkpoint stores them (tied heads are not stored)."""
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocab, self.width)}
        for layer in range(self.layers):
            p = f"model.layers.{layer}."
            shapes |= {
                p + "input_layernorm.weight": (self.width,),
                p + "self_attn.q_proj.weight": (q, self.width),
                p + "self_attn.k_proj.weight": (kv, self.width),
                p + "self_attn.v_proj.weight": (kv, self.width),
                p + "self_attn.o_proj.weight": (self.width, q),
                p + "self_attn.q_norm.weight": (self.head_dim,),
                p + "self_attn.k_norm.weight": (self.head_dim,),
                p + "post_attention_layernorm.weight": (self.width,),
                p + "mlp.gate_proj.weight": (self.ff, self.width),
                p + "mlp.up_proj.weight": (self.ff, self.width),
                p + "mlp.down_proj.weight": (self.width, self.ff),
            }
        shapes["model.norm.weight"] = (self.width,)
        if not self.tied:
            shapes["lm_head.weight"] = (self.vocab, self.width)
        return shapes
