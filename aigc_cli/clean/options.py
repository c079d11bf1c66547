"""Options of clean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
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
    against: list[str] = opt(
        [], "Drop duplicates of the documents in this index or in these cleaned shards, too; may be repeated."
    )
    index: Path | None = opt(None, "Add the documents that stay to this index; it is made if there is none.")
    keep_rejected: bool = opt(False, "Also write the dropped documents, with rule and reason, to DIR/rejected.")
    parity: str | None = opt(
        None, "datatrove: its words, decisions and reasons in the rules that it has, too (English and Chinese)."
    )
    rules: list[Any] = opt([], "Rules in order: a name, or {name: {option: value}}.", recipe_only=True)
