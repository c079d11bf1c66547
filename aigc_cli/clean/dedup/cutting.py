"""Documents without the passages that were marked, one unit of rows at a time."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from aigc_cli.clean.alike import difference
from aigc_cli.clean.dedup.keys import COLUMN, make_keys
from aigc_cli.clean.kernels import passages as k
from aigc_cli.clean.kernels.folding import folded_spans
from aigc_cli.clean.kernels.hash128 import hashes
from aigc_cli.clean.kernels.scan import scan
from aigc_cli.clean.kernels.text import buffers
from aigc_cli.clean.outcome import Reasons, first_reasons
from aigc_cli.clean.recipe import Rule, judge
from aigc_cli.clean.step import REPAIRS_PER_BATCH, CleanStep, shortened
from aigc_cli.core.arrow import checked, read_stream
from aigc_cli.core.files import identity

# The rules whose statistics are those of the text alone: they are made anew for what is left of it.
MEASURED = ("length", "gopher_quality", "gopher_repetition", "c4_paragraphs", "fineweb")

Payload = tuple[str, int, int, int, int]  # (file of rows, first row, rows, first mark, mark behind the last)


@dataclass
class Passages:
    """The passages of a batch of rows: all of them in the order of the text, and those that are compared.

    Passage i is firsts[i] to ends[i] of the text column's bytes; those of row r are starts[r] to starts[r + 1].
    `compared` are places among them, ascending: what is compared is `length` passages from there on.
    """

    column: pa.Array
    firsts: np.ndarray
    ends: np.ndarray
    starts: np.ndarray
    compared: np.ndarray
    length: int

    @classmethod
    def of(cls, rule: Rule, batch: pa.RecordBatch) -> Passages:
        """Those of the rows that no rule dropped."""
        name, options = rule
        column = batch.column("text")
        alive = pc.is_null(batch.column("rule")).cast(pa.uint8()).to_numpy()
        if name == "sentences":
            firsts, ends, starts = k.split(column, alive, k.SENTENCES)
            lasts = np.repeat(starts[1:], np.diff(starts))  # of each sentence's row
            compared = (np.arange(len(firsts)) + options.span <= lasts).nonzero()[0]
            return cls(column, firsts, ends, starts, compared, options.span)
        firsts, ends, starts = k.split(column, alive, k.BLOCKS if options.split == "blocks" else k.LINES)
        compared = k.large(column, firsts, ends, options.min_words, options.min_characters).nonzero()[0]
        return cls(column, firsts, ends, starts, compared, 1)

    def counts(self) -> np.ndarray:
        """How many are compared of each row, int64 [rows]."""
        return np.diff(np.searchsorted(self.compared, self.starts))

    def hashes(self) -> np.ndarray:
        """The 128-bit hash of each one that is compared, uint64 [compared, 2]; case and white space do not count."""
        data = buffers(self.column)[0]
        if self.length == 1:
            text, starts = folded_spans(data, self.firsts[self.compared], self.ends[self.compared])
            return hashes(text, starts[:-1], starts[1:])
        text, starts = folded_spans(data, self.firsts, self.ends)
        single = hashes(text, starts[:-1], starts[1:])
        return hashes(single.ravel().view(np.uint8), self.compared, self.compared + self.length, unit=16)

    def text(self, place: int) -> tuple[int, int, str]:
        """(first byte, byte behind the last, text) of the one at `place` among those that are compared."""
        first = int(self.compared[place])
        start, end = int(self.firsts[first]), int(self.ends[first + self.length - 1])
        return start, end, buffers(self.column)[0][start:end].tobytes().decode()

    def gone(self, marks: np.ndarray) -> np.ndarray:
        """1 for each passage that goes, uint8; `marks` has a byte for each one that is compared."""
        gone = np.zeros(len(self.firsts), dtype=np.uint8)
        first = self.compared[marks != 0]
        for step in range(self.length):
            gone[first + step] = 1
        return gone


@dataclass(frozen=True)
class CutStep:
    """step(payload) -> (rows, counts): the rows of one unit without the passages that `marks`, a file, holds.

    A document of which too little is left keeps its text and gets rule and reason; another one gets hash, keys and
    statistics of the new text.
    """

    rule: Rule
    step: CleanStep
    marks: str

    def __call__(self, payload: Payload) -> Iterator[tuple[pa.RecordBatch, dict[str, int]]]:
        """Cut the rows of one unit."""
        path, start, rows, first, end = payload
        marks = np.fromfile(self.marks, dtype=np.uint8, count=end - first, offset=first)
        place = shown = 0
        for batch in _table(path, identity(path)).slice(start, rows).to_batches():
            passages = Passages.of(self.rule, checked(batch, Path(path)))
            count = len(passages.compared)
            counts: Counter[str] = Counter()
            if marks[place : place + count].any():
                batch, shown = self._cut(batch, passages, marks[place : place + count], counts, shown)
            place += count
            yield batch, dict(counts)
        assert place == len(marks), "the marks are not those of these rows"

    def _cut(
        self, batch: pa.RecordBatch, passages: Passages, marks: np.ndarray, counts: Counter[str], shown: int
    ) -> tuple[pa.RecordBatch, int]:
        """(the batch, how many examples the unit has now)."""
        name = self.rule[0]
        gone = passages.gone(marks)
        total = np.concatenate([[0], np.cumsum(gone, dtype=np.int64)])
        removed = total[passages.starts[1:]] - total[passages.starts[:-1]]
        rows = removed.nonzero()[0]
        before = batch.column("text")
        texts = k.without(before, (passages.firsts, passages.ends, passages.starts), gone).take(pa.array(rows))
        left = np.diff(passages.starts)[rows] - removed[rows]
        reasons = self._reasons(before.take(pa.array(rows)), texts, left)
        counts[f"{name}:count:removed"] += int(gone.sum())
        if reasons is not None:
            for code, number in enumerate(np.bincount(reasons.codes[reasons.codes >= 0]).tolist()):
                counts[f"{name}:drop:{reasons.names[code]}"] += number
            batch = _dropped(batch, name, rows, reasons, self.step.keep_rejected)
            stays = reasons.codes < 0
            rows, texts = rows[stays], texts.filter(pa.array(stays))
        counts[f"{name}:changed"] += len(rows)
        examples = {}
        for row, text in zip(rows.tolist(), texts, strict=True):
            if shown >= REPAIRS_PER_BATCH:
                break
            if not batch.column("repair")[row].is_valid:
                shown += 1
                pair = difference(before[row].as_py(), text.as_py())
                examples[row] = json.dumps([name, *pair], ensure_ascii=False)
        return self._changed(batch, rows, texts, examples), shown

    def _reasons(self, before: pa.Array, texts: pa.Array, passages: np.ndarray) -> Reasons | None:
        """Why documents go of which `texts` and so many passages are left."""
        options = self.rule[1]
        numbers = scan(texts)
        few = np.where(numbers.by_character, options.left_characters, options.left_words)
        old = pc.utf8_length(before).to_numpy(zero_copy_only=False)
        share = numbers.chars / np.maximum(old, 1)
        return first_reasons(len(texts), [
            ("empty", passages == 0), ("min_sentences", passages < getattr(options, "min_sentences", 0)),
            ("short", numbers.words < few), ("left_share", share < getattr(options, "left_share", 0.0)),
        ])  # fmt: skip

    def _changed(
        self, batch: pa.RecordBatch, rows: np.ndarray, texts: pa.Array, examples: dict[int, str]
    ) -> pa.RecordBatch:
        """The batch with new texts in these rows, and what follows from them."""
        if not len(rows):
            return batch
        new = {
            "text": texts,
            "hash": pa.array([xxhash.xxh128_hexdigest(text.as_py().encode()) for text in texts], pa.string()),
        }
        if examples:
            kept = batch.column("repair").take(pa.array(rows)).to_pylist()
            pairs = zip(rows.tolist(), kept, strict=True)
            new["repair"] = pa.array([examples.get(row, old) for row, old in pairs], pa.string())
        if self.step.keyed:
            keys = make_keys(texts, self.step.minhash, self.step.seed)
            new[COLUMN] = keys.cast(batch.schema.field(COLUMN).type)
        if "stats" in batch.schema.names:
            old_rows = batch.take(pa.array(rows))
            place = old_rows.schema.get_field_index("text")
            new["stats"] = _stats(old_rows.set_column(place, old_rows.schema.field(place), texts), self.step)
        for name, values in new.items():
            batch = _replaced(batch, name, rows, values)
        return batch


def _stats(batch: pa.RecordBatch, step: CleanStep) -> pa.Array:
    """The statistics of the rows, those that are of the text alone made anew."""
    kind = batch.schema.field("stats").type
    arrays = {field.name: batch.column("stats").field(number) for number, field in enumerate(kind)}
    for name, options in step.per_document:
        if name in MEASURED:
            for key, values in judge(name, step.parity).apply(batch, options).stats.items():
                numbers = np.asarray(values, dtype=np.float32)
                arrays[key] = pa.array(numbers, mask=np.isnan(numbers))
    return pa.StructArray.from_arrays(list(arrays.values()), fields=list(kind))


def _dropped(batch: pa.RecordBatch, rule: str, rows: np.ndarray, reasons: Reasons, whole: bool) -> pa.RecordBatch:
    """The batch with rule and reason in the rows that go; their texts are shortened unless `whole`."""
    gone = reasons.codes >= 0
    rows = rows[gone]
    names = pa.array(reasons.names, pa.string()).take(pa.array(reasons.codes[gone]))
    batch = _replaced(batch, "rule", rows, pa.array([rule] * len(rows), pa.string()))
    batch = _replaced(batch, "reason", rows, names)
    if COLUMN in batch.schema.names:
        size = batch.schema.field(COLUMN).type.list_size
        zeros = pa.array(np.zeros(len(rows) * size, dtype=np.uint64))
        batch = _replaced(batch, COLUMN, rows, pa.FixedSizeListArray.from_arrays(zeros, size))
    if not whole:
        batch = _replaced(batch, "text", rows, shortened(batch.take(pa.array(rows))).column("text"))
    return batch


def _replaced(batch: pa.RecordBatch, name: str, rows: np.ndarray, values: pa.Array) -> pa.RecordBatch:
    """The batch with other values in these rows of a column, ascending."""
    place = batch.schema.get_field_index(name)
    old = batch.column(place)
    index = np.arange(len(old))
    index[rows] = len(old) + np.arange(len(rows))
    column = pa.concat_arrays([old, values.cast(old.type)]).take(pa.array(index))
    return batch.set_column(place, batch.schema.field(place), column)


@functools.lru_cache(maxsize=2)
def _table(path: str, _identity: tuple[str, int, int]) -> pa.Table:
    """A file of rows, mapped; its values are still to be checked."""
    return pa.Table.from_batches(read_stream(Path(path)))
