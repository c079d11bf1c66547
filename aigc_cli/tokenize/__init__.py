"""Tokenize documents: train a vocabulary, encode, pack into fixed records."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("tokenize", "ensure_tokens"):
        from aigc_cli.tokenize import api

        return getattr(api, name)
    raise AttributeError(name)
