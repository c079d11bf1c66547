"""Daft's side of bench_minhash: normalize and minhash(112, 5) over an Arrow table, bands and union-find in numpy.

python peers/daft_minhash.py FILE.jsonl.gz
"""

from __future__ import annotations

import gzip
import json
import sys
import time

import daft
import numpy as np
import pyarrow as pa
from side_by_side import cpu_s, serve

BANDS, ROWS, NGRAM = 14, 8, 5
with gzip.open(sys.argv[1], "rt", encoding="utf-8") as lines:
    DOCUMENTS = [json.loads(line) for line in lines]
TABLE = pa.table({"text": pa.array([d["text"] for d in DOCUMENTS], pa.large_string())})


def signatures() -> np.ndarray:
    """uint32 [documents, BANDS * ROWS]."""
    text = daft.col("text").normalize(remove_punct=True, lowercase=True, nfd_unicode=True, white_space=True)
    found = daft.from_arrow(TABLE).select(text.minhash(num_hashes=BANDS * ROWS, ngram_size=NGRAM).alias("hashes"))
    column = found.to_arrow()["hashes"].combine_chunks()
    return column.flatten().to_numpy().reshape(len(column), BANDS * ROWS)


def run(clusters: bool = False) -> dict:
    """One request; see datatrove_minhash."""
    start, before = time.perf_counter(), cpu_s()
    values = signatures()
    parents = list(range(len(values)))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for band in range(BANDS):
        part = np.ascontiguousarray(values[:, band * ROWS : (band + 1) * ROWS])
        keys = part.view(np.dtype((np.void, part.dtype.itemsize * ROWS))).ravel()
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        for row in np.flatnonzero(first[inverse] != np.arange(len(keys))).tolist():
            a, b = root(int(first[inverse[row]])), root(row)
            parents[max(a, b)] = min(a, b)
    roots = [root(row) for row in range(len(parents))]
    removed = [row for row, other in enumerate(roots) if other != row]
    answer = {"seconds": time.perf_counter() - start, "cpu_s": cpu_s() - before, "removed": len(removed)}
    if clusters:
        answer["match"] = {DOCUMENTS[row]["id"]: DOCUMENTS[roots[row]]["id"] for row in removed}
    return answer


if __name__ == "__main__":
    serve(run)
