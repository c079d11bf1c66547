"""Picture shards into records: resized pixels, class numbers, a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from aigc_cli.core.console import Result
from aigc_cli.core.engine import Parts, Unit, map_units
from aigc_cli.core.errors import DataError
from aigc_cli.core.files import canonical_json
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.pictures import pixels
from aigc_cli.core.run import Run
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.core.shards import Shards
from aigc_cli.tokenize.documents import choose
from aigc_cli.tokenize.options import PictureOptions

VERSION = 1
HELD_OUT = frozenset({"valid", "validation", "val", "dev", "test", "t10k"})  # directories and beginnings of names
GREY = frozenset({"1", "L", "I", "I;16", "I;16B", "I;16L", "F"})
NO_CLASS = -1


@dataclass(frozen=True)
class Task:
    """Rows [start, start + rows) of the shards at `path`, and what becomes of them."""

    path: str
    split_name: str
    start: int
    rows: int
    size: int
    channels: int
    fit: str


def tokenize_pictures(
    paths: Sequence[Path], options: PictureOptions, val_fraction: float, common: Common, implicit: bool
) -> Result:
    """Records `pixels` (uint8, flat C x H x W) and `label`; the manifest's facts hold `shape` and `classes`."""
    sources = [Shards.open(path) for path in paths]
    if common.dry_run:
        found, total = _survey(sources), sum(shards.num_rows() for shards in sources)
        line = f"{total:,} pictures, {len(found.classes)} classes; records of {options.size} x {options.size}"
        return Result("tokenize", None, {"pictures": total, "classes": found.classes}, [line])
    settings = {**resolved(options), "val_fraction": val_fraction}
    with Run(common.output, stage="tokenize", version=VERSION, options=settings, inputs=list(paths),
             default="records", common=common, implicit=implicit) as run:  # fmt: skip
        if run.up_to_date:
            return run.result(lines=lines_of(run.manifest), next=_next(run))
        found = _survey(sources)
        channels = {"grey": 1, "rgb": 3, "auto": 1 if found.modes <= GREY else 3}[options.channels]
        parts = _convert(run, sources, options, channels)
        counts = _write(run, parts, found, val_fraction, (channels, options.size, options.size))
        facts = {
            "modality": "image", "shape": [channels, options.size, options.size], "layout": "CHW", "scale": [0, 255],
            "classes": found.classes, "records": counts, "split": "given" if found.given else "content hash",
        }  # fmt: skip
        totals = {"records": sum(counts.values()), "failed": int(parts.counts["failed"])}
        manifest = {"facts": facts, "counts": totals}
        return run.publish(counts=totals, facts=facts, lines=lines_of(manifest), next=_next(run))


@dataclass
class _Survey:
    modes: set[str]
    classes: list[str]
    given: bool  # some sources are held out by their names and some are not


def _survey(sources: Sequence[Shards]) -> _Survey:
    modes: set[str] = set()
    labels: set[str] = set()
    sides: Counter[bool] = Counter()
    for shards in sources:
        wanted = [name for name in ("mode", "label", "source") if name in shards.columns]
        for batch in shards.batches(wanted):
            columns = {name: batch.column(name).to_pylist() for name in wanted}
            modes |= {str(mode) for mode in columns.get("mode", ["RGB"])}
            labels |= {str(label) for label in columns.get("label", []) if label is not None}
            sides.update(held_out(source) for source in columns.get("source", []))
    ordered = sorted(labels, key=lambda label: (not label.isdecimal(), int(label) if label.isdecimal() else 0, label))
    return _Survey(modes, ordered, len(sides) == 2)


def held_out(source: str | None) -> bool:
    """Whether a picture's path says that it is for validation.

    >>> [held_out(s) for s in ("test/cats/1.png", "t10k-images-idx3-ubyte.gz", "train/cats/1.png", "cats/test.png")]
    [True, True, False, False]
    """
    parts = PurePosixPath(str(source or "").replace("!/", "/")).parts
    named = parts[-1].partition("-") if parts else ("", "", "")
    return any(part.lower() in HELD_OUT for part in parts[:-1]) or (bool(named[1]) and named[0].lower() in HELD_OUT)


def part_schema(size: int) -> pa.Schema:
    """One row a picture: its pixels, and by what it is sorted."""
    return pa.schema(
        [("pixels", pa.list_(pa.uint8(), size)), ("label", pa.string()), ("key", pa.uint64()), ("held_out", pa.bool_())]
    )


