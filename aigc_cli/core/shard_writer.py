"""Writing shards: the same rows give the same bytes, however they arrive."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.core.files import atomic_write, disk_errors
from aigc_cli.core.shards import row_bytes

BATCH_ROWS = 1000  # of a record batch: what datasets writes
BATCH_BYTES = 8 << 20
SHARD_BYTES = 256 << 20


class ShardWriter:
    """Writes data-*.arrow, state.json and dataset_info.json into `directory`.

    Record batches and files are cut by row number and size alone, so the bytes do not depend on how the rows were
    grouped by the caller.
    """

    def __init__(self, directory: Path, schema: pa.Schema, *, split: str = "train", shard_bytes: int = SHARD_BYTES):
        self.directory, self.schema, self.split, self.shard_bytes = Path(directory), schema, split, shard_bytes
        self.rows = 0
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = self._file_bytes = 0
        self._files: list[Path] = []
        self._sink: Any = None
        self._writer: Any = None
        with disk_errors(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            for stale in [*self.directory.glob("data-*.arrow"), *self.directory.glob("data-*.tmp")]:
                stale.unlink()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows; columns are cast to the schema by name."""
        if batch.num_rows == 0:
            return
        if batch.schema != self.schema:
            batch = pa.RecordBatch.from_arrays(
                [batch.column(name).cast(self.schema.field(name).type) for name in self.schema.names],
                schema=self.schema,
            )
        sizes = np.cumsum(row_bytes(batch))
        start, before = 0, 0
        while start < batch.num_rows:
            room = BATCH_BYTES - self._pending_bytes
            fits = int(np.searchsorted(sizes, before + room, side="right")) - start
            fits = min(fits, BATCH_ROWS - self._pending_rows)
            if fits <= 0 and self._pending_rows:
                self._flush()
                continue
            take = max(fits, 1)
            self._pending.append(batch.slice(start, take))
            self._pending_rows += take
            self._pending_bytes += int(sizes[start + take - 1]) - before
            start, before = start + take, int(sizes[start + take - 1])
            if self._pending_rows >= BATCH_ROWS:
                self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        merged = pa.Table.from_batches(self._pending).combine_chunks().to_batches()[0]
        # `take` makes fresh buffers: those of a slice, and so the bytes in the file, depend on its parent.
        merged = merged.take(pa.array(np.arange(merged.num_rows)))
        with disk_errors(self.directory):
            if self._writer is None:
                path = self.directory / f"data-{len(self._files):05d}.tmp"
                self._sink = pa.OSFile(str(path), "wb")
                self._writer = pa.ipc.new_stream(self._sink, self.schema)
                self._files.append(path)
            self._writer.write_batch(merged)
        self.rows += merged.num_rows
        self._file_bytes += self._pending_bytes
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        if self._file_bytes >= self.shard_bytes:
            self._close_file()

    def _close_file(self) -> None:
        if self._writer is not None:
            with disk_errors(self.directory):
                self._writer.close()
                self._sink.close()
                with open(self._files[-1], "rb+") as file:
                    os.fsync(file.fileno())
        self._writer, self._file_bytes = None, 0

    def close(self) -> list[Path]:
        """Finish: final names and the two JSON files; gives the paths of the data files."""
        self._flush()
        if not self._files:  # datasets opens a directory without rows only if it holds an empty file
            path = self.directory / "data-00000.tmp"
            with disk_errors(path), pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, self.schema):
                pass
            self._files.append(path)
        self._close_file()
        final = []
        for number, path in enumerate(self._files):
            target = self.directory / f"data-{number:05d}-of-{len(self._files):05d}.arrow"
            path.rename(target)
            final.append(target)
        state: dict[str, Any] = {
            "_data_files": [{"filename": p.name} for p in final],
            "_fingerprint": "aigc",
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": self.split,
        }
        info = {"features": {f.name: feature(f.type) for f in self.schema}}
        atomic_write(self.directory / "state.json", json.dumps(state, indent=1))
        atomic_write(self.directory / "dataset_info.json", json.dumps(info, indent=1))
        return final


def feature(kind: pa.DataType) -> dict[str, Any]:
    """datasets' description of an Arrow type."""
    if pa.types.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        if names == ["bytes", "path"]:
            return {"_type": "Image"}
        return {kind.field(i).name: feature(kind.field(i).type) for i in range(kind.num_fields)}
    if pa.types.is_fixed_size_list(kind):
        return {"feature": feature(kind.value_type), "length": kind.list_size, "_type": "List"}
    if pa.types.is_list(kind):
        return {"feature": feature(kind.value_type), "_type": "List"}
    if pa.types.is_large_list(kind):
        return {"feature": feature(kind.value_type), "_type": "LargeList"}
    names_of = {"float": "float32", "double": "float64", "halffloat": "float16"}
    return {"dtype": names_of.get(str(kind), str(kind)), "_type": "Value"}


def write_dataset_dict(directory: Path, splits: Sequence[str]) -> None:
    """dataset_dict.json, which makes datasets open `directory` as a DatasetDict."""
    atomic_write(Path(directory) / "dataset_dict.json", json.dumps({"splits": list(splits)}))
