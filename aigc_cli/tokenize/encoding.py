"""The step of `aigc tokenize`: documents in, token lists out, every document checked for a lossless round trip."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.core.errors import AigcError
from aigc_cli.core.shards import Shards
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize.documents import Split, columns_of, divide, keys_of

GROUP_CHARS = 1 << 20  # encoded at a time: bounds the memory of Python's lists of ids


@dataclass(frozen=True)
class Task:
    """Rows [start, start + rows) of one split of the shards at `path`, and how to treat them."""

    path: str
    split_name: str
    start: int
    rows: int
    tokenizer: str
    split: Split


def part_schema(vocab_size: int) -> pa.Schema:
    """One row a document (or part of one): its ids with bos and eos, its UTF-8 bytes, and its side."""
    return pa.schema([("ids", pa.large_list(id_type(vocab_size))), ("bytes", pa.int64()), ("validation", pa.bool_())])


def id_type(vocab_size: int) -> pa.DataType:
    """uint16 where all ids fit, else uint32."""
    return pa.uint16() if vocab_size <= 1 << 16 else pa.uint32()


def encode_task(task: Task) -> Iterator[tuple[pa.RecordBatch, dict[str, Any]]]:
    """Batches of `part_schema` and counts. AigcError when a document does not come back unchanged."""
    tokenizer = _tokenizer(task.tokenizer)
    shards = Shards.open(task.path)
    group: list[tuple[str, bool]] = []
    chars = empty = 0
    for batch in shards.rows(task.start, task.rows, columns_of(shards), task.split_name):
        column = batch.column("text")
        for row, key in enumerate(keys_of(batch)):
            text = column[row].as_py()
            if not text:
                empty += 1
                continue
            group += divide(text, task.split, task.split.validates(key, task.split_name))
            chars += len(text)
            if chars >= GROUP_CHARS:
                yield _encode(tokenizer, group), {}
                group, chars = [], 0
    yield _encode(tokenizer, group), {"empty": empty}


@functools.lru_cache(maxsize=1)
def _tokenizer(path: str) -> Tokenizer:
    return Tokenizer.load(Path(path))


def _encode(tokenizer: Tokenizer, group: list[tuple[str, bool]]) -> pa.RecordBatch:
    schema = part_schema(tokenizer.vocab_size)
    dtype = schema.field("ids").type.value_type.to_pandas_dtype()
    arrays, sizes = [], []
    short = [text for text, _ in group if len(text) <= GROUP_CHARS]
    encoded = iter(tokenizer.encode_batch(short))
    for text, _ in group:
        lists = [next(encoded)] if len(text) <= GROUP_CHARS else tokenizer.encode_long(text)
        parts = [[tokenizer.bos], *lists, [tokenizer.eos]]
        ids = np.concatenate([np.array(part, dtype) for part in parts])
        data = text.encode()
        if tokenizer.decode_bytes(ids[1:-1].tolist()) != data:
            raise AigcError("the tokenizer does not give back a document unchanged", "this is a bug: please report it")
        arrays.append(ids)
        sizes.append(len(data))
    offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
    values = np.concatenate(arrays) if arrays else np.empty(0, dtype)
    ids_column = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))
    columns = [ids_column, pa.array(sizes, pa.int64()), pa.array([last for _, last in group], pa.bool_())]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