def _convert(run: Run, sources: Sequence[Shards], options: PictureOptions, channels: int) -> Parts:
    units = []
    for number, shards in enumerate(sources):
        salt = canonical_json([VERSION, asdict(options), channels, number])
        for unit in shards.units():
            path, name, start, rows = unit.payload
            task = Task(path, name, start, rows, options.size, channels, options.fit)
            units.append(Unit(unit.key, task, unit.weight_bytes).derive(salt))
    schema = part_schema(channels * options.size**2)
    return map_units(run, units, convert_task, schema=schema, label="pictures")


def convert_task(task: Task) -> Iterator[tuple[pa.RecordBatch, dict[str, Any]]]:
    """Batches of `part_schema` and counts; a picture that cannot be decoded (any more) is counted and left out."""
    shards = Shards.open(task.path)
    names = ["image", *(name for name in ("label", "source", "hash") if name in shards.columns)]
    schema = part_schema(task.channels * task.size**2)
    for batch in shards.rows(task.start, task.rows, names, task.split_name):
        flat, kept, failed = [], [], 0
        rows = batch.to_pylist()
        for row in rows:
            data = (row["image"] or {}).get("bytes")
            try:
                flat.append(pixels(data or b"", task.size, task.channels, task.fit).ravel())
            except Exception:  # damage shows itself in many ways, by the decoder
                failed += 1
                continue
            kept.append(row)
        values = pa.array(np.concatenate(flat) if flat else np.zeros(0, np.uint8))
        columns = [
            pa.FixedSizeListArray.from_arrays(values, type=schema.field("pixels").type),
            pa.array([row.get("label") for row in kept], pa.string()),
            pa.array([_key(row) for row in kept], pa.uint64()),
            pa.array([held_out(row.get("source")) for row in kept], pa.bool_()),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema), {"failed": failed}


def _key(row: dict[str, Any]) -> int:
    """A number that depends on the picture's bytes alone: equal pictures never part."""
    digest = row.get("hash") or xxhash.xxh128_hexdigest((row["image"] or {}).get("bytes") or b"")
    return xxhash.xxh3_64_intdigest(str(digest).encode())


def _write(run: Run, parts: Parts, found: _Survey, val_fraction: float, shape: tuple[int, int, int]) -> dict[str, int]:
    """Both splits on disk; {split: records}. DataError when nothing is left for training."""
    length = shape[0] * shape[1] * shape[2]
    schema = pa.schema([("pixels", pa.list_(pa.uint8(), length)), ("label", pa.int32())])
    numbers = {label: number for number, label in enumerate(found.classes)}
    writers: dict[str, ShardWriter] = {}
    limit = _limit(parts, val_fraction) if not found.given else 0
    for batch in parts.batches():
        labels = pa.array([numbers.get(label, NO_CLASS) for label in batch.column("label").to_pylist()], pa.int32())
        out = pa.RecordBatch.from_arrays([batch.column("pixels"), labels], schema=schema)
        keys = batch.column("key").to_numpy()
        side = batch.column("held_out").to_numpy(zero_copy_only=False) if found.given else keys < np.uint64(limit)
        for name, mask in (("train", ~side), ("validation", side)):
            if mask.any():
                if name not in writers:
                    writers[name] = ShardWriter(run.dir / name, schema, split=name)
                writers[name].write(out if mask.all() else out.filter(pa.array(mask)))
    for writer in writers.values():
        writer.close()
    if "train" not in writers:
        raise DataError("no picture is left for training", "look at what aigc collect rejected")
    names = [name for name in ("train", "validation") if name in writers]
    write_dataset_dict(run.dir, names)
    return {name: writers[name].rows for name in names}


def _limit(parts: Parts, fraction: float) -> int:
    """Keys below it validate, as of documents; of equal pictures none do."""
    keys = [batch.column("key").to_numpy() for batch in parts.batches() if batch.num_rows]
    return choose(np.concatenate(keys), fraction).threshold if keys else 0


def lines_of(manifest: Any) -> list[str]:
    """What is said of a result."""
    facts, counts = manifest["facts"], manifest["counts"]
    records = ", ".join(f"{number:,} {name}" for name, number in facts["records"].items())
    channels, height, width = facts["shape"]
    lines = [f"records of {width} x {height}, {'grey' if channels == 1 else 'RGB'}: {records}"]
    if facts["classes"]:
        shown = ", ".join(facts["classes"][:10]) + (" ..." if len(facts["classes"]) > 10 else "")
        lines.append(f"{len(facts['classes'])} classes: {shown}")
    if counts["failed"]:
        lines.append(f"{counts['failed']:,} pictures could not be decoded and are left out")
    return lines


def _next(run: Run) -> str:
    return f"aigc train diffusion --shards {run.path}"
