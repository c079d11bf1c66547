"""Our side of bench_passages: `clean` from collected shards to cleaned ones.

python peers/aigc_passages.py FILE.jsonl.gz WORKERS
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from side_by_side import cpu_s, peak_memory, serve

from aigc_cli.clean import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.collect import collect
from aigc_cli.core.options import Common

HELD = tempfile.TemporaryDirectory()
INPUT = Path(HELD.name) / "docs"
WORKERS = int(sys.argv[2])


def run(rules: list, memory: bool = False) -> dict:
    """One request. `memory`: the answer has the peak of anonymous memory, and the watching costs some time."""
    with tempfile.TemporaryDirectory() as name:
        common = Common(output=Path(name) / "out", workers=WORKERS, quiet=True)
        start, before = time.perf_counter(), cpu_s()
        answer: dict = {}
        if memory:
            with peak_memory(os.getpid()) as peak:
                result = clean([INPUT], CleanOptions(rules=rules), common)
            answer["peak_mb"] = round(peak[0] / 1e6)
        else:
            result = clean([INPUT], CleanOptions(rules=rules), common)
        assert result.manifest is not None
        counts = result.manifest["counts"]
        return {**answer, "seconds": time.perf_counter() - start, "cpu_s": cpu_s() - before,
                "documents": counts["documents"], "bytes": counts["bytes"]}  # fmt: skip


if __name__ == "__main__":
    collect([sys.argv[1]], None, Common(output=INPUT, quiet=True))
    serve(run)
