"""The option --parity: which rules have datatrove's decisions, and which of their options datatrove has, too."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Iterable
from typing import Any

from aigc_cli.clean.thresholds import STOP_WORDS, table
from aigc_cli.core.errors import ConfigError, MissingExtra, did_you_mean

DATATROVE = "datatrove"
VERSION = "0.10"  # of datatrove, whose decisions these are

# Rules with datatrove's decisions, and the options that its filter has, too. The others must be left as they are.
HONOURED: dict[str, frozenset[str]] = {
    "gopher_quality": frozenset({
        "min_words", "max_words", "min_mean_word_length", "max_mean_word_length", "max_symbol_ratio",
        "max_bullet_lines", "max_ellipsis_lines", "min_alpha_words", "min_stop_words", "by_language",
    }),
    "gopher_repetition": frozenset({
        "dup_lines", "dup_paragraphs", "dup_line_chars", "dup_paragraph_chars", "top_2gram", "top_3gram", "top_4gram",
        *(f"dup_{n}gram" for n in range(5, 11)), "by_language",
    }),
    "c4_quality": frozenset({
        "terminal_punctuation", "min_words_per_line", "max_word_length", "javascript", "citations", "lorem_ipsum",
        "curly_bracket", "min_sentences",
    }),
    "c4_paragraphs": frozenset(),
    "fineweb": frozenset({
        "min_punctuated_lines", "max_short_lines", "short_line", "max_repeated_line_chars", "max_new_lines",
        "by_language",
    }),
}  # fmt: skip


def check(parity: str, rules: Iterable[tuple[str, Any]]) -> None:
    """Raise ConfigError for another tool than datatrove or an option that its filters lack."""
    if parity != DATATROVE:
        raise ConfigError(f"--parity {parity}: there is no such set of rules", did_you_mean(parity, [DATATROVE]))
    for name, options in rules:
        if name not in HONOURED:
            continue
        _check_table(name, getattr(options, "by_language", None))
        for field in dataclasses.fields(options):
            value = getattr(options, field.name)
            if value == _default(field) or field.name in HONOURED[name]:
                continue
            if name == "c4_quality" and field.name == "policy" and not value:
                continue  # datatrove has its own phrases, or none
            listed = ", ".join(sorted(HONOURED[name])) or "it has none"
            raise ConfigError(f"rules: {name}: datatrove's filter has no {field.name}", f"its options: {listed}")


def _check_table(name: str, by_language: str | None) -> None:
    """Raise ConfigError for a threshold that none of datatrove's filters has."""
    known = frozenset({STOP_WORDS}).union(*HONOURED.values())
    for code, row in (table(by_language) if by_language else {}).items():
        for key in row:
            if key not in known:
                raise ConfigError(f"rules: {name}: {by_language}: {code}: datatrove's filters have no {key}",
                                  "leave it out of the table")  # fmt: skip


def settings(parity: str) -> dict[str, str]:
    """What a result depends on besides the rules: the tool and the versions that split words. Raises MissingExtra."""
    return {"tool": f"{parity} {VERSION}", **{name: _version(name) for name in ("spacy", "jieba")}}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingExtra(f"--parity needs the package {package}", "pip install 'aigc-cli[parity]'") from error


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
