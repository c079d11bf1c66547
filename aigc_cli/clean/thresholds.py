"""Thresholds by language: for each document of a batch the ones of its own language, or the rule's options."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_cli.core.errors import ConfigError, did_you_mean
from aigc_cli.core.files import hash_file

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

FINEWEB2 = "fineweb2"
RULES = ("gopher_quality", "gopher_repetition", "fineweb")
STOP_WORDS = "stop_words"
HELP = "Thresholds by language: fineweb2, or a YAML file {language: {option: value}}; null: the same for all."

Table = dict[str, dict[str, Any]]


class Limits:
    """A rule's options, where numbers may be arrays with one entry for each document of a batch."""

    def __init__(self, options: Any, languages: pa.Array) -> None:
        self._options = options
        self._table = table(options.by_language) if options.by_language else {}
        self._rows = rows_by_language(languages) if self._table else {}
        self._count = len(languages)

    def __getattr__(self, name: str) -> float | np.ndarray:
        import numpy as np

        value = getattr(self._options, name)
        given = {code: row[name] for code, row in self._table.items() if name in row and code in self._rows}
        if not given:
            return value
        values = np.full(self._count, np.inf if value is None else value, dtype=np.float64)
        for code, other in given.items():
            values[self._rows[code]] = other
        return values


def table(name: str) -> Table:
    """{language: {threshold: value}} of FINEWEB2 or of a YAML file. Raises ConfigError for unknown thresholds."""
    if name == FINEWEB2:
        from aigc_cli.clean.fineweb2 import table as published

        return published()
    path = table_file(name)
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


def table_file(name: str) -> Path:
    """The YAML file of that name. Raises ConfigError where there is none."""
    path = Path(name)
    if not path.is_file():
        raise ConfigError(f"there is no file {path}", f"by_language takes {FINEWEB2} or a YAML file")
    return path


def described(name: str) -> Any:
    """What a fingerprint holds of by_language: the name of a published table, or a file with its content."""
    return name if name == FINEWEB2 else {"file": name, "xxh128": hash_file(table_file(name))}


def stop_words(name: str | None) -> dict[str, tuple[str, ...]]:
    """Stop words by language: those of the table, and the project's own where it has none."""
    from aigc_cli.clean.stop_words import STOP_WORDS as OWN

    given = table(name) if name else {}
    return {**OWN, **{code: tuple(row[STOP_WORDS]) for code, row in given.items() if STOP_WORDS in row}}


def rows_by_language(languages: pa.Array) -> dict[str, np.ndarray]:
    """{language code: rows of the column that name it}; what follows a hyphen (en-GB) does not count."""
    import numpy as np
    import pyarrow.compute as pc

    found: dict[str, list[np.ndarray]] = {}
    named = languages.dictionary_encode()
    codes = pc.fill_null(named.indices, -1).to_numpy(zero_copy_only=False)
    for number, name in enumerate(named.dictionary.to_pylist()):
        found.setdefault(name.lower().partition("-")[0], []).append(np.flatnonzero(codes == number))
    return {name: np.concatenate(rows) for name, rows in found.items()}


@functools.lru_cache(maxsize=4)
def _read(path: Path, changed: int, size: int) -> Table:
    from aigc_cli.core.options import load_yaml

    known = _names()
    found: Table = {}
    for code, values in load_yaml(path).items():
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: {code} is {values!r}", "give {option: value} for each language")
        row: dict[str, Any] = {}
        for key, value in values.items():
            if key not in known:
                raise ConfigError(f"{path}: {code}: unknown threshold '{key}'", did_you_mean(str(key), known))
            row[key] = _stop_words_of(path, code, value) if key == STOP_WORDS else _number(path, code, key, value)
        found[str(code).lower()] = row
    return found


def _number(path: Path, code: Any, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{path}: {code}: {key} is {value!r}", "give a number")
    return float(value)


def _stop_words_of(path: Path, code: Any, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value) or len(value) > 64:
        raise ConfigError(f"{path}: {code}: {STOP_WORDS} is no list of words", "give a list of up to 64 words")
    return value


@functools.cache
def _names() -> frozenset[str]:
    """Every threshold of the rules that have them, and STOP_WORDS."""
    names = {STOP_WORDS}
    for rule in RULES:
        for field in dataclasses.fields(importlib.import_module(f"aigc_cli.clean.rules.{rule}").Options):
            if field.type in ("int", "float", "int | None"):
                names.add(field.name)
    return frozenset(names)
