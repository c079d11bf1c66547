"""Compress models: distill, quantize, export."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("export", "quantize", "distill"):
        from aigc_cli.compress import api

        return getattr(api, name)
    raise AttributeError(name)
