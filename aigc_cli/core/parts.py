"""The results of units of work: where their rows lie, and how they are read, merged and kept."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_cli.core.files import atomic_write, canonical_json, disk_errors

if TYPE_CHECKING:
    import pyarrow as pa


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
        from aigc_cli.core.arrow import checked, damaged
        from aigc_cli.core.shards import Shards

        opened: dict[str, Any] = {}
        for file, start, rows in _joined(self.units):
            path = self.directory / file if not Path(file).is_absolute() else Path(file)
            if file not in opened:
                opened.clear()  # units follow the files: one open at a time is enough
                opened[file] = Shards.open(path) if path.is_dir() else _table(path, self.schema)
            source, given = opened[file], 0
            found = source.rows(start, rows) if isinstance(source, Shards) else source.slice(start, rows).to_batches()
            for batch in found:
                given += batch.num_rows
                yield checked(batch, path) if not isinstance(source, Shards) else batch
            if given != rows:
                raise damaged(path, f"it ends {rows - given} rows too early")

    def merge(self, directory: Path, see: Callable[[pa.RecordBatch], None] = lambda batch: None) -> int:
        """Write all rows as shards into `directory`, with units.json for the next run; gives the row count.

        `see` is shown every batch in order; how rows are grouped into batches is no part of the result.
        """
        from aigc_cli.core.shard_writer import ShardWriter
        from aigc_cli.core.shards import UNITS

        writer = ShardWriter(directory, self.schema)
        for batch in self.batches():
            see(batch)
            writer.write(batch)
        writer.close()
        index = [{"key": u.key, "rows": u.rows, "counts": u.counts} for u in self.units]
        atomic_write(Path(directory) / UNITS, canonical_json(index))
        return writer.rows

    def keep(self, directory: Path) -> None:
        """Make `directory` hold the part files themselves for the next run: nothing is written again.

        Which rows share a file depends on workers and on earlier runs, so this is no payload.
        """
        from aigc_cli.core.shards import UNITS

        directory = Path(directory)
        shutil.rmtree(directory, ignore_errors=True)
        with disk_errors(directory):
            directory.mkdir()
        wanted: dict[str, list[UnitResult]] = {}
        for unit in self.units:
            wanted.setdefault(unit.file, []).append(unit)
        index: dict[str, Any] = {}
        for number, (file, units) in enumerate(wanted.items()):
            name = f"part-{number:05d}.arrow"
            with disk_errors(directory):
                starts = _keep_file(self.directory / file, units, directory / name, self.schema)
            index |= {u.key: {"key": u.key, "file": name, "start": start, "rows": u.rows, "counts": u.counts}
                      for u, start in zip(units, starts, strict=True)}  # fmt: skip
        atomic_write(directory / UNITS, canonical_json([index[unit.key] for unit in self.units]))


def _table(path: Path, schema: pa.Schema) -> pa.Table:
    """A part file, mapped; its values are still to be checked."""
    import pyarrow as pa

    from aigc_cli.core.arrow import damaged, read_stream

    batches = read_stream(path)
    if any(not batch.schema.equals(schema) for batch in batches):
        raise damaged(path, "its columns are not those of this run")
    return pa.Table.from_batches(batches, schema)


def _keep_file(source: Path, units: Sequence[UnitResult], target: Path, schema: pa.Schema) -> list[int]:
    """Link a part file to `target`, or copy only the units' rows when most others went; gives where each starts."""
    import pyarrow as pa

    rows = _table(source, schema)
    if 2 * sum(unit.rows for unit in units) < rows.num_rows:
        starts, row = [], 0
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            for unit in units:
                for batch in rows.slice(unit.start, unit.rows).to_batches():
                    writer.write_batch(batch)
                starts.append(row)
                row += unit.rows
        return starts
    try:
        os.link(source, target)
    except OSError:  # another file system, or one that has no links
        shutil.copyfile(source, target)
    return [unit.start for unit in units]


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
