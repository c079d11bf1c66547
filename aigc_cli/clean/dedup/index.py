"""An index of documents: keys and shingles in sorted, memory-mapped Arrow files, enough to find duplicates of them.

An index is a directory of segments and a manifest; the manifest is written last, so an index is always whole. Each
segment holds `documents.arrow` and `keys.arrow`, Arrow IPC files. The keys stand in tables of equal length, each sorted
by key: the upper half of the exact key, the identity (id and hash), and one table for each MinHash band.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.core.errors import DataError
from aigc_cli.core.files import canonical_json, hash_file, hash_text
from aigc_cli.core.manifest import read_manifest

STAGE, VERSION = "index", 1
DOCUMENTS, KEYS = "documents.arrow", "keys.arrow"
EXACT, IDENTITY, BANDS = 0, 1, 2  # tables: the bands begin at BANDS
KEY_ROWS = 1 << 20  # of a record batch of a table
MOST = 8  # rows of one key that a look-up gives: what lies in a bucket is alike, since indexed documents are cleaned
SHINGLE_SHIFT = np.uint64(32)  # shingles are kept by their upper 32 bits

DOCUMENT_SCHEMA = pa.schema(
    [("id", pa.string()), ("source", pa.string()), ("dataset", pa.int32()), ("hash", pa.string()),
     ("bytes", pa.int64()), ("exact", pa.list_(pa.uint64(), 2)), ("shingles", pa.large_list(pa.uint32()))]
)  # fmt: skip
KEY_SCHEMA = pa.schema([("key", pa.uint64()), ("row", pa.uint32())])
_PROBE = [
    "The café's 12 naïve users don't re-read 3.14 of it, ever.",
    "春眠不觉晓，处处闻啼鸟。Iñtërnâ e\u0301 ",
    "a",
    "",
]
_AGAIN = "make it again: aigc clean DATA -o DIR --index NEW"


@dataclass(frozen=True)
class Parameters:
    """What decides the keys of a document; takes the place of the minhash rule's options."""

    ngram: int
    bands: int
    rows: int
    seed: int

    @classmethod
    def of(cls, options: Any, seed: int) -> Parameters:
        """From the options of the minhash rule."""
        return cls(options.ngram, options.bands, options.rows, seed)


@functools.cache
def probe(parameters: Parameters) -> str:
    """A digest that changes with the word rule, the hashes and everything else that keys depend on."""
    from aigc_cli.clean.dedup.keys import key_values
    from aigc_cli.clean.kernels.shingles import shingles

    column = pa.array(_PROBE, pa.large_string())
    keys = key_values(column, parameters, parameters.seed)
    hashes, starts = shingles(column, parameters.ngram)
    return hash_text(canonical_json([keys.tolist(), hashes.tolist(), starts.tolist()]))


def digest_of(parameters: Mapping[str, Any], datasets: Sequence[Mapping[str, Any]]) -> str:
    """What identifies the content of an index: its parameters and the datasets that count."""
    return hash_text(canonical_json([STAGE, VERSION, dict(parameters), [d["digest"] for d in active(datasets)]]))


