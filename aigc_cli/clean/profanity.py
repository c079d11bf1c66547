"""The project's list of swear words, English and Chinese, and how such lists are read."""

from __future__ import annotations

import unicodedata
from importlib import resources

ENDINGS = ("s", "es", "ed", "er", "ers", "in", "in'", "ing", "y", "face", "head", "wit")  # what * stands for


def builtin() -> list[str]:
    """The words of the list that comes with the project, normalised; see the file for what is in it."""
    return parse((resources.files("aigc_cli.clean") / "profanity.txt").read_text(encoding="utf-8"))


def parse(text: str) -> list[str]:
    """The words of a list: one a line, # begins a comment."""
    return [word for line in text.splitlines() if (word := normalise(line.partition("#")[0]).strip())]


def normalise(text: str) -> str:
    """NFKC (full-width to half-width), lower case, without zero-width characters and accents."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Cf")).lower().replace("’", "'")


def spelled_out(words: list[str]) -> list[str]:
    """The words with each * at the end replaced by nothing and by every ending.

    >>> spelled_out(["mud*"])[:3]
    ['mud', 'muds', 'mudes']
    """
    return [
        form
        for word in words
        for form in ([word.rstrip("*") + end for end in ("", *ENDINGS)] if word.endswith("*") else [word])
    ]
