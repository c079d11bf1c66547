"""UNet's Config as config.json, and back; there is no public class of this layout."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from aigc_cli.models.public_config import built, check_kind, renamed
from aigc_cli.models.unet.config import Config

NAMES = {field.name: field.name for field in fields(Config) if field.name != "labels"}


def to_hf_config(config: Config) -> dict[str, Any]:
    """The config.json.

    >>> to_hf_config(Config())["model_type"]
    'aigc_unet'
    """
    values = {name: getattr(config, name) for name in NAMES}
    labels = {"id2label": {str(number): label for number, label in enumerate(config.labels)}}
    return {"architectures": ["UNet"], "model_type": "aigc_unet", "dtype": "float32", **values,
            "widths": list(config.widths), **labels}  # fmt: skip


def from_hf_config(hf: dict[str, Any]) -> Config:
    """Our Config from such a config.json. Raises DataError for a damaged one."""
    check_kind(hf, "diffusion", "aigc_unet")
    labels = hf.get("id2label") or {}
    named = tuple(str(labels[key]) for key in sorted(labels, key=int))
    return built(Config, {**renamed(hf, NAMES), "labels": named}, NAMES)
