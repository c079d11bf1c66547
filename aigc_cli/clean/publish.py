"""Writing the result: the documents that stay, by split, and the rejected ones beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from aigc_cli.clean.dedup.find import REASONS, RULE_NAMES, Duplicates
from aigc_cli.clean.dedup.keys import COLUMN
from aigc_cli.clean.dedup.near import marked
from aigc_cli.clean.dedup.scratch import Scratch
from aigc_cli.clean.facts import Gatherer
from aigc_cli.clean.kernels.text import buffers
from aigc_cli.clean.step import CleanStep
from aigc_cli.core.engine import Parts
from aigc_cli.core.files import atomic_write
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.core.shards import UNITS

REJECTED = "rejected"  # directory of the dropped documents
_INTERNAL = ("rule", "reason", "repair", "matched", COLUMN)


def write(
    directory: Path,
    parts: Parts,
    step: CleanStep,
    splits: Mapping[str, int],
    duplicates: Duplicates,
    gatherer: Gatherer,
) -> None:
    """Write the shards into `directory`; `splits` says how many units each split has, in order."""
    kept = pa.schema([field for field in step.schema if field.name not in _INTERNAL])
    several = list(splits) != ["train"]
    writers = {split: ShardWriter(directory / split if several else directory, kept, split=split) for split in splits}
    rejected = None
    if step.keep_rejected:
        extra = [("rule", pa.string()), ("reason", pa.string()), ("matched", pa.string()), ("similarity", pa.float32())]
        rejected = ShardWriter(directory / REJECTED, pa.schema([*kept, *extra]))
    matched = _Matched(parts, duplicates, Scratch(directory / "parts")) if rejected else None
    index = {split: _Index(parts, split, splits) for split in splits}
    for split, start, batch in _rows(parts, splits):
        rules, reasons = _decisions(start, batch, duplicates)
        gatherer.see(start, batch, rules, reasons)
        stays = np.array([rule is None for rule in rules], dtype=bool)
        documents = batch.select(kept.names)
        chosen = documents.filter(pa.array(stays))
        gatherer.keep(chosen)
        writers[split].write(chosen)
        index[split].see(start, batch, stays)
        if rejected is not None and matched is not None and not stays.all():
            part = slice(start, start + batch.num_rows)
            columns = [*documents.columns, pa.array(rules, pa.string()), pa.array(reasons, pa.string()),
                       _or_else(matched.ids(start, batch.num_rows), batch),
                       pa.array(duplicates.similarity[part], mask=duplicates.rule[part] == 0)]  # fmt: skip
            rejected.write(pa.RecordBatch.from_arrays(columns, schema=rejected.schema).filter(pa.array(~stays)))
    for split, writer in writers.items():
        writer.close()
        index[split].write(writer.directory)
    if rejected is not None:
        rejected.close()
    if several:
        write_dataset_dict(directory, list(splits))


def _or_else(ids: pa.Array, batch: pa.RecordBatch) -> pa.Array:
    """The ids, and where there is none what a rule named as the document's match."""
    return pc.coalesce(ids, batch.column("matched")) if "matched" in batch.schema.names else ids


def _decisions(start: int, batch: pa.RecordBatch, duplicates: Duplicates) -> tuple[list[str | None], list[str | None]]:
    """(rule, reason) that dropped each row, None for rows that stay."""
    rules, reasons = batch.column("rule").to_pylist(), batch.column("reason").to_pylist()
    numbers = duplicates.rule[start : start + batch.num_rows]
    for row in numbers.nonzero()[0].tolist():
        rules[row] = RULE_NAMES[numbers[row]]
        reasons[row] = REASONS[numbers[row]]
    return rules, reasons


def _rows(parts: Parts, splits: Mapping[str, int]) -> Iterator[tuple[str, int, pa.RecordBatch]]:
    """(split, row number, batch) for all rows; no batch spans two splits."""
    ends: list[tuple[str, int]] = []
    units = iter(parts.units)
    total = 0
    for split, count in splits.items():
        total += sum(next(units).rows for _ in range(count))
        ends.append((split, total))
    row, current = 0, 0
    for batch in parts.batches():
        taken = 0
        while taken < batch.num_rows:
            while row >= ends[current][1]:
                current += 1
            count = min(batch.num_rows - taken, ends[current][1] - row)
            yield ends[current][0], row, batch.slice(taken, count)
            taken, row = taken + count, row + count


class _Index:
    """units.json of one split: which documents came from which unit, under keys that change with their content."""

    def __init__(self, parts: Parts, split: str, splits: Mapping[str, int]) -> None:
        first = sum(count for name, count in list(splits.items())[: list(splits).index(split)])
        units = parts.units[first : first + splits[split]]
        start = sum(unit.rows for unit in parts.units[:first])
        self._ends = start + np.cumsum([unit.rows for unit in units])
        self._digests = [xxhash.xxh128(unit.key.encode()) for unit in units]
        self._rows = [0] * len(units)

    def see(self, start: int, batch: pa.RecordBatch, stays: np.ndarray) -> None:
        """Note which rows of a batch, the first of which is row `start` of all, stay."""
        ids, hashes = batch.column("id").to_pylist(), batch.column("hash").to_pylist()
        rows = stays.nonzero()[0]
        units = np.searchsorted(self._ends, start + rows, side="right")
        for row, unit in zip(rows.tolist(), units.tolist(), strict=True):
            self._digests[unit].update(f"{ids[row]} {hashes[row]}\n".encode())
            self._rows[unit] += 1

    def write(self, directory: Path) -> None:
        """Write the file."""
        pairs = zip(self._digests, self._rows, strict=True)
        index = [{"key": digest.hexdigest(), "rows": rows} for digest, rows in pairs if rows]
        atomic_write(directory / UNITS, json.dumps(index, separators=(",", ":")))


class _Matched:
    """The ids of the documents that stay in the place of duplicates."""

    def __init__(self, parts: Parts, duplicates: Duplicates, scratch: Scratch) -> None:
        self._match, self._outside = duplicates.match, duplicates.outside
        self._rows = marked(duplicates.copies(), scratch, "matched-rows")
        self._starts = scratch.array("matched-starts", len(self._rows) + 1, np.int64)
        spool = scratch.spool("matched-ids", np.uint8)
        start = 0
        for batch in parts.batches():
            low, high = np.searchsorted(self._rows, [start, start + batch.num_rows])
            if high > low:
                ids = batch.column("id").take(pa.array(self._rows[low:high] - start)).cast(pa.large_string())
                data, offsets = buffers(ids)
                self._starts[low + 1 : high + 1] = spool.length + offsets[1:] - offsets[0]
                spool.append(data[offsets[0] : offsets[-1]])
            start += batch.num_rows
        self._data = spool.array()

    def ids(self, start: int, count: int) -> pa.Array:
        """For each of the rows from `start` on, the id of its match or null."""
        match = self._match[start : start + count]
        found: list[str | None] = [None] * count
        gone = (match >= 0).nonzero()[0]
        for row, place in zip(gone.tolist(), np.searchsorted(self._rows, match[gone]).tolist(), strict=True):
            found[row] = self._data[self._starts[place] : self._starts[place + 1]].tobytes().decode()
        own = pa.array(found, pa.string())
        return own if self._outside is None else pc.coalesce(own, self._outside.at(start, count))
