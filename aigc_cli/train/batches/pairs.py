"""Pairs of texts from files: JSON lines, CSV, TSV, or shards with two text columns.

A column is named, or (in a table without a head line) numbered from 1. Without names the first of PARTNERS that a file
has is taken. In a directory, files named valid... , validation... or dev... are the validation split, test... is left
alone.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.shards import Shards

PARTNERS = (
    ("source", "target"), ("src", "tgt"), ("input", "output"), ("prompt", "response"), ("question", "answer"),
    ("wrong", "right"), ("incorrect", "correct"), ("noisy", "clean"), ("original", "corrected"),
    ("article", "summary"), ("document", "summary"),
)  # fmt: skip
SUFFIXES = (".jsonl", ".csv", ".tsv")
LONGEST_CELL = 1 << 20  # characters
NAME = "name the columns: --source-field NAME --target-field NAME"


@dataclass
class Reader:
    """What is read, and what was left out of it and why.

    `fields`: the two columns, None to find them by convention.
    """

    paths: list[Path]
    fields: tuple[str, str] | None = None
    left_out: Counter[str] = field(default_factory=Counter)

    def pairs(self) -> Iterator[tuple[str, str, str]]:
        """(source, target, split: "train", "validation" or "" where nothing says) of every usable pair, in order."""
        self.left_out = Counter()
        for file, split in self._files():
            if Shards.is_shards(file):
                yield from self._usable(self._shards(file))
            else:
                rows = self._json(file) if file.suffixes[-1 - (file.suffix == ".gz")] == ".jsonl" else self._table(file)
                yield from self._usable((source, target, split) for source, target in rows)

    def _files(self) -> Iterator[tuple[Path, str]]:
        for path in self.paths:
            if not path.exists():
                raise ConfigError(f"there is no {path}", "name files or directories of pairs with --shards")
            if Shards.is_shards(path) or not path.is_dir():
                if path.is_file() and not _is_table(path):
                    raise DataError(f"{path} is no table of pairs", "give .jsonl, .csv or .tsv (or these with .gz)")
                yield path, "validation" if path.is_file() and _role(path) == "validation" else ""
                continue
            files = sorted(p for p in path.rglob("*") if p.is_file() and _is_table(p))
            if not files:
                raise DataError(f"{path} holds no pairs", "give .jsonl, .csv or .tsv files, or shards")
            roles = [_role(file) for file in files]
            for file, role in zip(files, roles, strict=True):
                if role == "test":
                    console.say(f"{file} is left out: its name says that it is for testing")
                else:
                    yield file, role or ("train" if "validation" in roles else "")

    def _usable(self, rows: Iterable[tuple[object, object, str]]) -> Iterator[tuple[str, str, str]]:
        for source, target, split in rows:
            if isinstance(target, int | float):  # a number, as a table without types would have it
                target = str(target)
            if not isinstance(source, str) or not isinstance(target, str):
                self.left_out["no two texts"] += 1
            elif not source.strip() or not target.strip():
                self.left_out["empty"] += 1
            elif not (_encodes(source) and _encodes(target)):
                self.left_out["lone surrogates"] += 1
            else:
                yield source, target, split

    def _json(self, file: Path) -> Iterator[tuple[object, object]]:
        names: tuple[str, str] | None = None
        with _opened(file) as lines:
            for line in lines:
                if not line.strip():
                    continue
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError):
                    value = None
                if not isinstance(value, dict):
                    self.left_out["no JSON object"] += 1
                    continue
                names = names or self._names(list(value), file)
                yield value.get(names[0]), value.get(names[1])

    def _table(self, file: Path) -> Iterator[tuple[object, object]]:
        tabs = ".tsv" in file.suffixes
        csv.field_size_limit(LONGEST_CELL)
        with _opened(file) as lines:
            quoting: Any = csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL  # in TSV a quote is a quote
            rows = csv.reader(lines, delimiter="\t" if tabs else ",", quoting=quoting)
            places: tuple[int, int] | None = None
            while True:
                try:
                    row = next(rows, None)
                except csv.Error:
                    self.left_out["no row of a table"] += 1
                    continue
                if row is None:
                    return
                if not row:
                    continue
                if places is None:
                    places, head = self._places(row, file)
                    if head:
                        continue
                if max(places) >= len(row):
                    self.left_out["too few cells"] += 1
                    continue
                yield row[places[0]], row[places[1]]

    def _shards(self, path: Path) -> Iterator[tuple[object, object, str]]:
        shards = Shards.open(path)
        names = self._names(shards.columns, path)
        for split in shards.splits:
            role = {"validation": "validation", "test": "test"}.get(split, "train" if len(shards.splits) > 1 else "")
            if role == "test":
                continue
            for batch in shards.batches(list(names), split):
                sides = (batch.column(name).to_pylist() for name in names)
                yield from ((source, target, role) for source, target in zip(*sides, strict=True))

    def _names(self, columns: list[str], file: Path) -> tuple[str, str]:
        if self.fields is None:
            found = next((pair for pair in PARTNERS if set(pair) <= set(columns)), None)
            if found is None:
                raise ConfigError(f"{file} has no usual pair of columns (it has: {', '.join(columns)[:200]})", NAME)
            return found
        missing = [name for name in self.fields if name not in columns]
        if missing:
            raise ConfigError(f"{file} has no column '{missing[0]}' (it has: {', '.join(columns)[:200]})", NAME)
        return self.fields

    def _places(self, row: list[str], file: Path) -> tuple[tuple[int, int], bool]:
        """The two columns' places, and whether `row` is a head line."""
        if self.fields is not None and all(name.isdecimal() and int(name) > 0 for name in self.fields):
            return (int(self.fields[0]) - 1, int(self.fields[1]) - 1), False
        cells = [cell.strip().removeprefix("\ufeff") for cell in row]
        try:
            names = self._names(cells, file)
        except ConfigError as error:
            raise ConfigError(error.message, NAME + ", or --source-field 1 --target-field 2 without a head") from error
        return (cells.index(names[0]), cells.index(names[1])), True


def _is_table(path: Path) -> bool:
    suffix = path.suffixes[-2] if path.suffix == ".gz" and len(path.suffixes) > 1 else path.suffix
    return suffix in SUFFIXES


def _role(path: Path) -> str:
    name = path.name.lower()
    if name.startswith(("valid", "dev.", "dev-", "dev_")):
        return "validation"
    return "test" if name.startswith(("test.", "test-", "test_")) else ""


def _encodes(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _opened(file: Path) -> _Lines:
    return _Lines(file)


class _Lines:
    """The lines of a file, plain or gzip, as a context manager; DataError when they cannot be read."""

    def __init__(self, file: Path) -> None:
        self.file, self.stack = file, ExitStack()

    def __enter__(self) -> Iterator[str]:
        opener = gzip.open if self.file.suffix == ".gz" else open
        stream: TextIO = opener(self.file, "rt", encoding="utf-8-sig", newline="")  # type: ignore[operator]
        return self._checked(self.stack.enter_context(stream))

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def _checked(self, stream: TextIO) -> Iterator[str]:
        for number in itertools.count(1):
            try:
                line = stream.readline()
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{self.file}, after line {number - 1}: it is not UTF-8", "convert it: iconv"
                ) from error
            except (OSError, EOFError) as error:
                raise DataError(f"{self.file} cannot be read: {error}", "check the file") from error
            if not line:
                return
            yield line
