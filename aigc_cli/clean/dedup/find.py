"""Which documents are duplicates of which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.dedup.keys import Keys, gather
from aigc_cli.clean.kernels.cluster import resolve, union
from aigc_cli.clean.kernels.shingles import jaccard, shingles
from aigc_cli.core.engine import Parts

NEIGHBOURS = 3  # following members of a band's bucket that a document is paired with, beside the bucket's first
PAIRS_AT_ONCE = 1 << 20


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

    @classmethod
    def none(cls, rows: int) -> Duplicates:
        """No duplicates among `rows` rows."""
        return cls(np.full(rows, -1, dtype=np.int64), np.zeros(rows, dtype=np.int8), np.zeros(rows, dtype=np.float32))


EXACT_REASON, NEAR_REASON = "exact_duplicate", "near_duplicate"
RULE_NAMES = ("", "exact", "minhash", "against", "against")
REASONS = ("", EXACT_REASON, NEAR_REASON, EXACT_REASON, NEAR_REASON)  # in the order of RULE_NAMES


def find_duplicates(
    parts: Parts, directory: Path, *, exact: bool, minhash: Any, found: Duplicates | None = None
) -> Duplicates:
    """Duplicates among the rows of `parts` that no rule dropped; `minhash` are that rule's options, or None.

    `found` holds rows that are known to be duplicates of indexed documents; the others are added to it.
    """
    found = found or Duplicates.none(sum(unit.rows for unit in parts.units))
    keys = gather(parts, directory)
    keys.alive &= found.rule == 0
    if exact:
        _exact(keys, found)
    if minhash:
        keys.alive &= found.match < 0
        _near(parts, keys, found, minhash, directory)
    # A match of a match: an exact copy of a document that is itself dropped as a near-duplicate points to what stays.
    rows = (found.rule == 1).nonzero()[0]
    chained = rows[found.match[found.match[rows]] >= 0]
    found.match[chained] = found.match[found.match[chained]]
    return found


def _exact(keys: Keys, found: Duplicates) -> None:
    rows = keys.alive.nonzero()[0]
    high, low = keys.exact[rows, 0], keys.exact[rows, 1]
    order = np.lexsort((low, high))  # stable: equal keys stay in document order
    high, low, rows = high[order], low[order], rows[order]
    same = np.zeros(len(rows), dtype=bool)
    same[1:] = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
    first = rows[np.maximum.accumulate(np.where(same, 0, np.arange(len(rows))))] if len(rows) else rows
    found.match[rows[same]], found.rule[rows[same]], found.similarity[rows[same]] = first[same], 1, 1.0


def _near(parts: Parts, keys: Keys, found: Duplicates, options: Any, directory: Path) -> None:
    rows = len(keys.alive)
    pairs = _candidates(keys)
    found.candidates = len(pairs)
    if not len(pairs):
        return
    left, right = pairs // rows, pairs % rows
    items = np.unique(np.concatenate([left, right]))
    sets, starts = _shingle_sets(parts, items, options.ngram, directory)
    left, right = np.searchsorted(items, left), np.searchsorted(items, right)
    values = np.concatenate([
        jaccard(sets, starts, left[i : i + PAIRS_AT_ONCE], right[i : i + PAIRS_AT_ONCE])
        for i in range(0, len(left), PAIRS_AT_ONCE)
    ])  # fmt: skip
    similar = values >= options.threshold
    if options.keep == "none":
        _all_go(found, items, left[similar], right[similar], values[similar])
        return
    roots = union(left[similar], right[similar], len(items))
    prefer = -keys.text_bytes[items] if options.keep == "longest" else np.zeros(len(items), dtype=np.int64)
    members = np.lexsort((items, prefer, roots)).astype(np.int64)
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(roots[members])) + 1, [len(items)]]).astype(np.int64)
    kept, similarity = resolve(members, bounds, sets, starts, float(options.threshold))
    gone = kept >= 0
    found.match[items[gone]], found.rule[items[gone]] = items[kept[gone]], 2
    found.similarity[items[gone]] = similarity[gone]


def _all_go(found: Duplicates, items: np.ndarray, left: np.ndarray, right: np.ndarray, values: np.ndarray) -> None:
    """Drop both sides of every similar pair; the match is the most similar other one, the first of equals."""
    one, other, values = np.concatenate([left, right]), np.concatenate([right, left]), np.tile(values, 2)
    order = np.lexsort((other, -values, one))
    rows, first = np.unique(one[order], return_index=True)
    rows, first = items[rows], order[first]
    found.match[rows], found.rule[rows], found.similarity[rows] = items[other[first]], 2, values[first]


def _candidates(keys: Keys) -> np.ndarray:
    """Pairs (left < right) that share a bucket of a band, as left * rows + right, sorted."""
    rows = len(keys.alive)
    pairs = np.zeros(0, dtype=np.int64)
    for band in range(len(keys.bands)):
        values = np.where(keys.alive, keys.bands[band], 0)
        order = np.argsort(values, kind="stable")
        order = order[np.searchsorted(values, 0, side="right", sorter=order) :]  # 0: takes no part
        values = values[order]
        starts = np.ones(len(order), dtype=bool)
        starts[1:] = values[1:] != values[:-1]
        first = order[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))] if len(order) else order
        fresh = [first[~starts] * rows + order[~starts]]
        for shift in range(1, NEIGHBOURS + 1):
            same = values[shift:] == values[:-shift]
            fresh.append(order[:-shift][same] * rows + order[shift:][same])
        pairs = np.unique(np.concatenate([pairs, *fresh]))
    return pairs


def _shingle_sets(parts: Parts, items: np.ndarray, ngram: int, directory: Path) -> tuple[np.ndarray, np.ndarray]:
    """(sorted shingles of each item without repeats, starts [items + 1]); the shingles lie in a file."""
    path = directory / "shingles.u64"
    sizes = []
    with open(path, "wb") as file:
        for texts in _texts(parts, items):
            hashes, bounds = shingles(texts, ngram)
            for i in range(len(texts)):
                one = np.unique(hashes[bounds[i] : bounds[i + 1]])
                sizes.append(len(one))
                one.tofile(file)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return np.asarray(np.memmap(path, dtype=np.uint64, mode="r")), starts


def _texts(parts: Parts, items: np.ndarray) -> Iterator[pa.Array]:
    """The texts of the given rows, batch by batch."""
    start = 0
    for batch in parts.batches():
        low, high = np.searchsorted(items, [start, start + batch.num_rows])
        if high > low:
            yield batch.column("text").take(pa.array(items[low:high] - start))
        start += batch.num_rows
