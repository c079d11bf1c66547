"""XLNet's Config as the config.json of XLNetLMHeadModel, and back (parameters already have public names)."""

from __future__ import annotations

from typing import Any

from aigc_cli.core.errors import DataError
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
    if hf.get("model_type") != "xlnet":
        raise DataError(f"config.json says model_type {hf.get('model_type')!r}", "xlnet reads 'xlnet'")
    for key, wanted in FIXED.items():
        if hf.get(key, wanted) != wanted:
            raise DataError(f"config.json says {key} {hf[key]!r}", f"xlnet reads {key} {wanted!r} only")
    values = {ours: hf[public] for ours, public in NAMES.items() if hf.get(public) is not None}
    values.setdefault("norm_eps", 1e-12)
    values.setdefault("dropout", 0.1)
    missing = [public for ours, public in NAMES.items() if ours not in values]
    if missing:
        raise DataError(f"config.json lacks {missing}", "take the checkpoint's own config.json")
    try:
        return Config(**values, context=hf.get(CONTEXT) or UNKNOWN_CONTEXT)
    except ValueError as error:
        fact = str(error).partition("; ")[0]
        raise DataError(f"config.json: {fact}", "take the checkpoint's own config.json") from error
