"""Word vectors' Config as config.json, and back."""

from __future__ import annotations

from typing import Any

from aigc_cli.core.errors import DataError
from aigc_cli.models.words.config import Config


def to_hf_config(config: Config) -> dict[str, Any]:
    """The config.json."""
    return {"model_type": config.family, "architectures": ["WordVectors"], "dtype": "float32",
            "vocab_size": config.vocab_size, "hidden_size": config.n_embd}  # fmt: skip


def from_hf_config(hf: dict[str, Any]) -> Config:
    """Our Config from a config.json. Raises DataError for a damaged one."""
    try:
        return Config(hf["vocab_size"], hf["hidden_size"], hf["model_type"])
    except (KeyError, ValueError) as error:
        raise DataError(f"config.json: {error}", "train the vectors again") from error
