"""Token lists into records of one length.

Packed: the documents of a split, each `<s> ... </s>`, follow one another and are cut every T tokens; only the last
record is filled up with <pad>, so no token is lost and the first facts["tokens"][split] of the stream are text.
Not packed: one record a document, cropped at T or filled up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize.encoding import id_type


def record_schema(length: int, vocab_size: int) -> pa.Schema:
    """The columns of a token shard."""
    return pa.schema([("input_ids", pa.list_(id_type(vocab_size), length)), ("doc_starts", pa.list_(pa.int32()))])


class Packer:
    """Writes the records of one split into `directory`; `tokens`, `padding` and `cropped` count ids."""

    def __init__(self, directory: Path, split: str, tokenizer: Tokenizer, *, length: int, pack: bool) -> None:
        vocab_size = tokenizer.vocab_size
        self.length, self.pad, self.pack = length, tokenizer.pad, pack
        self._id_bytes = np.array(tokenizer.id_bytes, np.int64)
        self.schema = record_schema(length, vocab_size)
        self._dtype = id_type(vocab_size).to_pandas_dtype()
        self._writer = ShardWriter(directory, self.schema, split=split)
        self._carry = np.empty(0, self._dtype)
        self._carry_starts = np.empty(0, np.int64)
        self.counts = np.zeros(vocab_size, np.int64)
        self.documents = self.records = self.tokens = self.padding = self.cropped = self.bytes = 0

    def feed(self, batch: pa.RecordBatch) -> None:
        """Add the documents of a batch of `encoding.part_schema`."""
        if batch.num_rows == 0:
            return
        offsets = batch.column("ids").offsets.to_numpy()
        values = batch.column("ids").flatten().to_numpy()
        starts = offsets[:-1] - offsets[0]
        self.counts += np.bincount(values, minlength=len(self.counts))
        self.documents += batch.num_rows
        self.bytes += int(batch.column("bytes").to_numpy().sum())
        if self.pack:
            self._feed_packed(values, starts)
        else:
            self._feed_single(values, offsets - offsets[0])

    def close(self) -> None:
        """Fill up and write the last record."""
        if self._carry.size:
            missing = self.length - self._carry.size
            self.tokens += self._carry.size
            self.padding += missing
            filled = np.concatenate([self._carry, np.full(missing, self.pad, self._dtype)])
            self._write(filled, self._carry_starts)
        self._writer.close()

    def _feed_packed(self, values: np.ndarray, starts: np.ndarray) -> None:
        stream = np.concatenate([self._carry, values])
        starts = np.concatenate([self._carry_starts, starts + self._carry.size])
        whole = len(stream) // self.length * self.length
        here = starts < whole
        if whole:
            self._write(stream[:whole], starts[here])
            self.tokens += whole
        self._carry, self._carry_starts = stream[whole:].copy(), starts[~here] - whole

    def _feed_single(self, values: np.ndarray, offsets: np.ndarray) -> None:
        """One record a document."""
        records = np.full((len(offsets) - 1, self.length), self.pad, self._dtype)
        for row, (start, end) in enumerate(zip(offsets[:-1], offsets[1:], strict=True)):
            kept = min(end - start, self.length)
            records[row, :kept] = values[start : start + kept]
            self.tokens += int(kept)
            self.cropped += int(end - start - kept)
            self.bytes -= int(self._id_bytes[values[start + kept : end]].sum())
            self.padding += int(self.length - kept)
        self._write(records.reshape(-1), np.arange(len(records)) * self.length)

    def _write(self, stream: np.ndarray, starts: np.ndarray) -> None:
        """Whole records, and where documents start in them (positions in `stream`, ascending)."""
        records = len(stream) // self.length
        bounds = np.searchsorted(starts, np.arange(records + 1) * self.length).astype(np.int32)
        ids = pa.FixedSizeListArray.from_arrays(pa.array(stream), self.length)
        places = pa.ListArray.from_arrays(pa.array(bounds), pa.array((starts % self.length).astype(np.int32)))
        columns = [ids.cast(self.schema.field(0).type), places.cast(self.schema.field(1).type)]
        self._writer.write(pa.RecordBatch.from_arrays(columns, schema=self.schema))
        self.records += records
