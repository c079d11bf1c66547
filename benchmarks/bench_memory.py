"""Anonymous memory of `aigc clean - -o out` on a stream of 10 GB: all default rules, exact and near-duplicates.

    python benchmarks/bench_memory.py [--quick] [--megabytes N] [--workers N]

The stream (stream_of_text.py: 90 % unique documents, a fifth Chinese) is piped in while it is made; the memory of its
maker does not count. Needs about four times the stream's size on the disk that holds the temporary directory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import side_by_side

QUICK_MEGABYTES = 300
SAMPLE_S = 0.2
SERIES = 40  # points of the memory over time that are kept


class Watch:
    """Highest anonymous memory of a process tree, and how it went."""

    def __init__(self, process: int) -> None:
        self.samples: list[int] = []
        self._process, self._done = process, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._done.wait(SAMPLE_S):
            self.samples.append(side_by_side.anonymous_bytes(self._process))

    def close(self) -> None:
        """Stop."""
        self._done.set()
        self._thread.join()

    @property
    def series_mb(self) -> list[int]:
        """The highest value of each of SERIES equal spans of time, in MB."""
        count = len(self.samples)
        bounds = [i * count // SERIES for i in range(SERIES + 1)]
        return [max(self.samples[a:b]) // 10**6 for a, b in zip(bounds[:-1], bounds[1:], strict=True) if b > a]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_MEGABYTES} MB; nothing is saved")
    parser.add_argument("--megabytes", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    megabytes = QUICK_MEGABYTES if arguments.quick else arguments.megabytes
    environment = {**os.environ, "PYTHONPATH": str(side_by_side.ROOT)}
    with tempfile.TemporaryDirectory() as name:
        maker = subprocess.Popen(
            [sys.executable, side_by_side.HERE / "stream_of_text.py", "--megabytes", str(megabytes)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        start = time.perf_counter()
        cleaner = subprocess.Popen(
            [sys.executable, "-m", "aigc_cli", "clean", "-", "-o", "out", "--workers", str(arguments.workers)],
            stdin=maker.stdout, cwd=name, env={**environment, "TMPDIR": name},
        )  # fmt: skip
        watch = Watch(cleaner.pid)
        code = cleaner.wait()
        wall = time.perf_counter() - start
        watch.close()
        assert maker.stderr is not None
        made = json.loads(maker.stderr.read())
        if code or maker.wait():
            raise SystemExit(f"aigc clean ended with {code}")
        manifest = json.loads((Path(name) / "out/manifest.json").read_text())
    unique = made["documents"]["new"] / sum(made["documents"].values())
    found = {entry["rule"]: entry["dropped"] for entry in manifest["facts"]["funnel"]}
    results = {
        "stream": {**made, "unique_share": round(unique, 4)}, "workers": arguments.workers, "rules": "default",
        "peak_anonymous_mb": round(max(watch.samples) / 1e6, 1), "bar_mb": 1000, "wall_s": round(wall, 1),
        "mb_per_s": round(made["bytes"] / 1e6 / wall, 2), "dropped": found, "counts": manifest["counts"],
        "series_mb": watch.series_mb,
    }  # fmt: skip
    print(json.dumps(results, indent=1))
    if not arguments.quick:
        side_by_side.save("memory" if megabytes >= 10_000 else f"memory-{megabytes}", results)


if __name__ == "__main__":
    main()
