"""Collect raw files of any readable kind into document shards."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("collect", "ensure_shards", "read_documents"):
        from aigc_cli.collect import api

        return getattr(api, name)
    raise AttributeError(name)
