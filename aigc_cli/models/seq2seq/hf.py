"""Seq2seq's Config as the config.json of T5ForConditionalGeneration, and back (parameters have public names)."""

from __future__ import annotations

from typing import Any

from aigc_cli.core.errors import DataError
from aigc_cli.models.public_config import OWN, built, check_kind, renamed
from aigc_cli.models.seq2seq.config import Config

# ours -> config.json
NAMES = {
    "vocab_size": "vocab_size",
    "n_layer": "num_layers",
    "n_decoder_layer": "num_decoder_layers",
    "n_head": "num_heads",
    "head_dim": "d_kv",
    "n_embd": "d_model",
    "n_ff": "d_ff",
    "context": "n_positions",
    "n_bucket": "relative_attention_num_buckets",
    "max_distance": "relative_attention_max_distance",
    "norm_eps": "layer_norm_epsilon",
    "start_id": "decoder_start_token_id",
}
# transformers' own values where a T5 config.json leaves them out.
DEFAULTS = {"context": 512, "n_bucket": 32, "max_distance": 128, "norm_eps": 1e-6, "start_id": 0}
# A checkpoint may hold the shared embedding under these names, too.
COPIES = {"encoder.embed_tokens.weight": "shared.weight", "decoder.embed_tokens.weight": "shared.weight"}


def to_hf_config(config: Config) -> dict[str, Any]:
    """The config.json that transformers opens as T5ForConditionalGeneration.

    `tie_word_embeddings` also says there whether the head's input is scaled, as ours is exactly when it is tied.

    >>> to_hf_config(Config())["feed_forward_proj"]
    'gated-gelu'
    """
    values = {public: getattr(config, ours) for ours, public in NAMES.items()}
    return {
        "architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "dtype": "float32", "use_cache": True,
        "feed_forward_proj": "gated-gelu", "is_encoder_decoder": True, "dropout_rate": 0.1,
        "initializer_factor": 1.0, "pad_token_id": config.start_id, "tie_word_embeddings": config.tied, **values,
    }  # fmt: skip


def from_hf_config(hf: dict[str, Any]) -> Config:
    """Our Config from a T5 config.json. Raises DataError for what our arithmetic does not have."""
    check_kind(hf, "seq2seq", "t5")
    if hf.get("feed_forward_proj", "relu") != "gated-gelu":
        fact = f"config.json says feed_forward_proj {hf.get('feed_forward_proj', 'relu')!r}"
        raise DataError(fact, "seq2seq reads 'gated-gelu' only: T5 1.1, mT5's layout, Flan-T5")
    values = renamed(hf, NAMES)
    values.setdefault("n_decoder_layer", values.get("n_layer"))
    config = built(Config, {**DEFAULTS, **values, "tied": _tied(hf)}, NAMES)
    config.norm_eps = float(config.norm_eps)
    return config


def _tied(hf: dict[str, Any]) -> bool:
    """Whether the head is the embedding. transformers 5 writes `tie_word_embeddings` true for both kinds, and says by
    `scale_decoder_outputs` which of them it is."""
    scaled = hf.get("scale_decoder_outputs")
    found = hf.get("tie_word_embeddings", True) if scaled is None else scaled
    if type(found) is not bool:
        raise DataError(f"config.json says tie_word_embeddings {found!r}", OWN)
    return found
