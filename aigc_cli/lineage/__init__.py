"""From a result back to every raw file and its licence."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "lineage":
        from aigc_cli.lineage.api import lineage

        return lineage
    raise AttributeError(name)
