"""Parquet: one record a row, a few hundred rows in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from aigc_cli.collect.readers.arrow import SLICE_ROWS, rows, text_columns
from aigc_cli.collect.records import Context, Record
from aigc_cli.collect.streams import seekable


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """One record a row, numbered in order; only the text and the provenance columns are read."""
    file = pq.ParquetFile(pa.PythonFile(seekable(stream), mode="r"))
    columns = text_columns(file.schema_arrow, label, context)
    if columns is None:
        return
    number = 0
    for batch in file.iter_batches(batch_size=SLICE_ROWS, columns=columns, use_threads=False):
        yield from rows(batch, label, number, context)
        number += batch.num_rows
