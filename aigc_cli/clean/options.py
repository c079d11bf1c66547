"""Options of clean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aigc_cli.core.options import opt


@dataclass
class CleanOptions:
    """What to repair, drop and redact."""

    languages: str | None = opt(None, "Keep only these languages, e.g. en,zh.")
    min_words: int | None = opt(
        None, "Fewest words of a document (characters in Chinese and Japanese). Default: 10.", min=0
    )
    dedup: bool = opt(True, "Drop exact and near-duplicates.")
    keep_rejected: bool = opt(False, "Also write the dropped documents, with rule and reason, to DIR/rejected.")
    rules: list[Any] = opt([], "Rules in order: a name, or {name: {option: value}}.", recipe_only=True)
