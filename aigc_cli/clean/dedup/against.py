"""Which documents duplicate indexed ones: equal keys propose pairs, the true similarity decides."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.dedup.find import EXACT_REASON, NEAR_REASON, RULE_NAMES, Duplicates, Outside
from aigc_cli.clean.dedup.index import BANDS, EXACT, Index, Segment
from aigc_cli.clean.dedup.index_segment import shingle_sets
from aigc_cli.clean.dedup.keys import Keys, gather
from aigc_cli.clean.dedup.near import sorted_keys
from aigc_cli.clean.dedup.scratch import BLOCK, Scratch
from aigc_cli.clean.kernels.shingles import jaccard
from aigc_cli.clean.kernels.sorting import sort_pairs
from aigc_cli.core.engine import Parts
from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.core.shards import Shards

MATCHES = "matches"  # directory of the pairs
MATCH_SCHEMA = pa.schema(
    [("id", pa.string()), ("matched", pa.string()), ("matched_source", pa.string()), ("dataset", pa.string()),
     ("reason", pa.string()), ("similarity", pa.float32()), ("stays", pa.string())]
)  # fmt: skip
INDEXED, DOCUMENT, NEITHER = "indexed", "document", "neither"  # which of the pair stays
PAIRS_AT_ONCE = 1 << 14
_SEGMENT_SHIFT, _EXACT_BIT = 32, 1 << 62  # a pair's second number: exact?, segment, row of the segment
_RULE = {reason: RULE_NAMES.index("against") + i for i, reason in enumerate((EXACT_REASON, NEAR_REASON))}


def find_outside(parts: Parts, indexes: list[Index], threshold: float, keep: str, directory: Path) -> Duplicates:
    """The rows of `parts`, not dropped so far, that are duplicates of documents in the indexes.

    Writes `directory`/matches. `keep`: see the options of the rule.
    """
    temporary = directory / "parts" / "against"
    temporary.mkdir(exist_ok=True)
    scratch = Scratch(temporary)
    keys = gather(parts, scratch)
    segments = [(index, segment) for index in indexes for segment in index.segments]
    rows, others = _proposed(keys, segments, scratch)
    found = Duplicates.none(len(keys.alive), directory / "parts")
    found.candidates = len(rows)
    judge = _Judge(segments, keys, threshold, keep)
    writer = ShardWriter(directory / MATCHES, MATCH_SCHEMA)
    start = 0
    for batch in parts.batches():
        low, high = np.searchsorted(rows, np.array([start, start + batch.num_rows], dtype=np.uint64))
        if high > low:
            pairs = np.unique(np.stack([rows[low:high].astype(np.int64), others[low:high]]), axis=1)
            matches = judge.matches(start, batch, pairs)
            writer.write(pa.RecordBatch.from_pylist([m.row for m in matches], schema=MATCH_SCHEMA))
            for match in matches:
                if match.row["stays"] != DOCUMENT:
                    found.rule[match.place] = _RULE[match.row["reason"]]
                    found.similarity[match.place] = match.row["similarity"]
        start += batch.num_rows
    writer.close()
    shutil.rmtree(temporary)
    found.outside = Outside((found.rule > 0).nonzero()[0], _dropped_ids(directory / MATCHES))
    return found


def facts(indexes: list[Index], directory: Path) -> dict[str, Any]:
    """What was compared with what, and which of the pairs stayed."""
    stays: Counter[str] = Counter()
    for batch in Shards.open(directory / MATCHES).batches(["stays"]):
        stays.update(batch.column(0).to_pylist())
    documents = [sum(d["documents"] for d in index.datasets if not d["replaced"]) for index in indexes]
    return {"documents": documents, "stays": {name: stays[name] for name in (INDEXED, DOCUMENT, NEITHER)}}


def _dropped_ids(directory: Path) -> pa.ChunkedArray:
    pieces = []
    for batch in Shards.open(directory).batches(["matched", "stays"]):
        stays = np.array(batch.column(1).to_pylist(), dtype=object)
        pieces.append(batch.column(0).filter(pa.array(stays != DOCUMENT)))
    return pa.chunked_array(pieces, pa.string())


def _proposed(keys: Keys, segments: list[tuple[Index, Segment]], scratch: Scratch) -> tuple[np.ndarray, np.ndarray]:
    """(rows, others): pairs that share a key, sorted; a pair may occur repeatedly."""
    count = len(keys.alive)
    values, order = scratch.array("against-values", count, np.uint64), scratch.array("against-order", count, np.int64)
    rows, others = scratch.spool("against-rows", np.uint64), scratch.spool("against-others", np.int64)
    alive = np.array(keys.alive)

    def search(table: int, column: np.ndarray, exact: bool) -> None:
        living = sorted_keys(column, alive, values, order)
        for number, (index, segment) in enumerate(segments):
            for places, theirs in segment.find(table, values[:living]):
                mine = order[places]
                right = index.counts(segment, theirs)
                if exact:
                    lows = segment.take(theirs, ["exact"]).column(0).combine_chunks().flatten().to_numpy()[1::2]
                    right &= lows == keys.exact[1][mine]
                    gone.append(mine[right])
                rows.append(mine[right].astype(np.uint64))
                others.append(theirs[right] | number << _SEGMENT_SHIFT | (_EXACT_BIT if exact else 0))

    gone: list[np.ndarray] = []
    search(EXACT, keys.exact[0], exact=True)
    for mine in gone:
        alive[mine] = 0
    for band in range(len(keys.bands)):
        search(BANDS + band, keys.bands[band], exact=False)
    first = scratch.array("against-first", rows.length, np.uint64)
    second = scratch.array("against-second", rows.length, np.int64)
    for to, spool in ((first, rows.array()), (second, others.array())):
        for start in range(0, len(to), BLOCK):
            to[start : start + BLOCK] = spool[start : start + BLOCK]
    sort_pairs(first, second)
    return first, second


@dataclass
class _Match:
    """A row with the document that it duplicates, as matches/ has it."""

    place: int
    row: dict[str, Any] = field(default_factory=dict)


class _Judge:
    """Decides which of the proposed pairs are duplicates, and what goes."""

    def __init__(self, segments: list[tuple[Index, Segment]], keys: Keys, threshold: float, keep: str) -> None:
        self.segments, self.keys, self.threshold, self.keep = segments, keys, threshold, keep
        self.ngram = segments[0][0].head.parameters.ngram if segments else 0

    def matches(self, start: int, batch: pa.RecordBatch, pairs: np.ndarray) -> list[_Match]:
        """One match for each row of the batch, the first of which is row `start`, that has one."""
        exact = pairs[1] >= _EXACT_BIT
        values = np.ones(pairs.shape[1])
        values[~exact] = self._similarities(start, batch, pairs[:, ~exact])
        alike = values >= self.threshold
        pairs, exact, values = pairs[:, alike], exact[alike], values[alike]
        theirs = self._described(pairs[1] & ~_EXACT_BIT)
        best: dict[int, tuple[Any, int]] = {}
        for i, row in enumerate(pairs[0].tolist()):
            longer = self.keep == "longest" and not exact[i] and self.keys.text_bytes[row] > theirs[i]["bytes"]
            rank = (longer, -values[i], i)  # a match that makes the row go counts before one that does not
            if row not in best or rank < best[row][0]:
                best[row] = rank, i
        found = []
        for row, ((longer, _, _), i) in best.items():
            stays = DOCUMENT if longer else NEITHER if self.keep == "none" else INDEXED
            identity = batch.column("id")[row - start].as_py()
            found.append(_Match(row, {
                "id": identity, "matched": theirs[i]["id"], "matched_source": theirs[i]["source"],
                "dataset": theirs[i]["dataset"], "reason": EXACT_REASON if exact[i] else NEAR_REASON,
                "similarity": float(np.float32(values[i])), "stays": stays,
            }))  # fmt: skip
        return found

    def _similarities(self, start: int, batch: pa.RecordBatch, pairs: np.ndarray) -> np.ndarray:
        if not pairs.shape[1]:
            return np.zeros(0)
        mine = np.unique(pairs[0])
        own, own_starts = shingle_sets(batch.column("text").take(pa.array(mine - start)), self.ngram)
        values = []
        for low in range(0, pairs.shape[1], PAIRS_AT_ONCE):
            part = pairs[:, low : low + PAIRS_AT_ONCE]
            theirs = np.unique(part[1])
            sets, sizes = self._sets(theirs)
            starts = np.concatenate([own_starts, own_starts[-1] + np.cumsum(sizes)]).astype(np.int64)
            both = np.concatenate([own, *sets]).astype(np.uint64)
            left, right = np.searchsorted(mine, part[0]), len(mine) + np.searchsorted(theirs, part[1])
            values.append(jaccard(both, starts, left, right))
        return np.concatenate(values)

    def _sets(self, others: np.ndarray) -> tuple[list[np.ndarray], list[int]]:
        """(shingles of each document, their numbers); others are ascending."""
        sets: list[np.ndarray] = []
        sizes: list[int] = []
        for segment, _, rows in self._by_segment(others):
            column = segment.take(rows, ["shingles"]).column(0).combine_chunks()
            sets.append(column.flatten().to_numpy())
            sizes += np.diff(column.offsets.to_numpy()).tolist()
        return sets, sizes

    def _described(self, others: np.ndarray) -> list[dict[str, Any]]:
        """id, source, dataset and bytes of indexed documents."""
        unique, back = np.unique(others, return_inverse=True)
        rows: list[dict[str, Any]] = []
        for segment, index, wanted in self._by_segment(unique):
            for row in segment.take(wanted, ["id", "source", "dataset", "bytes"]).to_pylist():
                rows.append({**row, "dataset": index.datasets[row["dataset"]]["digest"]})
        return [rows[i] for i in back.tolist()]

    def _by_segment(self, others: np.ndarray) -> Iterator[tuple[Segment, Index, np.ndarray]]:
        numbers = others >> _SEGMENT_SHIFT
        for number in np.unique(numbers).tolist():
            index, segment = self.segments[number]
            yield segment, index, others[numbers == number] & ((1 << _SEGMENT_SHIFT) - 1)
