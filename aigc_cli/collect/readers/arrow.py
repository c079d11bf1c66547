"""Arrow files: the file and the stream format; also the directories that datasets and aigc write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from aigc_cli.collect.readers.delimited import no_text_column
from aigc_cli.collect.records import TEXT_FIELDS, Context, Record, from_fields
from aigc_cli.collect.streams import seekable

PROVENANCE = ("id", "url", "license", "lang")
SLICE_ROWS = 256  # rows that are Python objects at a time
_MAGIC = b"ARROW1\0\0"


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """One record a row, numbered in order."""
    number = 0
    for batch in _batches(stream):
        columns = text_columns(batch.schema, label, context)
        if columns is None:
            return
        yield from rows(batch.select(columns), label, number, context)
        number += batch.num_rows


def read_shard(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """Rows of document shards with the id and provenance that they have; other tables as `read` does."""
    number = 0
    for batch in _batches(stream):
        names = batch.schema.names
        if context.settings.fields or not {"id", "text", "source", "record", "source_id"} <= set(names):
            columns = text_columns(batch.schema, label, context)
            if columns is None:
                return
            yield from rows(batch.select(columns), label, number, context)
        else:
            batch.validate(full=True)
            kept = [n for n in ("text", "source", "record", "source_id", "url", "license", "lang", "id", "code_lang")
                    if n in names]  # fmt: skip
            for row in batch.select(kept).to_pylist():
                row["number"] = row.pop("record")
                yield Record(**row)
        number += batch.num_rows


def text_columns(schema: pa.Schema, label: str, context: Context) -> list[str] | None:
    """Names of the columns to read: the text and the provenance; None after counting a table without text."""
    wanted = context.settings.text_field
    names = schema.names
    if context.settings.fields is not None:
        wanted_names = {part for name in context.settings.fields for part in (name, name.split(".")[0])}
        texts = [n for n in names if n in wanted_names or not wanted_names]
    else:
        texts = [n for n in ([wanted, wanted.split(".")[0]] if wanted else TEXT_FIELDS) if n in names]
    if not texts:
        no_text_column(label, names, context)
        return None
    columns = [n for n in names if n in texts or n in PROVENANCE]
    if len(set(columns)) < len(columns):
        context.reject("duplicate_text_field", f"{label} (columns: {', '.join(names)})")
        return None
    return columns


def rows(batch: pa.RecordBatch, label: str, number: int, context: Context) -> Iterator[Record]:
    """The records of a batch whose columns `text_columns` chose."""
    batch.validate(full=True)  # damaged offsets must not be followed
    for start in range(0, batch.num_rows, SLICE_ROWS):
        for row, fields in enumerate(batch.slice(start, SLICE_ROWS).to_pylist(), number + start):
            record = from_fields(_decoded(fields), label, row, f"{label}[{row}]", context)
            if record is not None:
                yield record


def _decoded(fields: dict[str, Any]) -> dict[str, Any]:
    """Binary cells as text, where they are UTF-8."""
    for name, value in fields.items():
        if isinstance(value, bytes):
            fields[name] = value.decode("utf-8", "replace")
    return fields


def _batches(stream: BinaryIO) -> Iterator[pa.RecordBatch]:
    stream = seekable(stream)
    is_file = stream.read(len(_MAGIC)) == _MAGIC
    stream.seek(0)
    source = pa.PythonFile(stream, mode="r")
    if is_file:
        reader = pa.ipc.open_file(source)
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)
    else:
        yield from pa.ipc.open_stream(source)
