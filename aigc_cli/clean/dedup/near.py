"""Near-duplicates: buckets of equal bands propose pairs, the true similarity decides, clusters name who stays.

What grows with the number of documents lies in files: keys are sorted in place, pairs are read one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.dedup.keys import Keys
from aigc_cli.clean.dedup.scratch import BLOCK, Scratch
from aigc_cli.clean.dedup.threaded import ordered
from aigc_cli.clean.kernels import cluster
from aigc_cli.clean.kernels.shingles import shingles
from aigc_cli.clean.kernels.sorting import sort_pairs

Texts = Callable[[np.ndarray], Iterator[pa.Array]]  # of ascending rows, in that order
Near = tuple[np.ndarray, np.ndarray, np.ndarray]  # (rows that go, the row that each resembles, the similarity)

PAIRS_AT_ONCE = 1 << 18


def near_duplicates(keys: Keys, texts: Texts, options: Any, scratch: Scratch) -> tuple[Iterator[Near], int]:
    """(blocks of near-duplicates among the rows that are alive, number of proposed pairs)."""
    pairs, marks = _proposed(keys, scratch)
    items = marked(marks, scratch, "items")
    slots = scratch.array("slots", len(marks), np.int64)
    for start in range(0, len(items), BLOCK):
        slots[items[start : start + BLOCK]] = np.arange(start, min(start + BLOCK, len(items)))
    sets, starts = _sets(texts, items, options.ngram, scratch)
    kept = scratch.array("kept", len(items), np.int64, fill=-1)
    similarity = scratch.array("similarity", len(items), np.float64)
    threshold = float(options.threshold)
    if options.keep == "none":
        for block in _blocks(pairs):
            cluster.partners(block, slots, sets, starts, threshold, kept, similarity)
    else:
        parents = scratch.array("parents", len(items), np.int64)
        for start in range(0, len(items), BLOCK):
            parents[start : start + BLOCK] = np.arange(start, min(start + BLOCK, len(items)))
        for block in _blocks(pairs):
            cluster.join(block, slots, sets, starts, threshold, parents)
        cluster.flatten(parents)
        sizes = keys.text_bytes if options.keep == "longest" else None
        roots, ranks, order = _members(parents, items, sizes, scratch)
        cluster.resolve(roots, ranks, order, sets, starts, threshold, kept, similarity)
    return _found(items, kept, similarity), len(pairs)


def _proposed(keys: Keys, scratch: Scratch) -> tuple[np.ndarray, np.ndarray]:
    """(pairs of rows [pairs, 2], earlier first; uint8 [rows], whether a row is in one). A pair may occur repeatedly."""
    rows = len(keys.alive)
    values, order = scratch.array("values", rows, np.uint64), scratch.array("order", rows, np.int64)
    marks = scratch.array("marks", rows, np.uint8)
    spool = scratch.spool("pairs", np.int64, 2)
    block = np.empty((PAIRS_AT_ONCE, 2), dtype=np.int64)
    for band in keys.bands:
        count = sorted_keys(band, keys.alive, values, order)
        state = np.zeros(2, dtype=np.int64)
        while state[0] < count:
            spool.append(block[: cluster.propose(values[:count], order[:count], state, marks, block)])
    return spool.array(), marks


def sorted_keys(column: np.ndarray, alive: np.ndarray, values: np.ndarray, order: np.ndarray) -> int:
    """Put the keys of living rows into `values` and the rows into `order`, sorted; gives their number."""
    count = 0
    for start in range(0, len(alive), BLOCK):
        part = np.ascontiguousarray(column[start : start + BLOCK])
        count = cluster.select(part, alive[start : start + BLOCK], start, values, order, count)
    sort_pairs(values[:count], order[:count])
    return count


def marked(marks: np.ndarray, scratch: Scratch, name: str) -> np.ndarray:
    """The rows whose mark is not 0, ascending."""
    items = scratch.array(name, int(np.count_nonzero(marks)), np.int64)
    count = 0
    for start in range(0, len(marks), BLOCK):
        found = start + marks[start : start + BLOCK].nonzero()[0]
        items[count : count + len(found)] = found
        count += len(found)
    return items


def _sets(texts: Texts, items: np.ndarray, ngram: int, scratch: Scratch) -> tuple[np.ndarray, np.ndarray]:
    """(sorted shingles of each item without repeats, starts [items + 1])."""
    spool = scratch.spool("shingles", np.uint64)
    starts = scratch.array("starts", len(items) + 1, np.int64)
    item = 0
    for unique, sizes in ordered(lambda column: shingle_sets(column, ngram), texts(items)):
        starts[item + 1 : item + 1 + len(sizes)] = spool.length + np.cumsum(sizes)
        spool.append(unique)
        item += len(sizes)
    assert item == len(items)
    return spool.array(), starts


def shingle_sets(column: pa.Array, ngram: int) -> tuple[np.ndarray, np.ndarray]:
    """(sorted shingles of each text without repeats, end to end; how many each has)."""
    hashes, bounds = shingles(column, ngram)
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        hashes[begin:end].sort()
    unique, sizes = np.empty_like(hashes), np.empty(len(column), dtype=np.int64)
    count = cluster.distinct(hashes, bounds, unique, sizes)
    return unique[:count], sizes


def _members(
    parents: np.ndarray, items: np.ndarray, text_bytes: np.ndarray | None, scratch: Scratch
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(root, rank) of each item sorted by root, then rank; order[rank] is the item, the one to prefer first."""
    count = len(items)
    order, roots = scratch.array("preferred", count, np.int64), scratch.array("roots", count, np.uint64)
    ranks = scratch.array("ranks", count, np.int64)
    for start in range(0, count, BLOCK):
        part = slice(start, min(start + BLOCK, count))
        order[part] = ranks[part] = np.arange(part.start, part.stop)
        if text_bytes is not None:
            roots[part] = ~text_bytes[items[part]].astype(np.uint64)
    if text_bytes is not None:
        sort_pairs(roots, order)
    for start in range(0, count, BLOCK):
        part = slice(start, min(start + BLOCK, count))
        roots[part] = parents[order[part]]
    sort_pairs(roots, ranks)
    return roots, ranks, order


def _blocks(pairs: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(pairs), BLOCK):
        yield pairs[start : start + BLOCK]


def _found(items: np.ndarray, kept: np.ndarray, similarity: np.ndarray) -> Iterator[Near]:
    for start in range(0, len(items), BLOCK):
        gone = start + (kept[start : start + BLOCK] >= 0).nonzero()[0]
        yield items[gone], items[kept[gone]], similarity[gone].astype(np.float32)
