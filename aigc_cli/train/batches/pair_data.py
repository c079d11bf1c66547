"""Pairs as training batches: neighbours in length together, every batch a pure function of (seed, step).

Pairs are sorted once, by a coarse length of the source and then by that of the target. Blocks of neighbours, each a
few batches large, are what an epoch shuffles: within a block which pairs meet, then the order of all batches. So a
batch holds little padding, and where epoch e ends is known without reading the epochs before it.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.core.errors import DataError
from aigc_cli.train.objective import mix

BLOCK = 4  # batches; with 8 a batch of sentence pairs has a quarter more padding, with 2 it meets fewer others
COARSE = 1.5  # sources whose lengths differ by less than this factor are sorted by their targets


Collate = Callable[[Sequence[tuple[np.ndarray, np.ndarray]]], Any]  # (source ids, target ids) of the rows -> batch


class PairTable:
    """Columns `source` and `target` of ids, read without copying.

    `longest_source`: so many tokens of a source are read.
    """

    def __init__(
        self, batches: Sequence[pa.RecordBatch], below: int | None = None, longest_source: int | None = None
    ) -> None:
        self.batches, self.longest_source = batches, longest_source
        self.starts, self.sides = [0], list[tuple[tuple[np.ndarray, np.ndarray], ...]]()
        for batch in batches:
            columns = [batch.column(name) for name in ("source", "target")]
            parts = tuple((c.offsets.to_numpy(), c.values.to_numpy(zero_copy_only=True)) for c in columns)
            for offsets, values in parts:
                if below is not None and values[offsets[0] : offsets[-1]].max(initial=0) >= below:
                    raise DataError(f"the records hold an id above the vocabulary of {below}", "make them again")
            self.sides.append(parts)
            self.starts.append(self.starts[-1] + batch.num_rows)
        lengths = [[np.diff(parts[side][0]) for parts in self.sides] for side in (0, 1)]
        empty = np.zeros(0, np.int64)
        self.lengths = np.stack([np.concatenate([empty, *side]) for side in lengths])  # [2, pairs]
        if longest_source is not None:
            self.lengths[0] = np.minimum(self.lengths[0], longest_source)

    def __len__(self) -> int:
        return self.starts[-1]

    def __getitem__(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """(source, target) ids, int64."""
        part = bisect.bisect_right(self.starts, row) - 1
        place = row - self.starts[part]
        source, target = (
            values[offsets[place] : offsets[place + 1]].astype(np.int64) for offsets, values in self.sides[part]
        )
        return source[: self.longest_source], target

    @property
    def longest(self) -> int:
        """Tokens of the longest side."""
        return int(self.lengths.max(initial=0))

    def fitting(self, context: int) -> np.ndarray:
        """Numbers of the pairs whose sides have at most `context` tokens."""
        return np.flatnonzero(self.lengths.max(axis=0, initial=0) <= context)


class PairData:
    """Training batches of pairs (see train/objective.py:Data).

    `collate` makes a batch of rows. A batch holds about `batch_tokens` tokens of both sides, padding included, or
    `batch_size` pairs where given.
    `tokens_per_step` is the mean over an epoch, padding left out.
    """

    def __init__(
        self,
        table: PairTable,
        *,
        context: int,
        batch_tokens: int,
        batch_size: int | None = None,
        micro_batches: int = 1,
        seed: int = 0,
        collate: Collate,
    ) -> None:
        rows = table.fitting(context)
        if not rows.size:
            raise DataError(f"no pair fits into {context} tokens a side", "give a larger --length")
        self.table, self.micro_batches, self.seed, self.collate = table, micro_batches, seed, collate
        lengths = table.lengths[:, rows]
        order = _order(lengths)
        self.rows = rows[order]
        self.blocks = _blocks(lengths[:, order], batch_tokens, batch_size)  # (first, pairs, pairs a batch)
        self.cells = [
            (number, place) for number, (_, count, size) in enumerate(self.blocks) for place in range(0, count, size)
        ]
        self.tokens = int(lengths.sum())
        self.tokens_per_step = max(1, round(self.tokens / len(self.cells))) * micro_batches
        self._epoch: tuple[int, np.ndarray] | None = None

    def batch(self, step: int, micro: int) -> tuple[Any, tuple[int, ...]]:
        """Micro-batch `micro` of `step`."""
        epoch, place = divmod(step * self.micro_batches + micro, len(self.cells))
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = (epoch, self._generator(epoch, -1).permutation(len(self.cells)))
        number, offset = self.cells[int(self._epoch[1][place])]
        first, count, size = self.blocks[number]
        chosen = self._generator(epoch, number).permutation(count)[offset : offset + size]
        pairs = [self.table[int(self.rows[first + i])] for i in chosen]
        begin = micro * (1 << 20)
        return self.collate(pairs), tuple(range(begin, begin + len(pairs)))

    def padding(self) -> float:
        """Share of the positions of an epoch's batches that are padding, at most."""
        held = 0
        for first, count, _ in self.blocks:
            held += count * int(self.table.lengths[:, self.rows[first : first + count]].max(axis=1).sum())
        return 1 - self.tokens / held

    def _generator(self, epoch: int, block: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(mix(self.seed, epoch, block)))


def _order(lengths: np.ndarray) -> np.ndarray:
    """Numbers of the pairs with `lengths` [2, pairs], long ones first, neighbours alike on both sides."""
    level = np.floor(np.log(lengths[0]) / np.log(COARSE))
    return np.lexsort((lengths[0], lengths[1], level))[::-1]


def _blocks(lengths: np.ndarray, batch_tokens: int, batch_size: int | None) -> list[tuple[int, int, int]]:
    """Blocks of neighbours for `lengths` [2, pairs] in the order of `_order`: (first pair, pairs, pairs a batch)."""
    blocks, first, total = [], 0, lengths.shape[1]
    while first < total:
        size = batch_size or max(1, batch_tokens // int(lengths[:, first].sum()))
        for _ in range(2):  # the block's longest target is known only once its size is
            widest = int(lengths[:, first : first + BLOCK * size].max(axis=1).sum())
            size = batch_size or max(1, batch_tokens // widest)
        count = min(BLOCK * size, total - first)
        blocks.append((first, count, size))
        first += count
    return blocks


class PairValidation:
    """The validation pairs that fit, in order of length or, where few are read, at even distances over all lengths."""

    def __init__(self, table: PairTable, *, context: int, batch_tokens: int, collate: Collate) -> None:
        rows = table.fitting(context)
        lengths = table.lengths[:, rows]
        order = _order(lengths)
        self.table, self.rows, self.batch_tokens, self.collate = table, rows[order], batch_tokens, collate
        self.tokens = int(lengths.sum())

    def batches(self, limit_tokens: int | None = None) -> Iterator[Any]:
        """All pairs, or about `limit_tokens` tokens."""
        rows = self.rows
        if limit_tokens is not None and limit_tokens < self.tokens:
            wanted = max(1, len(rows) * limit_tokens // self.tokens)
            rows = rows[np.arange(wanted) * len(rows) // wanted]
        blocks = _blocks(self.table.lengths[:, rows], self.batch_tokens, None) if len(rows) else []
        for first, count, size in blocks:
            for place in range(first, first + count, size):
                chosen = rows[place : min(place + size, first + count)]
                yield self.collate([self.table[int(row)] for row in chosen])
