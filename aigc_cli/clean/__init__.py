"""Clean documents: repair, filter, redact, deduplicate."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "clean":
        from aigc_cli.clean.api import clean

        return clean
    raise AttributeError(name)
