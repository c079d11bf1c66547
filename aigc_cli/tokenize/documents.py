"""What is to be tokenized: how much text, which documents validate, which text the vocabulary is learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from aigc_cli.core.errors import DataError
from aigc_cli.core.shards import Shards

SPAN = 1 << 64  # of a document's key
PARTS = 64  # a sample has at least about this many, from places all over the text
SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Split:
    """Which documents validate: those with a key below `threshold`, or the last `tail` of every document's text."""

    threshold: int = 0
    tail: float = 0.0
    given: bool = False  # the input's own splits are kept

    def validates(self, key: int, split: str) -> bool:
        """Whether the document of that key in that split of the input goes to validation."""
        return split == "validation" if self.given else key < self.threshold


@dataclass(frozen=True)
class Survey:
    """Documents with text, their UTF-8 bytes in train, and the split."""

    documents: int
    train_bytes: int
    split: Split


def keys_of(batch: pa.RecordBatch) -> list[int]:
    """A 64-bit number for each row that depends on the text alone: equal texts, equal numbers."""
    names = batch.schema.names
    hashes = batch.column("hash").to_pylist() if "hash" in names else [None] * batch.num_rows
    if None in hashes:
        texts = batch.column("text")
        hashes = [
            h if h is not None else xxhash.xxh128_hexdigest((texts[i].as_py() or "").encode())
            for i, h in enumerate(hashes)
        ]
    return [xxhash.xxh3_64_intdigest(str(h).encode()) for h in hashes]


def columns_of(shards: Shards) -> list[str]:
    """The columns to read; DataError when there is no text."""
    if "text" not in shards.columns:
        found = ", ".join(shards.columns)
        raise DataError(f"{shards.path} has no column 'text' (it has: {found})", "make documents: aigc collect FILES")
    kind = shards.schema.field("text").type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise DataError(f"{shards.path}: the column 'text' holds {kind}", "make documents: aigc collect FILES")
    return ["text", "hash"] if "hash" in shards.columns else ["text"]


def survey(sources: Sequence[Shards], val_fraction: float) -> Survey:
    """Reads lengths and hashes of all documents. DataError when no document has text.

    Two documents or more give at least one for validation (unless the fraction is 0) and one for training; a single
    document gives its last part.
    """
    given = all(set(shards.splits) == set(SPLITS) for shards in sources)
    keys, sizes = [], []
    train_bytes = 0
    for shards in sources:
        for name in shards.splits:
            for batch in shards.batches(columns_of(shards), name):
                size = pc.fill_null(pc.binary_length(batch.column("text")), 0).to_numpy(zero_copy_only=False)
                sizes.append(size.astype(np.int64))
                keys.append(np.array(keys_of(batch), np.uint64))
                train_bytes += int(size.sum()) if name != "validation" else 0
    size, key = np.concatenate(sizes), np.concatenate(keys)
    if not size.any():
        raise DataError("no document has any text", "check what aigc collect or clean rejected")
    if given:
        return Survey(int((size > 0).sum()), train_bytes, Split(given=True))
    split = choose(key[size > 0], val_fraction)
    in_train = key >= np.uint64(split.threshold)
    return Survey(int((size > 0).sum()), int(size[in_train].sum()), split)


def choose(keys: np.ndarray, fraction: float) -> Split:
    """The split that puts about `fraction` of those keys into validation."""
    if fraction == 0:
        return Split()
    low, high = int(keys.min()), int(keys.max())
    if low == high:
        return Split(tail=fraction)
    # Above the lowest key: one document validates; not above the highest: one trains.
    return Split(threshold=min(max(int(fraction * SPAN), low + 1), high))


def divide(text: str, split: Split, validates: bool) -> list[tuple[str, bool]]:
    """(text, is validation) of the parts of one document: itself, or its head and its tail from a line's start."""
    if not split.tail:
        return [(text, validates)]
    cut = max(int(len(text) * (1 - split.tail)), 1)
    cut = text.rfind("\n", 0, cut) + 1 or cut
    return [(part, last) for part, last in ((text[:cut], False), (text[cut:], True)) if part]


def texts_of(shards: Shards, split: Split) -> Iterator[tuple[str, int, bool]]:
    """(text, key, is validation) of every part of every document with text, in order."""
    columns = columns_of(shards)
    for name in shards.splits:
        for batch in shards.batches(columns, name):
            column = batch.column("text")
            for row, key in enumerate(keys_of(batch)):
                text = column[row].as_py()
                if text:
                    for part, last in divide(text, split, split.validates(key, name)):
                        yield part, key, last


def sample(sources: Sequence[Shards], found: Survey, sample_bytes: int, seed: int) -> Iterator[str]:
    """Training text, about `sample_bytes` of it and not more: everything, or parts drawn by (seed, content, place)."""
    share = sample_bytes / max(found.train_bytes, 1)
    below = int(min(share, 1.0) * SPAN)
    size = min(max(sample_bytes // PARTS, 256), 1 << 16)
    left = sample_bytes
    for shards in sources:
        for text, key, validates in texts_of(shards, found.split):
            if validates:
                continue
            for number, start in enumerate(range(0, len(text), size)):
                if share < 1 and xxhash.xxh3_64_intdigest(f"{key}:{number}".encode(), seed) >= below:
                    continue
                part = text[start : start + size].encode()[:left].decode(errors="ignore")
                left -= len(part.encode())
                if part:
                    yield part
                if left < 4:
                    return
