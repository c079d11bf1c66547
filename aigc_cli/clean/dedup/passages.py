"""Passages that occurred before: which ones of all documents go, and the documents without them.

First every passage gets a hash of 128 bits, document after document; sorted by hash and place, equal ones lie side by
side in the order of the documents. What goes is marked in a file, one byte a passage. Then the documents are cut in
parallel (dedup/cutting.py). What grows with the number of passages lies in files.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from aigc_cli.clean.dedup.cutting import CutStep, Passages
from aigc_cli.clean.dedup.scratch import BLOCK, Scratch
from aigc_cli.clean.dedup.threaded import ordered
from aigc_cli.clean.kernels.repeats import mark
from aigc_cli.clean.kernels.sorting import sort_pairs
from aigc_cli.clean.recipe import Rule
from aigc_cli.clean.rules import PASSAGES
from aigc_cli.clean.step import EXAMPLE_CHARS, CleanStep
from aigc_cli.core import console
from aigc_cli.core.engine import Parts, Unit, map_units
from aigc_cli.core.files import disk_errors
from aigc_cli.core.parts import UnitResult
from aigc_cli.core.run import Run

COMMON = 10  # of the commonest removed passages are told
_FOUND = 8 * COMMON  # are looked at for that: spans that overlap are told once

_Shown = tuple[tuple[int, int], int, int, dict[str, Any]]  # (unit and row, first byte, byte behind the last, facts)


@dataclass
class Marks:
    """What goes: a file with a byte for each passage, where each unit's begin, and what is told about it."""

    path: Path
    starts: np.ndarray  # of each unit's passages, int64 [units + 1]
    facts: dict[str, Any] = field(default_factory=dict)

    def of(self, unit: int) -> np.ndarray:
        """The bytes of one unit."""
        start, end = self.starts[unit : unit + 2].tolist()
        return np.fromfile(self.path, dtype=np.uint8, count=end - start, offset=start)


def without_repeats(run: Run, parts: Parts, step: CleanStep) -> tuple[Parts, dict[str, Any]]:
    """(the rows of `parts` after the rules that compare passages, facts of each); `parts` themselves without any.

    Rows and units stay where they are; texts, keys, hashes and statistics are those of what is left.
    """
    facts = {}
    for name, options in step.rules:
        if name in PASSAGES:
            with console.progress(name, None, "steps"):
                marks = _find(parts, (name, options), run.dir / "parts")
            parts = _cut(run, parts, (name, options), step, marks)
            facts[name] = {**marks.facts, "removed": int(parts.counts[f"{name}:count:removed"])}
    return parts, facts


def _find(parts: Parts, rule: Rule, directory: Path) -> Marks:
    """Mark the passages that go."""
    name, options = rule
    place = directory / f"{name}-passages"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    scratch = Scratch(place)
    starts, high, low = _gathered(parts, rule, scratch)
    count = len(high)
    order = scratch.array("order", count, np.int64)
    for start in range(0, count, BLOCK):
        order[start : start + BLOCK] = np.arange(start, min(start + BLOCK, count))
    sort_pairs(high, order)
    marks = scratch.array("marks", count, np.uint8)
    numbers, firsts = np.zeros(_FOUND, dtype=np.int64), np.full(_FOUND, -1, dtype=np.int64)
    most, everywhere = getattr(options, "most", 1), getattr(options, "repeated", "later") == "all"
    repeated = mark(high, order, low, most, everywhere, marks, numbers, firsts)
    found = Marks(directory / f"{name}.marks", starts)
    with disk_errors(found.path), open(found.path, "wb") as file:  # for other processes, whatever its size
        for start in range(0, count, BLOCK):
            file.write(marks[start : start + BLOCK].data)
    del high, low, order, marks
    shutil.rmtree(place)
    common = _common(parts, rule, found, numbers, firsts)
    found.facts = {"compared": count, "repeated": int(repeated), "common": common}
    return found


