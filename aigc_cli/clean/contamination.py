"""The test sets that training data must not hold: read once, kept under .aigc/ as a table that all workers map."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_cli.clean.kernels import gram_table as k
from aigc_cli.clean.kernels.grams import Grams
from aigc_cli.clean.kernels.scan import scan
from aigc_cli.clean.kernels.sorting import sort_pairs
from aigc_cli.clean.kernels.text import buffers
from aigc_cli.clean.named import content_of
from aigc_cli.collect.api import Counted, read_documents
from aigc_cli.collect.records import FIELD_END, Context, Settings
from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import atomic_write, canonical_json, disk_errors, hash_text
from aigc_cli.core.manifest import describe_input
from aigc_cli.core.run import IMPLICIT_ROOT

VERSION = 1  # of the table
MAX_TEXT_BYTES = (1 << 32) - 1
_HARMLESS = frozenset({"empty", "missing_text_field"})  # records without text
_BATCH_BYTES = 8 << 20
_ARRAYS = ("lengths", "hashes", "places", "bits")
_SCHEMA = pa.schema([("text", pa.large_string()), ("item", pa.large_string())])


@dataclass(frozen=True)
class Lengths:
    """The runs to look for, in words and, for texts of single characters, in characters; the shortest item."""

    ngram: int
    ngram_characters: int
    min_words: int
    min_characters: int

    def of(self, words: np.ndarray, single: np.ndarray) -> np.ndarray:
        """The length of the runs of each item: an item that is shorter than a run is one, one too short has none."""
        length = np.minimum(words, np.where(single, self.ngram_characters, self.ngram))
        return np.where(words < np.where(single, self.min_characters, self.min_words), 0, length).astype(np.int64)


@dataclass(frozen=True)
class Table:
    """The runs of all items, in small letters, and the items' names; `too_short` items are not in it."""

    grams: Grams
    items: pa.Array
    too_short: int


def described(names: Sequence[str]) -> list[dict[str, Any]]:
    """What a fingerprint holds of test sets: a run's digest, or the content of files."""
    return [content_of(name, "test set") for name in names]


def table(names: Sequence[str], fields: Sequence[str], lengths: Lengths) -> Table:
    """The table of these test sets; it is made where there is none that fits."""
    now = canonical_json([describe_input(Path(name)) for name in names if Path(name).exists()])
    return _table(tuple(names), tuple(fields), lengths, now, str(IMPLICIT_ROOT.absolute()))


@lru_cache(maxsize=2)
def _table(names: tuple[str, ...], fields: tuple[str, ...], lengths: Lengths, _now: str, _root: str) -> Table:
    probe = k.listed(pa.array(["One probe, 探"], pa.large_string()), np.array([3]))[0]  # other kernels, other hashes
    key = ["test sets", VERSION, described(names), fields, vars(lengths), [int(value) for value in probe]]
    place = IMPLICIT_ROOT / hash_text(canonical_json(key))
    if not (place / "table.json").is_file():
        _write(place, names, fields, lengths)
    return _read(place)


def _write(place: Path, names: Sequence[str], fields: Sequence[str], lengths: Lengths) -> None:
    """Make the table; two processes that do it at a time write the same, and the first one's stays."""
    items, arrays, too_short = _built(names, fields, lengths)
    temporary = place.with_name(f"{place.name}.{os.getpid()}.tmp")
    with disk_errors(temporary):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        with pa.OSFile(str(temporary / "items.arrow"), "wb") as sink, pa.ipc.new_stream(sink, _SCHEMA) as writer:
            writer.write_batch(items)
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)
        atomic_write(temporary / "table.json", json.dumps({"items": items.num_rows, "too_short": too_short}))
        try:
            os.replace(temporary, place)
        except OSError:
            if not (place / "table.json").is_file():
                raise
            shutil.rmtree(temporary, ignore_errors=True)


