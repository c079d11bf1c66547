"""Apply a step to units of work: in local processes, resumable, in unit order whatever the number of workers."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_cli.core import console
from aigc_cli.core.device import threads
from aigc_cli.core.files import disk_errors, hash_text
from aigc_cli.core.parts import Parts, UnitResult
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
            file, begin = directory / entry.get("file", ""), entry.get("start", start)
            found[entry["key"]] = UnitResult(
                entry["key"], str(file.absolute()), begin, entry["rows"], entry.get("counts", {})
            )
        start += entry["rows"]
    return found
