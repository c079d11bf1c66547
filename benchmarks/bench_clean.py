"""clean, end to end: MB/s with 1 and 2 workers, JIT cold and warm; peak anonymous memory; duplicate recall.

    python benchmarks/bench_clean.py [--quick] [--data FILE.jsonl.gz] [--repeat N]

With `FILE.duplicates.json` beside FILE.jsonl.gz (lists "exact" and "near" of [original id, copy id, ...]) the recall
of the duplicate search is measured too. Each run is a process of its own, start-up included, on collected shards.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
QUICK_DOCUMENTS = 400
SAMPLE_S = 0.05


def anonymous_bytes(root: int) -> int:
    """RssAnon of a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    total, queue = 0, [root]
    while queue:
        process = queue.pop()
        queue += children.get(process, [])
        try:
            for line in Path(f"/proc/{process}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


def timed(command: list[str], environment: dict[str, str], folder: Path) -> tuple[float, float, int]:
    """(wall seconds, CPU seconds, peak anonymous bytes) of a command and its children."""
    before = os.times()
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(SAMPLE_S):
            peak = max(peak, anonymous_bytes(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    wall = time.perf_counter() - start
    done.set()
    watcher.join()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, peak


def recall(result: Path, truth: dict[str, list], present: set[str]) -> dict[str, float | int]:
    """Shares of the known pairs of which at most one document stays; pairs with a document that another rule dropped
    do not count."""
    from aigc_cli.core.shards import Shards

    stays = {row["source_id"] for batch in Shards.open(result).batches(["source_id"]) for row in batch.to_pylist()}
    other: set[str] = set()
    for batch in Shards.open(result / "rejected").batches(["source_id", "rule"]):
        other.update(r["source_id"] for r in batch.to_pylist() if r["rule"] not in ("exact", "minhash"))
    found: dict[str, float | int] = {"documents_kept": len(stays)}
    for kind in ("exact", "near"):
        pairs = [p for p in truth[kind] if {p[0], p[1]} <= present and not {p[0], p[1]} & other]
        hit = sum(not {p[0], p[1]} <= stays for p in pairs)
        found[f"{kind}_pairs"], found[f"{kind}_recall"] = len(pairs), hit / max(len(pairs), 1)
        for share in sorted({p[2] for p in pairs if len(p) > 2}):
            part = [p for p in pairs if p[2] == share]
            found[f"near_recall_{share}"] = sum(not {p[0], p[1]} <= stays for p in part) / len(part)
    return found


def prepare(data: Path, folder: Path, quick: bool) -> tuple[int, set[str]]:
    """Write the documents as JSON Lines and collect them into folder/docs; (bytes of text, ids)."""
    size, ids = 0, set()
    with gzip.open(data, "rt", encoding="utf-8") as source, open(folder / "d.jsonl", "w", encoding="utf-8") as target:
        for number, line in enumerate(source):
            if quick and number >= QUICK_DOCUMENTS:
                break
            document = json.loads(line)
            size += len(document["text"].encode())
            ids.add(document["id"])
            target.write(line)
    subprocess.run(
        [sys.executable, "-m", "aigc_cli", "collect", "d.jsonl", "-o", "docs", "-q"], cwd=folder, check=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return size, ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"the first {QUICK_DOCUMENTS} documents, once")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data/text/docs-en.jsonl.gz")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    repeat = 1 if arguments.quick else arguments.repeat
    results: dict = {"data": arguments.data.name, "machine": platform.machine(), "cores": os.cpu_count(), "runs": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size, ids = prepare(arguments.data, folder, arguments.quick)
        results["megabytes"] = size / 1e6
        cache = folder / "kernels"
        base = {**os.environ, "PYTHONPATH": str(HERE.parent), "XDG_CACHE_HOME": str(cache)}
        plan = [("cold", 1)] + [("warm", workers) for _ in range(repeat) for workers in (1, 2)]
        gathered: dict[str, list[tuple[float, float, int]]] = {}
        for state, workers in plan:
            command = [sys.executable, "-m", "aigc_cli", "clean", "docs", "-o", "out", "--force", "-q", "--workers",
                       str(workers)]  # fmt: skip
            gathered.setdefault(f"{state}_{workers}_workers", []).append(timed(command, base, folder))
        for label, runs in gathered.items():
            wall, cpu = statistics.median(r[0] for r in runs), statistics.median(r[1] for r in runs)
            alone = label.endswith("_1_workers")  # the CPU time of pool workers is not that of children
            results["runs"][label] = {
                "wall_s": round(wall, 3),
                "mb_per_s": round(size / 1e6 / wall, 2),
                "cpu_s": round(cpu, 3) if alone else None,
                "mb_per_cpu_s": round(size / 1e6 / cpu, 2) if alone else None,
                "peak_anonymous_mb": round(max(r[2] for r in runs) / 1e6, 1),
                "repeats": len(runs),
            }
            print(label, results["runs"][label])
        truth = arguments.data.with_name(arguments.data.name.replace(".jsonl.gz", ".duplicates.json"))
        if truth.is_file():
            (folder / "dedup.yaml").write_text("rules: [exact, minhash]\nkeep_rejected: true\n")
            command = [sys.executable, "-m", "aigc_cli", "clean", "docs", "-o", "dedup", "-q", "--config", "dedup.yaml"]
            subprocess.run(command, cwd=folder, env=base, check=True, stdout=subprocess.DEVNULL)
            sys.path.insert(0, str(HERE.parent))
            results["duplicates"] = recall(folder / "dedup", json.loads(truth.read_text()), ids)
            print("duplicates", results["duplicates"])
    if arguments.quick:
        return  # too small to be a result
    target = HERE / "results" / "clean.json"
    target.parent.mkdir(exist_ok=True)
    known = json.loads(target.read_text()) if target.is_file() else {}
    target.write_text(json.dumps({**known, arguments.data.name.split(".")[0]: results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
