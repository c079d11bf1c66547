"""The step of `aigc tokenize`: documents in, token lists out, every document checked for a lossless round trip."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_cli.core.files import identity
from aigc_cli.core.shards import Shards
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize.documents import Split, columns_of, divide, keys_of
from aigc_cli.tokenize.measures import languages, measure

GROUP_BYTES = 1 << 22  # of text encoded at a time: bounds the memory


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
    """Batches of `part_schema` and counts. AigcError when a document would not come back unchanged."""
    tokenizer = _tokenizer(task.tokenizer, identity(task.tokenizer))
    shards = Shards.open(task.path)
    names = [*columns_of(shards), *(["lang"] if "lang" in shards.columns else [])]
    is_byte = np.array([piece.type == proto.BYTE for piece in tokenizer.pieces])
    for batch in shards.rows(task.start, task.rows, names, task.split_name):
        column, langs = batch.column("text"), languages(batch)
        size = pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
        validates = [task.split.validates(key, task.split_name) for key in keys_of(batch)]
        rows = np.flatnonzero(size)
        for part in _groups(rows, size[rows]):
            texts, flags = column.take(pa.array(part)), [validates[row] for row in part]
            said = [langs[row] for row in part]
            if task.split.tail:
                pieces = [(*piece, said[i]) for i, last in enumerate(flags)
                          for piece in divide(texts[i].as_py(), task.split, last)]  # fmt: skip
                texts, flags = pa.array([piece[0] for piece in pieces], pa.large_string()), [p[1] for p in pieces]
                said = [piece[2] for piece in pieces]
            encoded = _encode(tokenizer, texts, flags)
            yield encoded, _measured(encoded, said, is_byte)
        yield _encode(tokenizer, column.slice(0, 0), []), {"empty": int((size == 0).sum())}


@functools.lru_cache(maxsize=1)
def _tokenizer(path: str, _identity: tuple[str, int, int]) -> Tokenizer:
    return Tokenizer.load(Path(path))


def _groups(rows: np.ndarray, size: np.ndarray) -> list[np.ndarray]:
    """`rows` in runs of about GROUP_BYTES of text, those with more alone."""
    group = (np.cumsum(size) - size) // GROUP_BYTES
    return [part for part in np.split(rows, np.flatnonzero(np.diff(group)) + 1) if len(part)]


def _encode(tokenizer: Tokenizer, texts: pa.Array, validates: list[bool]) -> pa.RecordBatch:
    schema = part_schema(tokenizer.vocab_size)
    if len(texts) == 1 and len(texts[0].as_buffer()) > 2 * GROUP_BYTES:
        ids, ends = _encode_long(tokenizer, texts[0].as_py())
    else:
        ids, ends = tokenizer.encode_column(texts, tokenizer.bos, tokenizer.eos)
    column = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(ids).cast(schema.field("ids").type.value_type))
    columns = [column, pc.binary_length(texts).cast(pa.int64()), pa.array(validates, pa.bool_())]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _measured(encoded: pa.RecordBatch, langs: list[str], is_byte: np.ndarray) -> dict[str, int]:
    """What `measure` counts over a batch of `part_schema`."""
    ids = encoded.column("ids")
    return measure(ids.values.to_numpy(), ids.offsets.to_numpy(), encoded.column("bytes").to_numpy(), langs, is_byte)


def _encode_long(tokenizer: Tokenizer, text: str) -> tuple[np.ndarray, np.ndarray]:
    """The ids of one long text, encoded in parts so that memory stays bounded."""
    parts = [tokenizer.encode_column(pa.array([part], pa.large_string()))[0] for part in tokenizer.parts(text)]
    ids = np.concatenate([[tokenizer.bos], *parts, [tokenizer.eos]]).astype(np.uint32)
    return ids, np.array([0, len(ids)])
