"""Apply a step to units of work: in local processes, resumable, in unit order whatever the number of workers."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_cli.core import console
from aigc_cli.core.device import threads
from aigc_cli.core.files import atomic_write, canonical_json, disk_errors, hash_text
from aigc_cli.core.pool import unordered

if TYPE_CHECKING:
    import pyarrow as pa

    from aigc_cli.core.run import Run

TASK_BYTES = 32 << 20  # most input of one task: no more than this is lost in a kill
TASKS_PER_WORKER = 4  # on small inputs: so that all workers end at about the same time
TASK_UNITS = 256
JOIN_ROWS = 256  # record batches with fewer rows are joined
INLINE_BYTES = 8 << 20  # below this, starting processes costs more than it gives


@dataclass(frozen=True)
class Unit:
    """A piece of work that is done whole or not at all. Equal keys mean equal results."""

    key: str
    payload: Any
    weight_bytes: int = 0

    def derive(self, salt: str) -> Unit:
        """The same payload under a key that also depends on `salt` (stage version and options)."""
        return replace(self, key=hash_text(f"{salt}\n{self.key}"))


@dataclass
class UnitResult:
    """Rows [start, start + rows) of `file` (an Arrow stream, or a shard directory of the previous run)."""

    key: str
    file: str
    start: int
    rows: int
    counts: dict[str, Any] = field(default_factory=dict)


class Parts:
    """The results of all units, in unit order."""

    def __init__(self, directory: Path, schema: pa.Schema, units: list[UnitResult], computed: int) -> None:
        self.directory, self.schema, self.units, self.computed = directory, schema, units, computed

    @property
    def counts(self) -> Counter[str]:
        """Counts summed over units."""
        total: Counter[str] = Counter()
        for unit in self.units:
            total.update({k: v for k, v in unit.counts.items() if isinstance(v, int | float)})
        return total

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows in unit order."""
        import pyarrow as pa

        from aigc_cli.core.shards import Shards

        opened: dict[str, Any] = {}
        for file, start, rows in _joined(self.units):
            if file not in opened:
                opened.clear()  # units follow the files: one open at a time is enough
                path = self.directory / file if not Path(file).is_absolute() else Path(file)
                if path.is_dir():
                    opened[file] = Shards.open(path)
                else:
                    opened[file] = pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
            source = opened[file]
            if isinstance(source, Shards):
                yield from source.rows(start, rows)
            else:
                yield from source.slice(start, rows).to_batches()

    def merge(self, directory: Path) -> int:
        """Write all rows as shards into `directory`, with units.json for the next run; gives the row count."""
        from aigc_cli.core.shard_writer import ShardWriter
        from aigc_cli.core.shards import UNITS

        writer = ShardWriter(directory, self.schema)
        for batch in self.batches():
            writer.write(batch)
        writer.close()
        index = [{"key": u.key, "rows": u.rows, "counts": u.counts} for u in self.units]
        atomic_write(Path(directory) / UNITS, canonical_json(index))
        return writer.rows