def active(datasets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The datasets that no later result in the same place has replaced."""
    return [dataset for dataset in datasets if not dataset["replaced"]]


@dataclass(frozen=True)
class Head:
    """What the manifest of an index says."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Head | None:
        """The manifest of the index at `path`, or None where there is another thing or nothing."""
        manifest = read_manifest(path) if path.is_dir() else None
        if manifest is None or manifest["stage"] != STAGE:
            return None
        if manifest.get("stage_version") != VERSION:
            raise DataError(f"the index {path} is of version {manifest.get('stage_version')}, not {VERSION}", _AGAIN)
        head = cls(path, manifest)
        try:
            assert all(isinstance(d["digest"], str) and isinstance(d["replaced"], bool) for d in head.datasets)
            assert all(isinstance(s["documents"], int) and isinstance(s["name"], str) for s in head.segments)
            assert head.parameters and isinstance(manifest["facts"]["probe"], str)
        except (KeyError, TypeError, AssertionError) as error:
            raise DataError(f"the manifest of the index {path} is damaged", _AGAIN) from error
        return head

    @property
    def parameters(self) -> Parameters:
        """What its keys were made with."""
        return Parameters(**self.manifest["options"])

    @property
    def datasets(self) -> list[dict[str, Any]]:
        """Where its documents came from, by number."""
        return list(self.manifest["facts"]["datasets"])

    @property
    def segments(self) -> list[dict[str, Any]]:
        """Its segments: name and number of documents."""
        return list(self.manifest["facts"]["segments"])

    def without(self, output: Path | None) -> list[dict[str, Any]]:
        """The datasets, those replaced that lie at `output`: a result is not compared with what it was before."""
        place = None if output is None else os.path.abspath(output)
        here = [os.path.abspath(self.path / dataset["path"]) == place for dataset in self.datasets]
        pairs = zip(self.datasets, here, strict=True)
        return [{**dataset, "replaced": dataset["replaced"] or own} for dataset, own in pairs]

    def described(self, output: Path | None) -> dict[str, Any]:
        """The index as an input of the run that writes `output`."""
        digest = digest_of(asdict(self.parameters), self.without(output))
        return {"stage": STAGE, "digest": digest, "path": self.path.as_posix()}

    def fit(self, parameters: Parameters) -> None:
        """Raise DataError if the keys of this index were made in another way."""
        mine, theirs = asdict(self.parameters), asdict(parameters)
        other = ", ".join(f"{name} {mine[name]}, not {theirs[name]}" for name in mine if mine[name] != theirs[name])
        if other:
            raise DataError(f"the index {self.path} was made with {other}", f"use the same --seed and minhash: {mine}")
        if self.manifest["facts"]["probe"] != probe(parameters):
            raise DataError(f"the keys of the index {self.path} are those of another aigc or numpy version", _AGAIN)


class Index:
    """An index whose files have been checked against the manifest's digests."""

    def __init__(self, head: Head, output: Path | None = None) -> None:
        self.head = head
        self.datasets = head.without(output)
        self._counts = np.array([not dataset["replaced"] for dataset in self.datasets], dtype=bool)
        tables = BANDS + head.parameters.bands
        self.segments = [Segment(head.path / s["name"], s["documents"], tables) for s in head.segments]

    @classmethod
    def open(cls, path: Path, parameters: Parameters, output: Path | None = None) -> Index:
        """The index at `path`; DataError when it does not fit `parameters`, is incomplete or damaged."""
        for attempt in (0, 1):
            head = Head.read(path)
            if head is None:
                raise DataError(f"{path} is no index", "make one: aigc clean DATA -o DIR --index INDEX")
            head.fit(parameters)
            try:
                _check(head)
                return cls(head, output)
            except DataError:
                # Whoever extends the index removes segments that it has merged: then there is a newer manifest.
                if attempt or Head.read(path) == head:
                    raise
        raise AssertionError

    def counts(self, segment: Segment, rows: np.ndarray) -> np.ndarray:
        """Which of the rows of a segment are documents to compare with."""
        if self._counts.all() or not len(rows):
            return np.ones(len(rows), dtype=bool)
        return self._counts[segment.take(rows, ["dataset"]).column(0).to_numpy()]


class Segment:
    """Some of the documents of an index."""

    def __init__(self, directory: Path, rows: int, tables: int) -> None:
        self.directory, self.rows = directory, rows
        self.documents, self._keys = _mapped(directory / DOCUMENTS), _mapped(directory / KEYS)
        self._batches = -(-rows // KEY_ROWS)
        counts = [self.documents.get_batch(i).num_rows for i in range(self.documents.num_record_batches)]
        self.starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        if self.starts[-1] != rows or self._keys.num_record_batches != tables * self._batches:
            raise DataError(f"{directory} holds another number of documents than its manifest says", _AGAIN)

    def table(self, number: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(keys, rows) of a table, piece by piece, keys ascending."""
        last = np.uint64(0)
        for i in range(number * self._batches, (number + 1) * self._batches):
            batch = self._keys.get_batch(i)
            keys, rows = batch.column(0).to_numpy(), batch.column(1).to_numpy()
            if keys[0] < last or (keys[1:] < keys[:-1]).any() or int(rows.max()) >= self.rows:
                raise DataError(f"{self.directory / KEYS} is not sorted", _AGAIN)
            last = keys[-1]
            yield keys, rows

    def find(self, number: int, wanted: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(positions in `wanted`, rows), piece by piece: up to MOST rows with each of the ascending keys `wanted`."""
        for keys, rows in self.table(number):
            end = int(np.searchsorted(wanted, keys[-1], side="right"))
            for low in range(int(np.searchsorted(wanted, keys[0])), end, KEY_ROWS):
                part = np.asarray(wanted[low : min(low + KEY_ROWS, end)])
                begins = np.searchsorted(keys, part)
                counts = np.minimum(np.searchsorted(keys, part, side="right") - begins, MOST)
                step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
                positions = np.repeat(np.arange(low, low + len(part)), counts)
                yield positions, rows[np.repeat(begins, counts) + step].astype(np.int64)

    def take(self, rows: np.ndarray, columns: list[str]) -> pa.Table:
        """Some columns of some rows, in the order of `rows`."""
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        pieces = []
        edges = np.searchsorted(ascending, self.starts)
        for i in (np.diff(edges) > 0).nonzero()[0].tolist():
            here = pa.array(ascending[edges[i] : edges[i + 1]] - self.starts[i])
            pieces.append(self.documents.get_batch(i).select(columns).take(here))
        schema = pa.schema([DOCUMENT_SCHEMA.field(name) for name in columns])
        table = pa.Table.from_batches(pieces, schema).combine_chunks()
        return table.take(pa.array(np.argsort(order, kind="stable"))).combine_chunks()

    def key_columns(self, into: np.ndarray) -> None:
        """Write the keys back by row: uint64 [rows, tables]."""
        for number in range(into.shape[1]):
            for keys, rows in self.table(number):
                into[rows, number] = keys


def _mapped(path: Path) -> pa.ipc.RecordBatchFileReader:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is damaged: {str(error).splitlines()[0]}", _AGAIN) from error


def _check(head: Head) -> None:
    """Raise DataError if a file of the index is missing or not what was written."""
    expected = {f"{segment['name']}/{file}" for segment in head.segments for file in (DOCUMENTS, KEYS)}
    if expected != set(head.manifest["files"]):
        raise DataError(f"the manifest of the index {head.path} is damaged", _AGAIN)
    for name, entry in sorted(head.manifest["files"].items()):
        file = head.path / name
        if not file.is_file():
            raise DataError(f"the index {head.path} is incomplete: {name} is missing", _AGAIN)
        if file.stat().st_size != entry["bytes"] or hash_file(file) != entry["xxh128"]:
            raise DataError(f"the index {head.path} is damaged: {name} is not what was written", _AGAIN)
