"""Postprocess generated text: filter it, correct it."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("filter", "correct"):
        from aigc_cli.postprocess import api

        return getattr(api, name)
    raise AttributeError(f"module 'aigc_cli.postprocess' has no attribute '{name}'")
