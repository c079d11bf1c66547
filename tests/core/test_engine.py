"""The engine: unit order, resume, incremental reuse, dying workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pyarrow as pa
import pytest

from aigc_cli.core import engine
from aigc_cli.core.engine import Unit, map_units
from aigc_cli.core.errors import DataError
from aigc_cli.core.files import hash_file
from aigc_cli.core.options import Common
from aigc_cli.core.pool import pool_map
from aigc_cli.core.run import Run

SCHEMA = pa.schema([("n", pa.int64())])


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def step(payload):
    """`payload` = (number of rows, directory of marks or "")."""
    number, marks = payload
    if marks:
        Path(marks, f"{number}-{len(list(Path(marks).iterdir()))}").touch()
    yield pa.RecordBatch.from_arrays([pa.array(range(number), pa.int64())], schema=SCHEMA), {"rows": number}
    yield pa.RecordBatch.from_arrays([pa.array([-number], pa.int64())], schema=SCHEMA), {"ends": 1, "seen": [number]}


def dies(payload):
    if payload == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    yield pa.RecordBatch.from_arrays([pa.array([payload], pa.int64())], schema=SCHEMA), {}


def dies_once(payload):
    mark = Path(payload[1])
    if payload[0] == 13 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    yield pa.RecordBatch.from_arrays([pa.array([payload[0]], pa.int64())], schema=SCHEMA), {}


def units(numbers, marks=""):
    return [Unit(f"u{n}", (n, str(marks)), engine.INLINE_BYTES) for n in numbers]


def run_all(output, numbers, workers=1, marks="", options=None, **common):
    with Run(output, stage="s", version=1, options=options or {"n": list(numbers)}, common=Common(**common)) as run:
        parts = map_units(run, units(numbers, marks), step, schema=SCHEMA, label="count", workers=workers)
        parts.merge(run.dir)
        run.publish(counts=dict(parts.counts))
    return parts


def payload(directory):
    return {p.name: hash_file(p) for p in sorted(Path(directory).iterdir())
            if p.name not in ("run.json", "journal.jsonl")}  # fmt: skip


def test_order_and_bytes_do_not_depend_on_workers():
    numbers = [3, 1, 4, 15, 9, 2, 6]
    one = run_all("one", numbers, workers=1)
    two = run_all("two", numbers, workers=2)
    assert one.counts == two.counts == {"rows": 40, "ends": 7}
    assert payload("one") == payload("two")
    assert one.units[1].counts["seen"] == [1]


def test_only_new_units_are_computed(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    run_all("out", [3, 1, 4], marks=marks)
    again = run_all("out", [3, 7, 1, 4], marks=marks)
    assert again.computed == 1 and len(list(marks.iterdir())) == 4
    run_all("fresh", [3, 7, 1, 4])
    assert payload("out") == payload("fresh")
    assert run_all("out", [3, 7, 1, 4, 5], marks=marks, force=True).computed == 5


def test_a_killed_map_continues_where_it_was(tmp_path):
    numbers = list(range(2, 8))
    run_all("whole", numbers)
    opened = Run("cut", stage="s", version=1, options={"n": numbers})
    with pytest.raises(RuntimeError), opened as run:
        map_units(run, units(numbers[:4]), step, schema=SCHEMA, label="count", workers=1)
        raise RuntimeError
    assert run_all("cut", numbers).computed == 2
    assert payload("whole") == payload("cut")


def test_a_worker_that_dies_once_costs_nothing_but_time(tmp_path):
    with Run("out", stage="s", version=1, options={}) as run:
        work = [Unit(f"u{n}", (n, str(tmp_path / "mark")), engine.TASK_BYTES) for n in (11, 12, 13, 14)]
        parts = map_units(run, work, dies_once, schema=SCHEMA, label="x", workers=2)
        assert [n for b in parts.batches() for n in b.column(0).to_pylist()] == [11, 12, 13, 14]


def test_a_worker_that_dies_twice_is_an_error():
    with pytest.raises(DataError, match="killed twice"), Run("out", stage="s", version=1, options={}) as run:
        work = [Unit(f"u{n}", n, engine.TASK_BYTES) for n in (12, 13)]
        map_units(run, work, dies, schema=SCHEMA, label="x", workers=2)


def test_pool_map_keeps_order():
    assert list(pool_map(abs, range(-20, 0), workers=2)) == list(range(20, 0, -1))
