"""BERT's Config as the config.json of BertForPreTraining, and back (parameters already have public names)."""

from __future__ import annotations

from typing import Any

from aigc_cli.core.errors import DataError
from aigc_cli.models.bert.config import Config
from aigc_cli.models.public_config import OWN, built, check_kind, renamed

# ours -> config.json
NAMES = {
    "vocab_size": "vocab_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_embd": "hidden_size",
    "n_ff": "intermediate_size",
    "context": "max_position_embeddings",
    "n_types": "type_vocab_size",
    "norm_eps": "layer_norm_eps",
    "dropout": "hidden_dropout_prob",
    "pad_id": "pad_token_id",
}

CLASSIFIER = "BertForSequenceClassification"

# What our arithmetic fixes: another value means another model.
FIXED = {"hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False, "tie_word_embeddings": True}


def to_hf_config(config: Config) -> dict[str, Any]:
    """The config.json that transformers opens as BertForPreTraining or, with labels, BertForSequenceClassification.

    >>> to_hf_config(Config())["model_type"]
    'bert'
    """
    values = {public: getattr(config, ours) for ours, public in NAMES.items()}
    architecture = "BertForPreTraining"
    if config.labels:
        architecture = CLASSIFIER
        values["id2label"] = {str(number): label for number, label in enumerate(config.labels)}
        values["label2id"] = {label: number for number, label in enumerate(config.labels)}
    return {
        "architectures": [architecture], "model_type": "bert", "dtype": "float32", "initializer_range": 0.02,
        "attention_probs_dropout_prob": config.dropout, **FIXED, **values,
    }  # fmt: skip


def from_hf_config(hf: dict[str, Any]) -> Config:
    """Our Config from a BERT config.json. Raises DataError for what our arithmetic does not have."""
    check_kind(hf, "bert", "bert", FIXED)
    values = renamed(hf, NAMES)
    for ours, usual in (("n_types", 2), ("norm_eps", 1e-12), ("dropout", 0.1), ("pad_id", 0)):
        values.setdefault(ours, usual)
    values["labels"] = _labels(hf)
    return built(Config, values, NAMES)


def _labels(hf: dict[str, Any]) -> tuple[str, ...]:
    """The classes in the order of their numbers; none for a model without a classifier."""
    if CLASSIFIER not in (hf.get("architectures") or []):
        return ()
    if hf.get("problem_type") not in (None, "single_label_classification"):
        raise DataError(f"config.json says problem_type {hf['problem_type']!r}", "bert reads one label a text only")
    named = hf.get("id2label") or {str(number): f"LABEL_{number}" for number in range(int(hf.get("num_labels", 2)))}
    try:
        return tuple(str(named[key]) for key in sorted(named, key=int))
    except (TypeError, ValueError) as error:
        raise DataError("config.json: id2label is no table of numbers", OWN) from error