def _read(place: Path) -> Table:
    try:
        with pa.memory_map(str(place / "items.arrow")) as source:
            items = pa.ipc.open_stream(source).read_next_batch()
        found = {name: np.asarray(np.load(place / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS}
        too_short = json.loads((place / "table.json").read_text(encoding="utf-8"))["too_short"]
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(f"{place} is damaged: {error}", "delete that directory and run again") from error
    data, offsets = buffers(items.column("text"))
    return Table(Grams(data, offsets, **found), items.column("item"), too_short)


def _built(
    names: Sequence[str], fields: Sequence[str], lengths: Lengths
) -> tuple[pa.RecordBatch, dict[str, np.ndarray], int]:
    """(texts and names of the items, the table's arrays, items that are too short)."""
    kept: list[pa.RecordBatch] = []
    hashes: list[np.ndarray] = []
    starts: list[np.ndarray] = []
    sizes: list[np.ndarray] = []
    base = too_short = 0
    with console.progress("test sets", unit="items") as bar:
        for batch in _batches(_items(names, fields)):
            words, single = k.count_words(batch.column("text")), scan(batch.column("text")).by_character
            size = lengths.of(words, single)
            too_short += int((size == 0).sum())
            batch, size = batch.filter(pa.array(size > 0)), size[size > 0]
            keys, places = k.listed(batch.column("text"), size)
            hashes.append(keys.copy())
            starts.append(places + base)
            kept.append(batch)
            sizes.append(size)
            base += sum(map(len, (text.as_buffer() for text in batch.column("text"))))
            bar.advance(len(words))
            if base > MAX_TEXT_BYTES:
                raise ConfigError("the test sets hold more than 4 GB of text", "clean against a part of them at a time")
    if not base:
        fact = f"no item of the test sets has {lengths.min_words} words ({lengths.min_characters} characters)"
        raise ConfigError(fact, "give smaller min_words and min_characters")
    whole = pa.Table.from_batches(kept, _SCHEMA).combine_chunks().to_batches()[0]
    kept.clear()
    keys = np.concatenate(hashes)
    hashes.clear()
    places = np.concatenate(starts)
    starts.clear()
    each = np.concatenate(sizes)
    sort_pairs(keys, places)
    data, offsets = buffers(whole.column("text"))
    count = k.distinct(data, offsets, each, keys, places)
    keys = keys[:count]
    arrays = {
        "lengths": np.unique(each), "hashes": keys, "places": places[:count].astype(np.uint32),
        "bits": k.filter_bits(whole.column("text"), int(each.min()), count),
    }  # fmt: skip
    return whole, arrays, too_short


def _items(names: Sequence[str], fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(name, text) of every item: each text field of each record. Raises ConfigError for a set that is not whole."""
    for name in names:
        context = Context(Settings(fields=tuple(fields)))
        count = 0
        try:
            for row in read_documents([name], context=context):
                label = row["source_id"] or f"{row['source']}:{row['record']}"
                for text in row["text"].split(FIELD_END):
                    if text and not text.isspace():
                        count += 1
                        yield label, text
        except DataError as error:
            raise ConfigError(f"the test set {name} cannot be used: {error}", error.hint) from error
        counted = Counted.of([context.drain()])
        lines = counted.lines()
        if not count:
            why = f": {lines[0]}" if lines else ""
            raise ConfigError(f"there is no text in the test set {name}{why}", "check the file, and fields")
        if counted.numbers["rejected"].keys() - _HARMLESS:
            raise ConfigError(f"the test set {name} is damaged: {lines[0]}", "repair it: what is missing is not found")


def _batches(items: Iterator[tuple[str, str]]) -> Iterator[pa.RecordBatch]:
    labels: list[str] = []
    texts: list[str] = []
    size = 0

    def batch() -> pa.RecordBatch:
        columns = [pc.utf8_lower(pa.array(texts, pa.large_string())), pa.array(labels, pa.large_string())]
        return pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)

    for label, text in items:
        labels.append(label)
        texts.append(text)
        size += len(text)
        if size >= _BATCH_BYTES:
            yield batch()
            labels, texts, size = [], [], 0
    if texts:
        yield batch()
