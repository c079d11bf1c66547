"""aigc: a command-line toolkit that goes from a folder of raw files to a shipped generative model."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "load":
        from aigc_cli.models.bundle import Bundle

        return Bundle.open
    if name == "Shards":
        from aigc_cli.core.shards import Shards

        return Shards
    raise AttributeError(f"module 'aigc_cli' has no attribute '{name}'")
