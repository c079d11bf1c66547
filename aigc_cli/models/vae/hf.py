"""VAE's Config as config.json, and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from aigc_cli.models.public_config import built, check_kind, renamed
from aigc_cli.models.vae.config import Config

NAMES = {field.name: field.name for field in fields(Config)}


def to_hf_config(config: Config) -> dict[str, Any]:
    """The config.json.

    >>> to_hf_config(Config())["model_type"]
    'aigc_vae'
    """
    values = {name: getattr(config, name) for name in NAMES}
    lists = {name: list(values[name]) for name in ("widths", "levels")}
    return {"architectures": ["VAE"], "model_type": "aigc_vae", "dtype": "float32", **values, **lists}


def from_hf_config(hf: dict[str, Any]) -> Config:
    """Our Config from such a config.json. Raises DataError for a damaged one."""
    check_kind(hf, "vae", "aigc_vae")
    return built(Config, renamed(hf, NAMES), NAMES)
