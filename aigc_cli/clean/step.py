"""The rules that look at one document at a time, composed to one step over record batches."""

from __future__ import annotations

import functools
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from aigc_cli.clean.alike import difference
from aigc_cli.clean.dedup.keys import COLUMN, key_type, make_keys
from aigc_cli.clean.outcome import Changed, Outcome, Reasons, with_texts
from aigc_cli.clean.recipe import Rule, judge, module
from aigc_cli.clean.rules import GLOBAL
from aigc_cli.clean.rules.pii import masked, redact
from aigc_cli.core.files import identity
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards

EXAMPLE_CHARS = 200
REPAIRS_PER_BATCH = 1  # before/after examples of each rule
# Columns that clean adds; an input's own of that name are dropped.
OWN = ("stats", "rule", "reason", "repair", "matched", COLUMN)

Payload = tuple[str, str, int, int]  # (shards, split, first row, rows)


def document_schema(columns: pa.Schema) -> pa.Schema:
    """The schema of documents with the columns of `columns`: those of every document first, then the input's own."""
    own = [field for field in columns if field.name not in DOCUMENT_SCHEMA.names and field.name not in OWN]
    return pa.schema([*DOCUMENT_SCHEMA, *own])


@dataclass(frozen=True)
class CleanStep:
    """step(payload) -> (documents, counts): kept and dropped rows in input order, dropped ones with rule and reason.

    Dropped texts are cut to EXAMPLE_CHARS unless `keep_rejected`. `documents` is the schema from document_schema.
    With `keyed`, each document gets the keys by which it is compared; `minhash` are the options of its bands.
    """

    rules: tuple[Rule, ...]
    documents: pa.Schema
    keep_rejected: bool = False
    seed: int = 0
    keyed: bool = False
    minhash: Any = None
    parity: str | None = None

    @property
    def per_document(self) -> list[Rule]:
        """The rules of this step."""
        return [(name, options) for name, options in self.rules if name not in GLOBAL]

    @property
    def stats(self) -> list[str]:
        """Names in the stats column."""
        return list(dict.fromkeys(stat for name, _ in self.per_document for stat in module(name).STATS))

    @property
    def matches(self) -> bool:
        """Whether a rule of this step names what documents were matched with."""
        return any(getattr(module(name), "MATCHES", False) for name, _ in self.per_document)

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """What the step yields."""
        fields = list(self.documents)
        if self.stats:
            fields.append(pa.field("stats", pa.struct([(name, pa.float32()) for name in self.stats])))
        fields += [pa.field(name, pa.string()) for name in ("rule", "reason", "repair")]
        if self.matches:
            fields.append(pa.field("matched", pa.string()))
        if self.keyed:
            fields.append(pa.field(COLUMN, key_type(self.minhash)))
        return pa.schema(fields)

    def __call__(self, payload: Payload) -> Iterator[tuple[pa.RecordBatch, dict[str, int]]]:
        """Clean the rows of one unit."""
        path, split, start, rows = payload
        for batch in _open(path, identity(path)).rows(start, rows, split=split):
            yield self.clean(conform(batch, self.documents))

    def clean(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
        """One batch with the columns of `documents`; see the class."""
        state = _State(batch, self)
        state.counts["documents"] += batch.num_rows
        state.counts["bytes"] += int(pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0)
        _count_lengths(batch.column("text"), state.counts)
        for name, options in self.per_document:
            state.counts[f"{name}:in"] += len(state.rows)
            if len(state.rows):
                state.take(name, judge(name, self.parity).apply(state.batch, options))
        return state.finish(), dict(state.counts)


class _State:
    """A batch on its way through the rules: the rows still alive, and what was found out."""

    def __init__(self, batch: pa.RecordBatch, step: CleanStep) -> None:
        self.batch, self.step = batch, step
        self.pii = dict(step.per_document).get("pii")  # options of that rule, if it is one of the step's
        self.rows = np.arange(batch.num_rows)  # of the input batch, still alive
        self.changed = np.zeros(batch.num_rows, dtype=bool)
        self.stats = {name: np.full(batch.num_rows, np.nan) for name in step.stats}
        self.repairs: dict[int, str] = {}
        self.matched: dict[int, str] = {}
        self.names: list[str] = []  # of rules and of reasons; what `why` points to
        self.why = np.full((2, batch.num_rows), -1, dtype=np.int32)  # rule and reason of each dropped row
        self.dropped: list[tuple[np.ndarray, pa.RecordBatch]] = []
        self.counts: Counter[str] = Counter()

    def take(self, rule: str, outcome: Outcome) -> None:
        """Apply what a rule decided."""
        for key, number in outcome.counts.items():
            self.counts[f"{rule}:count:{key}"] += number
        for name, values in outcome.stats.items():
            self.stats[name][self.rows] = values
        for row, item in outcome.matched.items():
            self.matched.setdefault(int(self.rows[row]), item)
        if len(outcome.text):
            self._change(rule, outcome.text)
        if outcome.languages is not None:
            self._set("lang", pa.array(outcome.languages, pa.string()))
        if outcome.reasons is not None:
            self._drop(rule, outcome.reasons)

    def _change(self, rule: str, texts: Mapping[int, str] | Changed) -> None:
        column = self.batch.column("text")
        self.counts[f"{rule}:changed"] += len(texts)
        free = (row for row in texts if int(self.rows[row]) not in self.repairs)
        for row in itertools.islice(free, REPAIRS_PER_BATCH):
            before, after = self._discreet(rule, column[row].as_py() or "", texts[row])
            self.repairs[int(self.rows[row])] = json.dumps([rule, before, after], ensure_ascii=False)
        self.changed[self.rows[list(texts)]] = True
        self._set("text", with_texts(column, texts))

    def _discreet(self, rule: str, before: str, after: str) -> tuple[str, str]:
        """What an example may show of a change: no personal data, if that is to be replaced."""
        if rule == "pii":
            return difference(masked(before, after), after)
        before, after = difference(before, after)
        return (redact(before, self.pii)[0], redact(after, self.pii)[0]) if self.pii else (before, after)

    def _redacted(self, rule: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Documents that `rule` dropped; personal data is replaced in those, too, that never reached that rule."""
        names = [name for name, _ in self.step.per_document]
        if self.pii and names.index(rule) < names.index("pii"):
            index = batch.schema.get_field_index("text")
            texts = with_texts(batch.column(index), module("pii").apply(batch, self.pii).text)
            batch = batch.set_column(index, batch.schema.field(index), texts)
        return batch if self.step.keep_rejected else shortened(batch)

    def _drop(self, rule: str, reasons: Reasons) -> None:
        gone = reasons.codes >= 0
        if not gone.any():
            return
        for code, number in enumerate(np.bincount(reasons.codes[gone]).tolist()):
            if number:
                self.counts[f"{rule}:drop:{reasons.names[code]}"] += number
        first = len(self.names)
        self.names += [rule, *reasons.names]
        self.why[0, self.rows[gone]], self.why[1, self.rows[gone]] = first, first + 1 + reasons.codes[gone]
        self.changed[self.rows[gone]] |= self.pii is not None
        self.dropped.append((self.rows[gone], self._redacted(rule, self.batch.filter(pa.array(gone)))))
        self.batch, self.rows = self.batch.filter(pa.array(~gone)), self.rows[~gone]

    def _set(self, name: str, values: pa.Array) -> None:
        index = self.batch.schema.get_field_index(name)
        self.batch = self.batch.set_column(index, self.batch.schema.field(index), values)

    def finish(self) -> pa.RecordBatch:
        """All rows in input order, with the columns of the step's schema."""
        step, kept, rows = self.step, self.batch, self.rows
        keys = make_keys(kept.column("text"), step.minhash, step.seed) if step.keyed else None
        if self.dropped:
            parts = [batch for _, batch in self.dropped]
            order = np.concatenate([rows, *(r for r, _ in self.dropped)])
            back = pa.array(np.argsort(order, kind="stable"))
            whole = pa.Table.from_batches([kept, *parts]).combine_chunks().take(back)
            batch = whole.combine_chunks().to_batches()[0]
            if keys is not None:
                zeros = pa.array(np.zeros((len(order) - len(rows)) * keys.type.list_size, dtype=np.uint64))
                empty = pa.FixedSizeListArray.from_arrays(zeros, keys.type.list_size)
                keys = pa.concat_arrays([keys, empty]).take(back)
        else:
            batch = kept
        count = batch.num_rows
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        columns["hash"] = _hashes(batch, self.changed)
        if self.stats:
            arrays = [pa.array(v.astype(np.float32), mask=np.isnan(v)) for v in self.stats.values()]
            columns["stats"] = pa.StructArray.from_arrays(arrays, fields=list(step.schema.field("stats").type))
        names = pa.array(self.names, pa.string())
        columns["rule"], columns["reason"] = (names.take(pa.array(codes, mask=codes < 0)) for codes in self.why)
        if step.matches:
            columns["matched"] = pa.array([self.matched.get(row) for row in range(count)], pa.string())
        columns["repair"] = pa.array([self.repairs.get(row) for row in range(count)], pa.string())
        if keys is not None:
            columns[COLUMN] = keys.cast(step.schema.field(COLUMN).type)
        return pa.RecordBatch.from_arrays([columns[name] for name in step.schema.names], schema=step.schema)


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with exactly the columns of `schema`; missing ones are null."""
    columns = []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        columns.append(pa.nulls(batch.num_rows, field.type) if index < 0 else batch.column(index).cast(field.type))
    names = schema.names
    text = names.index("text")
    if columns[text].null_count:
        columns[text] = pc.fill_null(columns[text], "")
    return pa.RecordBatch.from_arrays(columns, schema=schema)


@functools.lru_cache(maxsize=2)
def _open(path: str, _identity: tuple[str, int, int]) -> Shards:
    return Shards.open(path)


def shortened(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with texts of at most EXAMPLE_CHARS."""
    index = batch.schema.get_field_index("text")
    short = pc.utf8_slice_codeunits(batch.column(index), 0, EXAMPLE_CHARS)
    return batch.set_column(index, batch.schema.field(index), short)


def _hashes(batch: pa.RecordBatch, changed: np.ndarray) -> pa.Array:
    """The hash column, made anew where the text changed or there was none."""
    old, texts = batch.column("hash"), batch.column("text")
    stale = changed | old.is_null().to_numpy(zero_copy_only=False)
    new = [xxhash.xxh128_hexdigest((texts[row].as_py() or "").encode()) for row in stale.nonzero()[0].tolist()]
    return pc.replace_with_mask(old.cast(pa.string()), pa.array(stale), pa.array(new, pa.string())) if new else old


def _count_lengths(column: pa.Array, counts: Counter[str]) -> None:
    """Count documents by the power of two that their number of characters reaches."""
    for bucket, number in zip(*np.unique(length_buckets(column), return_counts=True), strict=True):
        counts[f"characters:{bucket}"] += int(number)


def length_buckets(column: pa.Array) -> np.ndarray:
    """k for each text of 2**k to 2**(k + 1) - 1 characters; -1 for empty ones."""
    lengths = pc.fill_null(pc.utf8_length(column), 0).to_numpy(zero_copy_only=False)
    return np.where(lengths > 0, np.log2(np.maximum(lengths, 1)).astype(np.int64), -1)
