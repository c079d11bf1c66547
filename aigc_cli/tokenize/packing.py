"""Token lists into records of one length.

stream: the documents of a split, each `<s> ... </s>`, follow one another and are cut every T tokens; only the last
record is filled up with <pad>, so no token is lost and the first facts["tokens"][split] of the stream are text.
best-fit: a document is cut only where it is longer than T; whole records of it are written as they are, what remains
shares a record with other documents, and what is free at a record's end is <pad>. No token is lost.
none: one record a document, cropped at T or filled up.

`doc_starts` are the places in a record where a document begins, or the rest of one that was cut for best-fit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize.best_fit import best_fit
from aigc_cli.tokenize.encoding import id_type

BUFFER_TOKENS = 1 << 22  # of documents among which best-fit chooses; bounds its memory


def record_schema(length: int, vocab_size: int) -> pa.Schema:
    """The columns of a token shard."""
    return pa.schema([("input_ids", pa.list_(id_type(vocab_size), length)), ("doc_starts", pa.list_(pa.int32()))])


class Packer:
    """Writes the records of one split into `directory`.

    `tokens`, `padding` and `cropped` count ids, `cut` documents that do not lie in one record as a whole.
    `without` says what those three would be with "stream" and with "none".
    """

    def __init__(self, directory: Path, split: str, tokenizer: Tokenizer, *, length: int, pack: str) -> None:
        vocab_size = tokenizer.vocab_size
        self.length, self.pad = length, tokenizer.pad
        self._id_bytes = np.array(tokenizer.id_bytes, np.int64)
        self.schema = record_schema(length, vocab_size)
        self._dtype = id_type(vocab_size).to_pandas_dtype()
        self._writer = ShardWriter(directory, self.schema, split=split)
        self._ways: dict[str, tuple[Callable[[np.ndarray, np.ndarray], None], Callable[[], None]]] = {
            "stream": (self._feed_stream, self._close_stream),
            "best-fit": (self._feed_best_fit, lambda: self._pack_waiting(last=True)),
            "none": (self._feed_single, lambda: None),
        }
        self._feed, self._finish = self._ways[pack]
        self._carry = np.empty(0, self._dtype)
        self._carry_starts = np.empty(0, np.int64)
        self._waiting: list[np.ndarray] = []  # segments for best-fit
        self._waiting_tokens = 0
        self.counts = np.zeros(vocab_size, np.int64)
        self._seen = self._stream_cut = 0
        self._single = [0, 0, 0]  # padding, cropped and cut of one record a document
        self.documents = self.records = self.tokens = self.padding = self.cropped = self.cut = self.bytes = 0

    def feed(self, batch: pa.RecordBatch) -> None:
        """Add the documents of a batch of `encoding.part_schema`."""
        if batch.num_rows == 0:
            return
        offsets = batch.column("ids").offsets.to_numpy()
        values = batch.column("ids").flatten().to_numpy()
        self.counts += np.bincount(values, minlength=len(self.counts))
        self.documents += batch.num_rows
        self.bytes += int(batch.column("bytes").to_numpy().sum())
        self._compare(offsets - offsets[0])
        self._feed(values, offsets - offsets[0])

    @property
    def without(self) -> dict[str, dict[str, int]]:
        """{"stream", "none": {"padding", "cropped", "cut"}} for the documents so far, whichever way is taken."""
        stream = {"padding": -self._seen % self.length, "cropped": 0, "cut": self._stream_cut}
        return {"stream": stream, "none": dict(zip(("padding", "cropped", "cut"), self._single, strict=True))}

    def _compare(self, offsets: np.ndarray) -> None:
        sizes, places = np.diff(offsets), offsets + self._seen
        crossing = places[:-1] // self.length != (places[1:] - 1) // self.length
        self._stream_cut += int((crossing & (sizes > 0)).sum())
        over = sizes - self.length
        for i, number in enumerate((-over[over < 0].sum(), over[over > 0].sum(), (over > 0).sum())):
            self._single[i] += int(number)
        self._seen += int(offsets[-1])

    def close(self) -> None:
        """Write what waits, the last record filled up."""
        self._finish()
        self._writer.close()

    def _feed_stream(self, values: np.ndarray, offsets: np.ndarray) -> None:
        offsets = offsets + self._carry.size
        stream = np.concatenate([self._carry, values])
        self.cut += int((offsets[:-1] // self.length != (offsets[1:] - 1) // self.length).sum())
        starts = np.concatenate([self._carry_starts, offsets[:-1]])
        whole = len(stream) // self.length * self.length
        here = starts < whole
        if whole:
            self._write(stream[:whole], starts[here])
            self.tokens += whole
        self._carry, self._carry_starts = stream[whole:].copy(), starts[~here] - whole

    def _close_stream(self) -> None:
        if self._carry.size:
            missing = self.length - self._carry.size
            self.tokens += self._carry.size
            self.padding += missing
            filled = np.concatenate([self._carry, np.full(missing, self.pad, self._dtype)])
            self._write(filled, self._carry_starts)

    def _feed_best_fit(self, values: np.ndarray, offsets: np.ndarray) -> None:
        for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            whole = start + (end - start) // self.length * self.length
            if whole > start:
                self._write(values[start:whole], np.arange(0, whole - start, self.length))
                self.tokens += whole - start
                self.cut += int(end - start > self.length)
            if end > whole:
                self._waiting.append(values[whole:end].copy())
                self._waiting_tokens += end - whole
        if self._waiting_tokens >= BUFFER_TOKENS:
            self._pack_waiting(last=False)

    def _pack_waiting(self, *, last: bool) -> None:
        """Write full records; those with room wait for what comes, unless this is the end."""
        if not self._waiting:
            return
        bins, free = best_fit(np.array([len(segment) for segment in self._waiting]), self.length)
        # Records in the order of their first documents; in each, documents in their order.
        first = np.full(len(free), len(bins), np.int64)
        np.minimum.at(first, bins, np.arange(len(bins)))
        written = np.ones(len(free), bool) if last else self._worth_writing(free)
        place = np.empty(len(free), np.int64)
        chosen = np.flatnonzero(written)[np.argsort(first[written])]
        place[chosen] = np.arange(len(chosen))
        records = np.full((len(chosen), self.length), self.pad, self._dtype)
        filled = np.zeros(len(chosen), np.int64)
        starts, left = [], []
        for number, segment in enumerate(self._waiting):
            if not written[bins[number]]:
                left.append(segment)
                continue
            row = int(place[bins[number]])
            at = int(filled[row])
            records[row, at : at + len(segment)] = segment
            filled[row] = at + len(segment)
            starts.append(row * self.length + at)
        self.tokens += int(filled.sum())
        self.padding += int(free[written].sum())
        if len(chosen):
            self._write(records.reshape(-1), np.sort(np.array(starts, np.int64)))
        self._waiting, self._waiting_tokens = left, sum(map(len, left))

    def _worth_writing(self, free: np.ndarray) -> np.ndarray:
        """Which records to write now: all but the emptiest, which wait while they hold a quarter of the buffer."""
        emptiest = np.argsort(-free, kind="stable")
        waiting = np.cumsum(self.length - free[emptiest]) <= BUFFER_TOKENS // 4
        written = np.ones(len(free), bool)
        written[emptiest[waiting]] = False
        written[free == 0] = True
        return written

    def _feed_single(self, values: np.ndarray, offsets: np.ndarray) -> None:
        """One record a document."""
        records = np.full((len(offsets) - 1, self.length), self.pad, self._dtype)
        for row, (start, end) in enumerate(zip(offsets[:-1], offsets[1:], strict=True)):
            kept = min(end - start, self.length)
            records[row, :kept] = values[start : start + kept]
            self.tokens += int(kept)
            self.cropped += int(end - start - kept)
            self.cut += int(end - start > kept)
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
