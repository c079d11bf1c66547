"""Shards: a directory of Arrow files that datasets.load_from_disk opens, read without copying."""

from __future__ import annotations

import bisect
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_cli.core.arrow import REMEDY, checked, damaged, read_stream
from aigc_cli.core.engine import Unit
from aigc_cli.core.errors import ConfigError, DataError, did_you_mean
from aigc_cli.core.files import hash_text
from aigc_cli.core.manifest import read_manifest

UNITS = "units.json"  # which rows came from which unit of work: [{"key", "rows"}] in row order
REMEDY_IDS = "damaged, or made with another tokenizer: tokenize again, with --force"
UNIT_ROWS = 2000  # rows of one unit where the writer left no units.json

DOCUMENT_SCHEMA = pa.schema(
    [("id", pa.string()), ("text", pa.large_string()), ("source", pa.string()), ("record", pa.int64()),
     ("source_id", pa.string()), ("url", pa.string()), ("license", pa.string()), ("lang", pa.string()),
     ("hash", pa.string()), ("code_lang", pa.string())]
)  # fmt: skip

# `image` as datasets has it; width, height and mode are those of the stored file, `text` a caption.
PICTURE_SCHEMA = pa.schema(
    [("id", pa.string()), ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.string()),
     ("text", pa.large_string()), ("width", pa.int32()), ("height", pa.int32()), ("mode", pa.string()),
     ("format", pa.string()), ("source", pa.string()), ("record", pa.int64()), ("source_id", pa.string()),
     ("url", pa.string()), ("license", pa.string()), ("hash", pa.string())]
)  # fmt: skip