def _gathered(parts: Parts, rule: Rule, scratch: Scratch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(where each unit's passages begin [units + 1], the two halves of each passage's hash)."""

    def hashed(batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
        found = Passages.of(rule, batch)
        return found.counts(), found.hashes()

    spools = [scratch.spool(half, np.uint64) for half in ("high", "low")]
    ends = np.cumsum([unit.rows for unit in parts.units])
    totals = np.zeros(len(parts.units) + 1, dtype=np.int64)
    row = 0
    for counts, values in ordered(hashed, parts.batches()):
        for half, spool in enumerate(spools):
            spool.append(values[:, half])
        units = np.searchsorted(ends, np.arange(row, row + len(counts)), side="right")
        np.add.at(totals, units + 1, counts)
        row += len(counts)
    return np.cumsum(totals), spools[0].array(writable=True), spools[1].array()


def _cut(run: Run, parts: Parts, rule: Rule, step: CleanStep, marks: Marks) -> Parts:
    """The rows of `parts` without the marked passages."""
    rows: Counter[str] = Counter()
    for result in parts.units:
        rows[result.file] += result.rows
    row_bytes = {file: (parts.directory / file).stat().st_size // max(count, 1) for file, count in rows.items()}
    units = []
    for number, result in enumerate(parts.units):
        start, end = marks.starts[number : number + 2].tolist()
        payload = (str(parts.directory / result.file), result.start, result.rows, start, end)
        digest = xxhash.xxh128_hexdigest(marks.of(number).tobytes())
        unit = Unit(result.key, payload, result.rows * row_bytes[result.file])
        units.append(unit.derive(f"{rule!r} {digest}"))
    cut = CutStep(rule, step, str(marks.path))
    done = map_units(run, units, cut, schema=parts.schema, label=rule[0], name=f".{rule[0]}")
    pairs = zip(done.units, parts.units, strict=True)
    both = [UnitResult(u.key, u.file, u.start, u.rows, {**before.counts, **u.counts}) for u, before in pairs]
    return Parts(done.directory, done.schema, both, done.computed)


def _common(parts: Parts, rule: Rule, marks: Marks, numbers: np.ndarray, firsts: np.ndarray) -> list[dict[str, Any]]:
    """The passages that went most often: text, how often, and the document of the first occurrence."""
    found = dict(_shown(parts, rule, marks.starts, np.sort(firsts[firsts >= 0])))
    chosen: list[int] = []
    for place in firsts[firsts >= 0].tolist():
        document, start, end, _ = found[place]
        others = (found[other] for other in chosen)
        if len(chosen) < COMMON and not any(d == document and start < e and s < end for d, s, e, _ in others):
            chosen.append(place)
    times = dict(zip(firsts.tolist(), numbers.tolist(), strict=True))
    return [{**found[place][3], "times": times[place]} for place in chosen]


def _shown(parts: Parts, rule: Rule, starts: np.ndarray, wanted: np.ndarray) -> Iterator[tuple[int, _Shown]]:
    """What is told of the passages at these places, ascending; only their units are read."""
    units = np.searchsorted(starts, wanted, side="right") - 1
    for unit in np.unique(units).tolist():
        place, row = int(starts[unit]), 0
        for batch in Parts(parts.directory, parts.schema, [parts.units[unit]], 0).batches():
            passages = Passages.of(rule, batch)
            bounds = place + np.concatenate([[0], np.cumsum(passages.counts())])
            for each in wanted[(wanted >= place) & (wanted < bounds[-1])].tolist():
                document = int(np.searchsorted(bounds, each, side="right")) - 1
                start, end, text = passages.text(each - place)
                told = {name: batch.column(name)[document].as_py() for name in ("id", "source")}
                yield each, ((unit, row + document), start, end, {**told, "text": text[:EXAMPLE_CHARS]})
            row, place = row + batch.num_rows, int(bounds[-1])
