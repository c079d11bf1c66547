"""GPT's Config as the config.json of Qwen3ForCausalLM, and back (parameters already have public names)."""

from __future__ import annotations

from typing import Any

from aigc_cli.core.errors import DataError
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.public_config import OWN, built, check_kind, renamed

# ours -> config.json
NAMES = {
    "vocab_size": "vocab_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_kv_head": "num_key_value_heads",
    "head_dim": "head_dim",
    "n_embd": "hidden_size",
    "n_ff": "intermediate_size",
    "context": "max_position_embeddings",
    "rope_theta": "rope_theta",
    "norm_eps": "rms_norm_eps",
    "tied": "tie_word_embeddings",
}

# What our arithmetic fixes: another value means another model.
FIXED = {"hidden_act": "silu", "attention_bias": False, "use_sliding_window": False}


def to_hf_config(config: Config) -> dict[str, Any]:
    """The config.json that transformers opens as Qwen3ForCausalLM.

    >>> to_hf_config(Config())["model_type"]
    'qwen3'
    """
    values = {public: getattr(config, ours) for ours, public in NAMES.items()}
    rope = {"rope_type": "default", "rope_theta": config.rope_theta}
    return {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "dtype": "float32", "use_cache": True,
        "initializer_range": 0.02, "attention_dropout": 0.0, **FIXED, **values, "rope_parameters": rope,
    }  # fmt: skip


def from_hf_config(hf: dict[str, Any]) -> Config:
    """Our Config from a Qwen3 config.json. Raises DataError for what our arithmetic does not have."""
    check_kind(hf, "gpt", "qwen3", FIXED)
    rope = hf.get("rope_parameters") or hf.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise DataError(f"config.json says rope_parameters {rope!r}", OWN)
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise DataError(f"config.json scales its rotary positions: {rope}", "gpt reads unscaled ones only")
    values = renamed(hf, NAMES)
    values["rope_theta"] = rope.get("rope_theta", hf.get("rope_theta", 10000.0))
    values.setdefault("tied", False)
    values.setdefault("n_kv_head", values.get("n_head"))
    config = built(Config, values, NAMES)
    config.rope_theta = float(config.rope_theta)
    return config
