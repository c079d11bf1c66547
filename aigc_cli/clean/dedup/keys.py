"""The keys by which documents are compared: made with the per-document rules, gathered for all documents at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from aigc_cli.clean.dedup.scratch import Scratch
from aigc_cli.clean.kernels.folding import folded
from aigc_cli.clean.kernels.shingles import bands, shingles
from aigc_cli.clean.kernels.text import buffers
from aigc_cli.core.engine import Parts

COLUMN = "keys"
EXACT = 2  # the first columns are the two halves of the exact key, the rest are the MinHash bands
_HALF = (1 << 64) - 1


def key_type(minhash: Any) -> pa.DataType:
    """Arrow type of the keys; `minhash` are that rule's options, or None."""
    return pa.list_(pa.uint64(), EXACT + (minhash.bands if minhash else 0))


def make_keys(column: pa.Array, minhash: Any, seed: int) -> pa.Array:
    """The keys of each document of a text column."""
    out = key_values(column, minhash, seed)
    return pa.FixedSizeListArray.from_arrays(pa.array(out.ravel()), out.shape[1])


def key_values(column: pa.Array, minhash: Any, seed: int, *, exact: bool = True) -> np.ndarray:
    """The same as uint64 [documents, keys]; without `exact` the exact keys are 0."""
    out = np.zeros((len(column), EXACT + (minhash.bands if minhash else 0)), dtype=np.uint64)
    if exact:
        data, starts = folded(column)
        view = memoryview(data)  # type: ignore[arg-type]
        for row, (start, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
            digest = xxhash.xxh3_128_intdigest(view[start:end])
            out[row, 0], out[row, 1] = digest >> 64, digest & _HALF
    if minhash:
        hashes, starts = shingles(column, minhash.ngram)
        out[:, EXACT:] = bands(hashes, starts, bands=minhash.bands, rows=minhash.rows, seed=seed)
    return out


@dataclass
class Keys:
    """Keys of all rows. What does not fit into a few megabytes lies in files.

    `alive` is 1 for rows that no rule dropped so far; exact is uint64 [2, rows]; bands is uint64 [bands, rows], 0 where
    a row takes no part.
    """

    alive: np.ndarray
    exact: np.ndarray
    text_bytes: np.ndarray
    bands: np.ndarray

    @classmethod
    def zeros(cls, rows: int, bands: int, scratch: Scratch) -> Keys:
        """Room for the keys of `rows` rows."""
        return cls(
            scratch.array("alive", rows, np.uint8),
            scratch.array("exact", (EXACT, rows), np.uint64),
            scratch.array("text_bytes", rows, np.int64),
            scratch.array("bands", (bands, rows), np.uint64),
        )

    def put(self, start: int, values: np.ndarray, texts: pa.Array) -> None:
        """The keys of the rows from `start` on, as key_values gives them, and their texts."""
        part = slice(start, start + len(values))
        self.exact[:, part] = values[:, :EXACT].T
        self.bands[:, part] = values[:, EXACT:].T
        self.text_bytes[part] = np.diff(buffers(texts)[1])


def gather(parts: Parts, scratch: Scratch) -> Keys:
    """The keys of all rows, in order."""
    rows = sum(unit.rows for unit in parts.units)
    keys = Keys.zeros(rows, parts.schema.field(COLUMN).type.list_size - EXACT, scratch)
    start = 0
    for batch in parts.batches():
        values = batch.column(COLUMN).flatten().to_numpy().reshape(batch.num_rows, -1)
        keys.put(start, values, batch.column("text"))
        keys.alive[start : start + batch.num_rows] = pc.is_null(batch.column("rule")).cast(pa.uint8()).to_numpy()
        start += batch.num_rows
    return keys
