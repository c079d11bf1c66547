"""The keys by which documents are compared: made with the per-document rules, gathered for all documents at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from aigc_cli.clean.kernels.shingles import bands, shingles
from aigc_cli.clean.kernels.text import buffers
from aigc_cli.core.engine import Parts

COLUMN = "keys"
EXACT = 2  # the first columns are the two halves of the exact key, the rest are the MinHash bands


def key_type(minhash: Any) -> pa.DataType:
    """Arrow type of the keys; `minhash` are that rule's options, or None."""
    return pa.list_(pa.uint64(), EXACT + (minhash.bands if minhash else 0))


def make_keys(column: pa.Array, minhash: Any, seed: int) -> pa.Array:
    """The keys of each document of a text column."""
    out = np.zeros((len(column), EXACT + (minhash.bands if minhash else 0)), dtype=np.uint64)
    data, offsets = buffers(column)
    for row in range(len(column)):
        text = data[offsets[row] : offsets[row + 1]].tobytes()
        digest = xxhash.xxh3_128_intdigest(b" ".join(text.lower().split()))
        out[row, 0], out[row, 1] = digest >> 64, digest & (1 << 64) - 1
    if minhash:
        hashes, starts = shingles(column, minhash.ngram)
        out[:, EXACT:] = bands(hashes, starts, bands=minhash.bands, rows=minhash.rows, seed=seed)
    return pa.FixedSizeListArray.from_arrays(pa.array(out.ravel()), out.shape[1])


@dataclass
class Keys:
    """Keys of all rows of the parts: 25 bytes a row in memory, the bands in a file.

    `alive` marks rows that no rule dropped so far; exact is uint64 [rows, 2]; bands is uint64 [bands, rows], 0 where
    a row takes no part.
    """

    alive: np.ndarray
    exact: np.ndarray
    text_bytes: np.ndarray
    bands: np.ndarray


def gather(parts: Parts, directory: Path) -> Keys:
    """The keys of all rows, in order; `directory` takes a temporary file."""
    rows = sum(unit.rows for unit in parts.units)
    count = parts.schema.field(COLUMN).type.list_size - EXACT
    keys = Keys(
        np.zeros(rows, dtype=bool), np.zeros((rows, EXACT), dtype=np.uint64), np.zeros(rows, dtype=np.int64),
        _file(directory / "bands.u64", (count, rows)),
    )  # fmt: skip
    start = 0
    for batch in parts.batches():
        part = slice(start, start + batch.num_rows)
        values = batch.column(COLUMN).flatten().to_numpy().reshape(batch.num_rows, -1)
        keys.alive[part] = batch.column("rule").is_null().to_numpy(zero_copy_only=False)
        keys.exact[part] = values[:, :EXACT]
        keys.bands[:, part] = values[:, EXACT:].T
        keys.text_bytes[part] = np.diff(buffers(batch.column("text"))[1])
        start += batch.num_rows
    return keys


def _file(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A new array in a file, so that it takes no memory; in memory where there is nothing to hold."""
    if not shape[0] or not shape[1]:
        return np.zeros(shape, dtype=np.uint64)
    return np.memmap(path, dtype=np.uint64, mode="w+", shape=shape)
