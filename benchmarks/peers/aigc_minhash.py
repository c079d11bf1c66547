"""Our side of bench_minhash: an Arrow column to clusters, every pair verified by its true similarity.

python peers/aigc_minhash.py FILE.jsonl.gz
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

import numba  # noqa: F401 - imports do not count, compiling the kernels does
import pyarrow as pa
import pyarrow.compute
import xxhash  # noqa: F401
from side_by_side import cpu_s, serve

with gzip.open(sys.argv[1], "rt", encoding="utf-8") as lines:
    DOCUMENTS = [json.loads(line) for line in lines]
COLUMN = pa.array([d["text"] for d in DOCUMENTS], pa.large_string())

START = time.perf_counter()
from aigc_cli.clean.dedup.find import duplicates_of  # noqa: E402
from aigc_cli.clean.rules.minhash import Options  # noqa: E402

KERNELS_S = time.perf_counter() - START  # compiled, or loaded from the cache


def run(clusters: bool = False, bands: int = 25, rows: int = 5, exact: bool = False) -> dict:
    """One request; see datatrove_minhash. `exact`: also the search for exact duplicates that clean does before."""
    start, before = time.perf_counter(), cpu_s()
    with tempfile.TemporaryDirectory() as folder:
        options = Options(bands=bands, rows=rows)
        found = duplicates_of(COLUMN, Path(folder), exact=exact, minhash=options)
        spent = {"seconds": time.perf_counter() - start, "cpu_s": cpu_s() - before}
        removed = (found.match >= 0).nonzero()[0].tolist()
        answer = {**spent, "removed": len(removed), "kernels_s": KERNELS_S, "pairs": found.candidates}
        if clusters:
            answer["match"] = {DOCUMENTS[row]["id"]: DOCUMENTS[int(found.match[row])]["id"] for row in removed}
            answer["threshold"] = options.threshold
    return answer


if __name__ == "__main__":
    serve(run)
