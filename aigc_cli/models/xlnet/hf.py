"""XLNet's Config as the config.json of XLNetLMHeadModel, and back (parameters already have public names)."""

from __future__ import annotations

from typing import Any

from aigc_cli.models.public_config import built, check_kind, renamed
from aigc_cli.models.xlnet.config import Config

# ours -> config.json
NAMES = {
    "vocab_size": "vocab_size",
    "n_layer": "n_layer",
    "n_head": "n_head",
    "n_embd": "d_model",
    "n_ff": "d_inner",
    "norm_eps": "layer_norm_eps",
    "dropout": "dropout",
}
CONTEXT = "train_length"  # ours alone: the class itself has no longest sequence
UNKNOWN_CONTEXT = 512

# What our arithmetic fixes: another value means another model.
FIXED = {
    "ff_activation": "gelu", "untie_r": True, "attn_type": "bi", "bi_data": False, "clamp_len": -1,
    "same_length": False, "tie_word_embeddings": True,
}  # fmt: skip
COPIES = {"lm_loss.weight": "transformer.word_embedding.weight"}  # as some checkpoints store it again


def to_hf_config(config: Config) -> dict[str, Any]:
    """The config.json that transformers opens as XLNetLMHeadModel.

    >>> to_hf_config(Config())["model_type"]
    'xlnet'
    """
    values = {public: getattr(config, ours) for ours, public in NAMES.items()}
    return {
        "architectures": ["XLNetLMHeadModel"], "model_type": "xlnet", "dtype": "float32", "initializer_range": 0.02,
        CONTEXT: config.context, **FIXED, **values,
    }  # fmt: skip


def from_hf_config(hf: dict[str, Any]) -> Config:
    """Our Config from an XLNet config.json. Raises DataError for what our arithmetic does not have."""
    check_kind(hf, "xlnet", "xlnet", FIXED)
    usual = {"norm_eps": 1e-12, "dropout": 0.1, "context": hf.get(CONTEXT) or UNKNOWN_CONTEXT}
    return built(Config, {**usual, **renamed(hf, NAMES)}, NAMES)