def map_units(
    run: Run,
    units: Sequence[Unit],
    step: Callable[[Any], Iterator[tuple[pa.RecordBatch, dict[str, Any]]]],
    *,
    schema: pa.Schema,
    label: str,
    name: str = "",
    workers: int | None = None,
) -> Parts:
    """Run `step(payload)` for every unit that neither this run's journal nor the previous run already has.

    `step` yields (rows, counts) pairs; it must be importable and its payload picklable. `name` is the sub-directory
    in which the previous run kept the merged rows ("" where they are its payload).
    """
    keys = {unit.key for unit in units}
    assert len(keys) == len(units), "unit keys must be unique"
    done = _previous(run, name, keys)
    reused = set(done)
    done.update(_journaled(run, label))
    pending = [unit for unit in units if unit.key not in done]
    directory = run.dir / "parts"
    with disk_errors(directory):
        directory.mkdir(exist_ok=True)
    workers = workers or run.common.workers or threads()
    total_bytes = sum(unit.weight_bytes for unit in pending)
    if total_bytes < INLINE_BYTES:
        workers = 1
    task_bytes = min(TASK_BYTES, total_bytes // (TASKS_PER_WORKER * workers) + 1)
    tasks = [(step, task, str(directory), schema) for task in _tasks(pending, task_bytes)]
    with console.progress(label, len(units), "units") as bar:
        bar.advance(len(units) - len(pending))
        for results in unordered(_run_task, tasks, workers):
            run.journal.append({"map": label, "units": [vars(r) for r in results]})
            done.update({r.key: r for r in results})
            bar.advance(len(results))
    if reused:
        console.detail(f"{label}: {len(reused & keys)} of {len(units)} units taken from the previous run")
    return Parts(directory, schema, [done[unit.key] for unit in units], len(pending))


def known(run: Run, label: str, keys: set[str], name: str = "") -> set[str]:
    """Those of `keys` whose results this run's journal or the previous run has: map_units does not compute them."""
    return keys & (set(_previous(run, name, keys)) | set(_journaled(run, label)))


def _tasks(units: Sequence[Unit], task_bytes: int) -> Iterator[list[Unit]]:
    task: list[Unit] = []
    size = 0
    for unit in units:
        if task and (size + unit.weight_bytes > task_bytes or len(task) >= TASK_UNITS):
            yield task
            task, size = [], 0
        task.append(unit)
        size += unit.weight_bytes
    if task:
        yield task


def _run_task(task: tuple[Any, list[Unit], str, pa.Schema]) -> list[UnitResult]:
    """Compute the units of one task into one Arrow file; the file is whole before it has its name."""
    import pyarrow as pa

    step, units, directory, schema = task
    name = f"{hash_text(units[0].key)}-{len(units)}.arrow"
    path = Path(directory) / name
    temporary = path.with_suffix(".tmp")
    results, row = [], 0
    with disk_errors(path):
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            small = _Small(writer)
            for unit in units:
                start, counts = row, Counter[str]()
                other: dict[str, Any] = {}
                for batch, numbers in step(unit.payload):
                    small.write(batch)
                    row += batch.num_rows
                    for key, value in numbers.items():
                        if isinstance(value, int | float):
                            counts[key] += value  # type: ignore[assignment]
                        elif isinstance(value, list):
                            other.setdefault(key, []).extend(value)
                        else:
                            other[key] = value
                results.append(UnitResult(unit.key, name, start, row - start, {**counts, **other}))
            small.flush()
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    return results


class _Small:
    """Joins record batches of a few rows, as thousands of small files give them, before they are written."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer
        self.waiting: list[pa.RecordBatch] = []
        self.rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Write `batch`, or keep it until there are enough rows."""
        if batch.num_rows == 0:
            return
        if self.rows + batch.num_rows > JOIN_ROWS:
            self.flush()
        self.waiting.append(batch)
        self.rows += batch.num_rows

    def flush(self) -> None:
        """Write what waits."""
        import pyarrow as pa

        if self.waiting:
            self.writer.write_batch(self.waiting[0] if len(self.waiting) == 1 else pa.concat_batches(self.waiting))
        self.waiting, self.rows = [], 0


def _journaled(run: Run, label: str) -> dict[str, UnitResult]:
    """Units that the killed run had finished, whose part files are there."""
    found = {}
    for entry in run.journal.entries:
        if entry.get("map") == label:
            for values in entry["units"]:
                if (run.dir / "parts" / values["file"]).is_file():
                    found[values["key"]] = UnitResult(**values)
    return found


def _previous(run: Run, name: str, keys: set[str]) -> dict[str, UnitResult]:
    """Units of the previous published run whose keys are asked for again."""
    if run.previous is None or run.common.force:
        return {}
    from aigc_cli.core.shards import UNITS

    directory = run.previous / name
    try:
        index = json.loads((directory / UNITS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found, start = {}, 0
    for entry in index:
        if entry["key"] in keys:
            found[entry["key"]] = UnitResult(
                entry["key"], str(directory.absolute()), start, entry["rows"], entry.get("counts", {})
            )
        start += entry["rows"]
    return found


def _joined(units: Iterable[UnitResult]) -> Iterator[tuple[str, int, int]]:
    """Neighbouring row ranges of the same file as one."""
    current: tuple[str, int, int] | None = None
    for unit in units:
        if current and current[0] == unit.file and current[1] + current[2] == unit.start:
            current = (current[0], current[1], current[2] + unit.rows)
        else:
            if current and current[2]:
                yield current
            current = (unit.file, unit.start, unit.rows)
    if current and current[2]:
        yield current
