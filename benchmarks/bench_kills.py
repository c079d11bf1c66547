"""Kill -9 at random points of collect, clean and tokenize: is the payload of the resumed run the same to the byte?

    python benchmarks/bench_kills.py [--kills N] [--seed N] [--quick]

Each stage runs once undisturbed on all documents of both languages. Then, N times: the same command into a new
directory is killed with its whole process group at a random moment of that duration, and the same command again,
with another number of workers, ends it. Compared are every file of the payload and the manifest's digest.
`resumed` counts the runs that found work of the killed one; the others were killed before there was any.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from side_by_side import DATA, ROOT, save

STAGES = {
    "collect": ["collect", "raw"],
    "clean": ["clean", "docs", "--keep-rejected"],
    "tokenize": ["tokenize", "clean", "--vocab-size", "12288"],
}
RAW = ("docs-en", "poems-zh")
FILES = 12  # of each language: a stage that has much to resume
CACHE = "cache/"  # rows kept for the next run, in files cut as the tasks were; no part of the payload
QUICK_KILLS = 2


def start(folder: Path, command: list[str], output: str, workers: int) -> subprocess.Popen[bytes]:
    """The command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "aigc_cli", *command, "-o", output, "--workers", str(workers), "-q"], cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def finished(folder: Path, command: list[str], output: str, workers: int) -> float:
    """Seconds of the whole command; it must succeed."""
    began = time.perf_counter()
    code = start(folder, command, output, workers).wait()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    return time.perf_counter() - began


def payload(directory: Path) -> tuple[str, dict[str, Any], set[str]]:
    """(digest, hashes of the files by the manifest, names of the files that are there)."""
    manifest = json.loads((directory / "manifest.json").read_text())
    names = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    return manifest["digest"], manifest["files"], {name for name in names if not name.startswith(CACHE)}


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two results hold the same files with the same content; what differs between equal runs is left out."""
    if payload(one) != payload(other):
        return False
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in payload(one)[1])


def killed(folder: Path, stage: str, within_s: float, chance: random.Random) -> dict[str, Any]:
    """One kill and what came of it."""
    command, moment = STAGES[stage], chance.uniform(0, within_s)
    process = start(folder, command, "killed", chance.choice((1, 2)))
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    hit, partial = process.returncode < 0, folder / "killed.partial"
    entry = {"at_s": round(moment, 2), "hit": hit, "resumed": partial.exists(),
             "journal": len((partial / "journal.jsonl").read_text().splitlines())
             if (partial / "journal.jsonl").exists() else 0}  # fmt: skip
    finished(folder, command, "killed", chance.choice((1, 2, 3)))
    entry["same"] = same_bytes(folder / f"{stage}-whole", folder / "killed")
    shutil.rmtree(folder / "killed")
    return entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_KILLS} kills; nothing is saved")
    arguments = parser.parse_args()
    kills, chance = QUICK_KILLS if arguments.quick else arguments.kills, random.Random(arguments.seed)
    results: dict[str, Any] = {"kills": kills, "seed": arguments.seed, "stages": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        for file in RAW:
            with gzip.open(DATA / f"text/{file}.jsonl.gz", "rt", encoding="utf-8") as source:
                lines = list(source)
            for number in range(FILES):
                (folder / f"raw/{file}-{number:02d}.jsonl").write_text("".join(lines[number::FILES]), encoding="utf-8")
        finished(folder, STAGES["collect"], "docs", 2)
        finished(folder, ["clean", "docs"], "clean", 2)
        for stage, command in STAGES.items():
            whole_s = finished(folder, command, f"{stage}-whole", 2)
            found: list[dict[str, Any]] = []
            while sum(entry["hit"] for entry in found) < kills:  # a run that ended before its kill does not count
                found.append(killed(folder, stage, whole_s, chance))
                print(stage, found[-1], flush=True)
            hits = [entry for entry in found if entry["hit"]]
            results["stages"][stage] = {
                "whole_s": round(whole_s, 2), "killed": len(hits), "resumed": sum(e["resumed"] for e in hits),
                "same_bytes": sum(e["same"] for e in hits), "each": found,
            }  # fmt: skip
    print({stage: {k: v for k, v in entry.items() if k != "each"} for stage, entry in results["stages"].items()})
    if not arguments.quick:
        save("kills", results)
    if any(not entry["same"] for stage in results["stages"].values() for entry in stage["each"]):
        raise SystemExit("a resumed run gave other bytes")


if __name__ == "__main__":
    main()
