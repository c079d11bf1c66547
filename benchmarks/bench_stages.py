"""collect, clean and tokenize end to end: MB/s of text on one and two workers, and what a billion documents would cost.

    python benchmarks/bench_stages.py [--quick]

Each run is a process of its own, start-up included, kernels compiled before; the text is the English documents. The
tokenizer is learned once beforehand and given, so encoding and packing are what is timed. Costs are core-hours of the
one-worker rates for documents of this text's mean size, times a price for a core-hour that you can change.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from side_by_side import DATA, ROOT, peak_memory, save

PRICE_DOLLARS = 0.04  # a core-hour of a general-purpose machine in the cloud, on demand, rounded
BILLION = 1e9
QUICK_DOCUMENTS = 400


def aigc(folder: Path, *arguments: str, workers: int = 1) -> tuple[float, int]:
    """(wall seconds, peak anonymous bytes) of one command."""
    cores = ",".join(map(str, range(workers)))
    command = ["taskset", "-c", cores, sys.executable, "-m", "aigc_cli", *arguments, "--workers", str(workers), "-q"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AIGC_THREADS": str(workers)}
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    with peak_memory(process.pid) as peak:
        code = process.wait()
    if code:
        raise SystemExit(f"{' '.join(arguments)} ended with {code}")
    return time.perf_counter() - start, peak[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--price", type=float, default=PRICE_DOLLARS, help="dollars of a core-hour")
    arguments = parser.parse_args()
    repeat = 1 if arguments.quick else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with gzip.open(DATA / "text/docs-en.jsonl.gz", "rt", encoding="utf-8") as source:
            lines = [line for number, line in enumerate(source) if not arguments.quick or number < QUICK_DOCUMENTS]
        (folder / "docs.jsonl").write_text("".join(lines), encoding="utf-8")
        size = sum(len(json.loads(line)["text"].encode()) for line in lines)
        mean = size / len(lines)
        aigc(folder, "collect", "docs.jsonl", "-o", "docs")
        aigc(folder, "clean", "docs", "-o", "clean")  # compiles the kernels
        aigc(folder, "tokenize", "clean", "-o", "learned", "--vocab-size", "16384" if not arguments.quick else "4096")
        commands = {
            "collect": ["collect", "docs.jsonl", "-o", "again"],
            "clean": ["clean", "docs", "-o", "again"],
            "tokenize": ["tokenize", "docs", "--tokenizer", "learned/tokenizer", "-o", "again"],
        }
        results: dict = {"megabytes": size / 1e6, "documents": len(lines), "mean_document_bytes": mean, "stages": {}}
        for stage, command in commands.items():
            entry: dict = {}
            for workers in (1, 2):
                runs = [aigc(folder, *command, "--force", workers=workers) for _ in range(repeat)]
                wall = statistics.median(seconds for seconds, _ in runs)
                entry[f"{workers}_workers"] = {
                    "wall_s": round(wall, 3), "mb_per_s": round(size / 1e6 / wall, 2),
                    "peak_anonymous_mb": round(max(peak for _, peak in runs) / 1e6),
                }  # fmt: skip
            hours = BILLION * mean / (size / entry["1_workers"]["wall_s"]) / 3600
            entry["billion_documents"] = {
                "core_hours": round(hours), "days_on_64_cores": round(hours / 64 / 24, 2),
                "dollars": round(hours * arguments.price),
            }  # fmt: skip
            results["stages"][stage] = entry
            print(stage, entry)
            subprocess.run(["rm", "-rf", str(folder / "again")], check=True)
        results["dollars_per_core_hour"] = arguments.price
        results["dollars"] = sum(entry["billion_documents"]["dollars"] for entry in results["stages"].values())
    if not arguments.quick:
        save("stages", results)


if __name__ == "__main__":
    main()
