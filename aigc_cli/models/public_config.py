"""Reading the config.json of public checkpoints: what the families' hf.py share. Stdlib only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aigc_cli.core.errors import DataError

OWN = "take the checkpoint's own config.json"
T = TypeVar("T")


def check_kind(hf: Mapping[str, Any], family: str, model_type: str, fixed: Mapping[str, Any] | None = None) -> None:
    """Raises DataError for another `model_type`, or where a key of `fixed` (absent: as wanted) has another value."""
    if hf.get("model_type") != model_type:
        raise DataError(f"config.json says model_type {hf.get('model_type')!r}", f"{family} reads '{model_type}'")
    for key, wanted in (fixed or {}).items():
        if hf.get(key, wanted) != wanted:
            raise DataError(f"config.json says {key} {hf[key]!r}", f"{family} reads {key} {wanted!r} only")


def renamed(hf: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Our names for the public ones (`names`: ours -> public) that stand there and are not null."""
    return {ours: hf[public] for ours, public in names.items() if hf.get(public) is not None}


def built(config: Callable[..., T], values: Mapping[str, Any], names: Mapping[str, str]) -> T:
    """config(**values); DataError when a field of `names` is absent or a value is refused."""
    missing = [public for ours, public in names.items() if values.get(ours) is None]
    if missing:
        raise DataError(f"config.json lacks {missing}", OWN)
    try:
        return config(**values)
    except ValueError as error:
        raise DataError(f"config.json: {str(error).partition('; ')[0]}", OWN) from error