class Split:
    """The Arrow files of one split, memory-mapped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            names = [str(entry["filename"]) for entry in state["_data_files"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} has no readable state.json", "make the shards again with aigc collect") from error
        for name in names:
            if not name or Path(name).name != name:
                raise DataError(f"{path}/state.json names {name}, which is no file of its directory", REMEDY)
        self.files = [path / name for name in names]

    @cached_property
    def batches(self) -> list[pa.RecordBatch]:
        """All record batches; their buffers are the mapped files, and their values not yet checked."""
        return [batch for _, batch in self._placed]

    @cached_property
    def _placed(self) -> list[tuple[Path, pa.RecordBatch]]:
        """(file, record batch) of all that have rows."""
        found = [(file, batch) for file in self.files for batch in read_stream(file) if batch.num_rows]
        for file, batch in found:
            if not batch.schema.equals(found[0][1].schema):
                raise damaged(file, f"its columns are not those of {found[0][0].name}")
        return found

    def read(self, index: int, columns: Sequence[str] | None = None, start: int = 0, count: int | None = None) -> Any:
        """Rows of the record batch `index` as a view, checked: nothing in it leads outside."""
        file, batch = self._placed[index]
        batch = batch.slice(start, count) if start or count is not None else batch
        return checked(batch if columns is None else batch.select(list(columns)), file)

    @cached_property
    def starts(self) -> list[int]:
        """The first row number of each record batch, and the row count at the end."""
        starts = [0]
        for batch in self.batches:
            starts.append(starts[-1] + batch.num_rows)
        return starts


class Shards:
    """A directory of shards, with or without splits. Source of the layout: datasets' save_to_disk."""

    def __init__(self, path: Path, splits: dict[str, Split]) -> None:
        self.path = path
        self._splits = splits

    @staticmethod
    def is_shards(path: Path | str) -> bool:
        """Whether `path` is a directory that `open` takes."""
        path = Path(path)
        return (path / "state.json").is_file() or (path / "dataset_dict.json").is_file()

    @classmethod
    def open(cls, path: Path | str) -> Shards:
        """The shards at `path`; DataError when there are none."""
        path = Path(path)
        if (path / "dataset_dict.json").is_file():
            try:
                names = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path}/dataset_dict.json is damaged", "make the shards again") from error
            return cls(path, {str(name): Split(path / str(name)) for name in names})
        if (path / "state.json").is_file():
            return cls(path, {"train": Split(path)})
        raise DataError(f"{path} holds no shards", f"make some: aigc collect {path} -o shards")

    @cached_property
    def manifest(self) -> dict[str, Any] | None:
        """The manifest, or None for a directory that another tool wrote."""
        return read_manifest(self.path)

    @property
    def splits(self) -> list[str]:
        """Names of the splits; ["train"] where there is only one part."""
        return list(self._splits)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema; DataError when there are no rows at all."""
        for split in self._splits.values():
            if split.batches:
                return split.batches[0].schema
        raise DataError(f"{self.path} has no rows", "check what aigc collect or clean rejected")

    @property
    def columns(self) -> list[str]:
        """Column names."""
        return list(self.schema.names)

    def num_rows(self, split: str | None = None) -> int:
        """Rows of one split, or of all."""
        return sum(part.starts[-1] for part in self._pick(split))

    def batches(self, columns: Sequence[str] | None = None, split: str | None = None) -> Iterator[pa.RecordBatch]:
        """Record batches in row order, views of the files."""
        for part in self._pick(split):
            self._known(part, columns)
            for index in range(len(part.batches)):
                yield part.read(index, columns)

    def rows(
        self, start: int, count: int, columns: Sequence[str] | None = None, split: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows start ... start + count of one split (default: the only one) as views."""
        part = self._pick(split)[0]
        self._known(part, columns)
        index = bisect.bisect_right(part.starts, start) - 1
        while count > 0 and index < len(part.batches):
            batch = part.read(index, columns, start - part.starts[index], count)
            yield batch
            start += batch.num_rows
            count -= batch.num_rows
            index += 1

    def fixed(self, column: str, split: str | None = None, *, below: int | None = None) -> list[np.ndarray]:
        """A fixed-size-list column as 2-D arrays [rows, length] that view the mapped files.

        With `below`, the values are ids, all of which must be less: DataError, before a model looks one up.
        """
        views = []
        for batch in self.batches([column], split):
            array = batch.column(0)
            if not pa.types.is_fixed_size_list(array.type) or not pa.types.is_primitive(array.type.value_type):
                raise DataError(
                    f"{self.path}: '{column}' is {array.type}, not numbers of a fixed size", "run aigc tokenize"
                )
            values = array.flatten()
            if array.null_count or values.null_count:
                raise damaged(self.path, f"'{column}' has records without values")
            views.append(values.to_numpy(zero_copy_only=True).reshape(len(array), array.type.list_size))
            if below is not None:
                self._check_ids(column, views[-1], below)
        return views

    def _check_ids(self, column: str, ids: np.ndarray, below: int) -> None:
        if ids.dtype.kind not in "iu":
            raise damaged(self.path, f"'{column}' holds {ids.dtype}, not ids")
        highest = int(ids.max(initial=0))
        lowest = int(ids.min(initial=0)) if ids.dtype.kind == "i" else 0
        if highest >= below or lowest < 0:
            found = highest if highest >= below else lowest
            raise DataError(f"{self.path}: '{column}' holds the id {found}, the vocabulary has {below}", REMEDY_IDS)

    def units(self, split: str | None = None) -> list[Unit]:
        """Row ranges to work on, with keys that stay when other inputs change. Payload: (path, split, start, rows)."""
        parts = []
        for name in [split] if split else self.splits:
            part = self._splits[name]
            rows_total = part.starts[-1]
            bytes_per_row = sum(f.stat().st_size for f in part.files) / max(rows_total, 1)
            start = 0
            for key, rows in self._ranges(name):
                for offset in range(0, rows, UNIT_ROWS):
                    count = min(UNIT_ROWS, rows - offset)
                    payload = (str(self.path), name, start + offset, count)
                    parts.append(Unit(f"{key}:{offset}", payload, int(count * bytes_per_row) + 1))
                start += rows
        return parts

    def _ranges(self, split: str) -> list[tuple[str, int]]:
        file = self._splits[split].path / UNITS
        if file.is_file():
            try:
                return [(str(e["key"]), int(e["rows"])) for e in json.loads(file.read_text(encoding="utf-8"))]
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{file} is damaged", "make the shards again, with --force") from error
        identity = (self.manifest or {}).get("digest") or hash_text(
            "|".join(f"{f.name} {f.stat().st_size} {f.stat().st_mtime_ns}" for f in self._splits[split].files)
        )
        rows = self._splits[split].starts[-1]
        return [(f"{identity}:{split}", rows)]

    def _pick(self, split: str | None) -> list[Split]:
        if split is None:
            return list(self._splits.values())
        if split not in self._splits:
            raise ConfigError(f"{self.path} has no split '{split}'", did_you_mean(split, self._splits))
        return [self._splits[split]]

    def _known(self, part: Split, columns: Sequence[str] | None) -> None:
        """Raises DataError for a column that is not there, or that is there twice."""
        if not part.batches or columns is None:
            return
        names = part.batches[0].schema.names
        for name in columns:
            if name not in names:
                raise DataError(f"{self.path} has no column '{name}'", did_you_mean(name, names))
            if names.count(name) > 1:
                raise DataError(f"{self.path} has more than one column '{name}'", "give every column its own name")


def row_bytes(batch: pa.RecordBatch) -> np.ndarray:
    """Bytes of the variable-size values of each row, int64 [rows]."""
    total = np.full(batch.num_rows, 64, dtype=np.int64)  # fixed-size columns: a flat guess is enough
    for column in batch.columns:
        if pa.types.is_struct(column.type):
            children = [pc.struct_field(column, [i]) for i in range(column.type.num_fields)]
        else:
            children = [column]
        for child in children:
            kind = child.type
            if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
                total += pc.fill_null(pc.binary_length(child), 0).to_numpy(zero_copy_only=False).astype(np.int64)
            elif pa.types.is_fixed_size_list(kind):
                total += kind.list_size * kind.value_type.bit_width // 8
            elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
                lengths = pc.fill_null(pc.list_value_length(child), 0).to_numpy(zero_copy_only=False)
                total += lengths.astype(np.int64) * 8
    return total
