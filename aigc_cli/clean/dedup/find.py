"""Which documents are duplicates of which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.dedup.keys import Keys, gather, key_values
from aigc_cli.clean.dedup.near import Texts, near_duplicates, sorted_keys
from aigc_cli.clean.dedup.scratch import BLOCK, Scratch
from aigc_cli.clean.dedup.threaded import ordered
from aigc_cli.clean.kernels import cluster
from aigc_cli.clean.kernels.text import buffers
from aigc_cli.core.engine import Parts

SLICE_BYTES = 4 << 20  # of a column of texts that one thread works on


@dataclass
class Outside:
    """Duplicates of documents elsewhere: `rows` of the parts, ascending, and the `ids` of what they duplicate."""

    rows: np.ndarray
    ids: pa.ChunkedArray

    def at(self, start: int, count: int) -> pa.Array:
        """For each of the rows from `start` on, the id of its match or null."""
        low, high = np.searchsorted(self.rows, [start, start + count])
        places = np.full(count, -1, dtype=np.int64)
        places[self.rows[low:high] - start] = np.arange(low, high)
        return self.ids.take(pa.array(places, mask=places < 0)).combine_chunks()


@dataclass
class Duplicates:
    """For each row of the parts: `match` is the row that stays in its place (-1: none), `rule` the position in
    RULE_NAMES, `similarity` the true Jaccard similarity with the match. Rows that duplicate indexed documents have no
    match here: `outside` has their ids."""

    match: np.ndarray
    rule: np.ndarray
    similarity: np.ndarray
    candidates: int = 0
    outside: Outside | None = None
    directory: Path | None = None  # for temporary files

    @classmethod
    def none(cls, rows: int, directory: Path | None = None) -> Duplicates:
        """No duplicates among `rows` rows. Large arrays lie in files in `directory`, where one is given."""
        if directory is None:
            values = np.full(rows, -1, dtype=np.int64), np.zeros(rows, dtype=np.int8), np.zeros(rows, dtype=np.float32)
            return cls(*values)
        scratch = Scratch(directory)
        return cls(
            scratch.array("found-match", rows, np.int64, fill=-1),
            scratch.array("found-rule", rows, np.int8),
            scratch.array("found-similarity", rows, np.float32),
            directory=directory,
        )

    def copies(self) -> np.ndarray:
        """How many rows have each row as their match, int32 [rows]."""
        rows = len(self.match)
        scratch = Scratch(self.directory) if self.directory else None
        found = scratch.array("copies", rows, np.int32) if scratch else np.zeros(rows, np.int32)
        for part in _blocks(rows):
            np.add.at(found, self.match[part][self.match[part] >= 0], 1)
        return found


EXACT_REASON, NEAR_REASON = "exact_duplicate", "near_duplicate"
RULE_NAMES = ("", "exact", "minhash", "against", "against")
REASONS = ("", EXACT_REASON, NEAR_REASON, EXACT_REASON, NEAR_REASON)  # in the order of RULE_NAMES


def find_duplicates(
    parts: Parts, directory: Path, *, exact: bool, minhash: Any, found: Duplicates | None = None
) -> Duplicates:
    """Duplicates among the rows of `parts` that no rule dropped; `minhash` are that rule's options, or None.

    `found` holds rows that are known to be duplicates of indexed documents; the others are added to it.
    """
    found = found or Duplicates.none(sum(unit.rows for unit in parts.units), directory)
    scratch = Scratch(directory)
    keys = gather(parts, scratch)
    _find(keys, lambda items: _texts(parts.batches(), items), found, scratch, exact=exact, minhash=minhash)
    return found


def duplicates_of(
    column: pa.Array, directory: Path, *, exact: bool = True, minhash: Any = None, seed: int = 0
) -> Duplicates:
    """Duplicates among the texts of a large_string column; `minhash` are that rule's options, or None.

    `directory` takes temporary files.
    """
    found, scratch = Duplicates.none(len(column), directory), Scratch(directory)
    keys = Keys.zeros(len(column), minhash.bands if minhash else 0, scratch)
    keys.alive[:] = 1
    start = 0
    for part, values in ordered(lambda part: (part, key_values(part, minhash, seed, exact=exact)), _slices(column)):
        keys.put(start, values, part)
        start += len(part)
    _find(keys, lambda items: _texts(_slices(column), items), found, scratch, exact=exact, minhash=minhash)
    return found


def _find(keys: Keys, texts: Texts, found: Duplicates, scratch: Scratch, *, exact: bool, minhash: Any) -> None:
    for part in _blocks(len(keys.alive)):
        keys.alive[part] &= found.rule[part] == 0
    if exact:
        _exact(keys, found, scratch)
    if minhash:
        for part in _blocks(len(keys.alive)):
            keys.alive[part] &= found.match[part] < 0
        blocks, found.candidates = near_duplicates(keys, texts, minhash, scratch)
        for rows, kept, similarity in blocks:
            found.match[rows], found.rule[rows], found.similarity[rows] = kept, 2, similarity
        cluster.follow(found.match, (found.rule == 1).view(np.uint8))


def _exact(keys: Keys, found: Duplicates, scratch: Scratch) -> None:
    rows = len(keys.alive)
    values, order = scratch.array("values", rows, np.uint64), scratch.array("order", rows, np.int64)
    count = sorted_keys(keys.exact[0], keys.alive, values, order)
    cluster.same(values[:count], order[:count], keys.exact[1], found.match)
    for part in _blocks(rows):
        same = found.match[part] >= 0
        found.rule[part][same], found.similarity[part][same] = 1, 1.0


def _blocks(rows: int) -> Iterator[slice]:
    for start in range(0, rows, BLOCK):
        yield slice(start, min(start + BLOCK, rows))


def _slices(column: pa.Array) -> Iterator[pa.Array]:
    """The column in pieces of about SLICE_BYTES."""
    ends = buffers(column)[1][1:]
    start = 0
    while start < len(column):
        before = int(ends[start - 1]) if start else int(buffers(column)[1][0])
        end = max(int(np.searchsorted(ends, before + SLICE_BYTES, side="right")), start + 1)
        yield column.slice(start, end - start)
        start = end


def _texts(batches: Iterator[Any], items: np.ndarray) -> Iterator[pa.Array]:
    """The texts of the given rows, batch by batch; batches are record batches or their text columns."""
    start = 0
    for batch in batches:
        column = batch.column("text") if isinstance(batch, pa.RecordBatch) else batch
        low, high = np.searchsorted(items, [start, start + len(column)])
        if high > low:
            yield column.take(pa.array(items[low:high] - start))
        start += len(column)
