"""Compress models: distill, quantize, export."""

from importlib import import_module
from typing import Any

_HOMES = {"export": "exporting", "quantize": "quantizing", "distill": "distilling"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"aigc_cli.compress.{_HOMES[name]}"), name)
    raise AttributeError(name)
