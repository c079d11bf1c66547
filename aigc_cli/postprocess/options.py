"""Options of `aigc postprocess filter` and `aigc postprocess correct`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aigc_cli.core.options import opt


@dataclass
class FilterOptions:
    """Filter options."""

    rules: list[Any] = opt(
        [], "Rules as a list: - length: {min_words: 5}. Default: all that need no flag.", recipe_only=True
    )
    field: str = opt("text", "Key of a record that holds the text.")
    language: list[str] = opt([], "Keep these languages only, e.g. en; may be repeated.")
    shards: Path | None = opt(None, "Training shards: drop texts that copy a long span of them.", affects_output=False)
    max_copied_words: int = opt(
        50, "With --shards: longest span that may stand in the training text.", unit="words", min=1
    )
    profanity_words: Path | None = opt(None, "File of further words to drop, one a line.", affects_output=False)
    skip: list[str] = opt([], "Leave out this rule; may be repeated.")


@dataclass
class CorrectOptions:
    """Correct options."""

    field: str = opt("text", "Key of a record that holds the text.")
    spelling: bool = opt(True, "Correct English spelling.")
    punctuation: bool = opt(True, "Correct English and Chinese punctuation and spacing.")
    pangu: bool = opt(False, "Put a space between Chinese and Latin letters.")
    capitalised: bool = opt(False, "Correct capitalised words too; names are then at risk.")
    min_confidence: float = opt(0.8, "Share of belief that a spelling needs among all candidates.", min=0.0, max=1.0)
    dictionary: Path | None = opt(None, "File of further words that are right, one a line.", affects_output=False)
    keep_before: bool = opt(False, "Keep the original text of a changed record as text_before.")
    diff: bool = opt(False, "Show every change as a coloured diff on stderr.", affects_output=False)
