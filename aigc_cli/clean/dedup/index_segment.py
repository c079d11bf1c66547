"""The segments of an index: what is kept of each document, and how a segment is written."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from aigc_cli.clean.dedup import index as ix
from aigc_cli.clean.dedup.index import DOCUMENT_SCHEMA, Parameters
from aigc_cli.clean.dedup.keys import key_values
from aigc_cli.clean.kernels.shingles import shingles
from aigc_cli.clean.kernels.text import buffers
from aigc_cli.core import console
from aigc_cli.core.engine import INLINE_BYTES, Unit
from aigc_cli.core.files import sync_directory
from aigc_cli.core.pool import pool_map
from aigc_cli.core.shards import Shards

PARTIAL = ".partial"
COLUMNS = ["id", "source", "hash", "text"]  # of the shards that are indexed


class SegmentWriter:
    """Writes one segment; the directory gets its name when it is whole."""

    def __init__(self, directory: Path, tables: int) -> None:
        self.directory, self.tables, self.rows = directory, tables, 0
        self._partial = directory.with_name(directory.name + PARTIAL)
        self._partial.mkdir()
        self._keys = open(self._partial / "keys.u64", "wb")  # noqa: SIM115 - closed by close()
        self._sink = pa.OSFile(str(self._partial / ix.DOCUMENTS), "wb")
        self._documents = pa.ipc.new_file(self._sink, DOCUMENT_SCHEMA)

    def add(self, documents: pa.RecordBatch, keys: np.ndarray) -> None:
        """Append documents and their keys, uint64 [documents, tables]."""
        self._documents.write_batch(documents)
        self._keys.write(np.ascontiguousarray(keys).reshape(-1).view(np.uint8).data)
        self.rows += documents.num_rows

    def close(self) -> None:
        """Sort the keys, table by table, and give the directory its name."""
        self._documents.close()
        self._sink.close()
        self._keys.close()
        path = self._partial / "keys.u64"
        keys = np.memmap(path, dtype=np.uint64, mode="r", shape=(self.rows, self.tables))
        with pa.OSFile(str(self._partial / ix.KEYS), "wb") as sink, pa.ipc.new_file(sink, ix.KEY_SCHEMA) as writer:
            for number in range(self.tables):
                column = np.array(keys[:, number])
                order = np.argsort(column, kind="stable")
                for start in range(0, self.rows, ix.KEY_ROWS):
                    part = order[start : start + ix.KEY_ROWS]
                    arrays = [pa.array(column[part]), pa.array(part.astype(np.uint32))]
                    writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=ix.KEY_SCHEMA))
        del keys
        path.unlink()
        for name in (ix.DOCUMENTS, ix.KEYS):
            with open(self._partial / name, "rb+") as file:
                os.fsync(file.fileno())
        self._partial.rename(self.directory)
        sync_directory(self.directory.parent)


def described_rows(
    shards: Shards, digest: str, known: np.ndarray, number: int, parameters: Parameters, workers: int
) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """What the index holds of the rows that are not known, in row order, made by several processes."""
    payloads = []
    start = 0
    units: list[Unit] = [unit for split in shards.splits for unit in shards.units(split)]
    for unit in units:
        rows = unit.payload[3]
        payloads.append((unit.payload, digest, known[start : start + rows]))
        start += rows
    if sum(unit.weight_bytes for unit in units) < INLINE_BYTES:
        workers = 1
    with console.progress("index", len(payloads), "units") as bar:
        for found in pool_map(functools.partial(_describe_unit, number, parameters), payloads, workers):
            bar.advance()
            yield from found


@functools.lru_cache(maxsize=1)
def _open(path: str, digest: str) -> Shards:
    """The shards at `path`; the digest tells them from what lay there before."""
    return Shards.open(path)


def _describe_unit(number: int, parameters: Parameters, task: Any) -> list[tuple[pa.RecordBatch, np.ndarray]]:
    (path, split, start, rows), digest, known = task
    found, done = [], 0
    for batch in _open(path, digest).rows(start, rows, COLUMNS, split=split):
        stays = ~known[done : done + batch.num_rows]
        done += batch.num_rows
        if stays.any():
            found.append(describe(batch.filter(pa.array(stays)), number, parameters))
    return found


def describe(batch: pa.RecordBatch, number: int, parameters: Parameters) -> tuple[pa.RecordBatch, np.ndarray]:
    """(documents, keys [documents, tables]) of a batch with id, source, hash and text, from dataset `number`."""
    texts = batch.column("text").cast(pa.large_string())
    made = key_values(texts, parameters, parameters.seed)
    keys = np.empty((len(texts), ix.BANDS + parameters.bands), dtype=np.uint64)
    keys[:, ix.EXACT], keys[:, ix.IDENTITY], keys[:, ix.BANDS :] = made[:, 0], identities(batch), made[:, 2:]
    sets, starts = shingle_sets(texts, parameters.ngram)
    columns = [
        batch.column("id").cast(pa.string()), batch.column("source").cast(pa.string()),
        pa.array(np.full(len(texts), number, dtype=np.int32)), batch.column("hash").cast(pa.string()),
        pa.array(np.diff(buffers(texts)[1])),
        pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(made[:, :2]).ravel()), 2),
        pa.LargeListArray.from_arrays(pa.array(starts), pa.array(sets)),
    ]  # fmt: skip
    columns = [column.cast(field.type) for column, field in zip(columns, DOCUMENT_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=DOCUMENT_SCHEMA), keys


def shingle_sets(texts: pa.Array, ngram: int) -> tuple[np.ndarray, np.ndarray]:
    """(sorted 32-bit shingles of each text without repeats, starts [texts + 1])."""
    hashes, bounds = shingles(texts, ngram)
    short = (hashes >> ix.SHINGLE_SHIFT).astype(np.uint32)
    sets = [np.unique(short[bounds[i] : bounds[i + 1]]) for i in range(len(texts))]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in sets])]).astype(np.int64)
    return np.concatenate([np.zeros(0, dtype=np.uint32), *sets]), starts


def identities(batch: pa.RecordBatch) -> np.ndarray:
    """A key of each row's id and hash, never 0."""
    pairs = zip(batch.column("id").to_pylist(), batch.column("hash").to_pylist(), strict=True)
    return np.array([xxhash.xxh3_64_intdigest(f"{a}\n{b}".encode()) or 1 for a, b in pairs], dtype=np.uint64)
