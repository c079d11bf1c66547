"""Train generative models: one loop for every family, resumable to the bit."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "train":
        from aigc_cli.train.api import train

        return train
    raise AttributeError(name)
