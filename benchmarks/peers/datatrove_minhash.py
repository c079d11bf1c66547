"""datatrove's side of bench_minhash: its four MinHash stages from JSON Lines to what stays, with cluster ids.

python peers/datatrove_minhash.py FILE.jsonl.gz LANGUAGE WORKERS
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import spacy  # noqa: F401 - imports do not count
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.logging import logger
from datatrove_input import prepare
from side_by_side import cpu_s, serve

FILE, LANGUAGE, WORKERS = sys.argv[1], sys.argv[2], int(sys.argv[3])
CONFIG = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
HELD = tempfile.TemporaryDirectory()
INPUT = Path(HELD.name)
logger.remove()


def stage(pipeline: list, tasks: int, folder: Path, name: str) -> None:
    LocalPipelineExecutor(
        pipeline=pipeline, tasks=tasks, workers=min(WORKERS, tasks), logging_dir=str(folder / "logs" / name),
        start_method="fork",
    ).run()  # fmt: skip


def cluster_ids(folder: Path) -> dict[str, int]:
    found = {}
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                found[row["id"]] = row["metadata"].get("minhash_cluster_id", -1)
    return found


def run(clusters: bool = False) -> dict:
    """One request; with `clusters` the answer names the removed documents and the one that stays of their cluster."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start, before = time.perf_counter(), cpu_s()
        stage([JsonlReader(str(INPUT / "in")), MinhashDedupSignature(str(folder / "sig"), CONFIG, language=LANGUAGE)],
              WORKERS, folder, "1")  # fmt: skip
        stage([MinhashDedupBuckets(str(folder / "sig"), str(folder / "buckets"), config=CONFIG)],
              CONFIG.num_buckets, folder, "2")  # fmt: skip
        stage([MinhashDedupCluster(str(folder / "buckets"), str(folder / "remove"), CONFIG, save_cluster_id=True)],
              1, folder, "3")  # fmt: skip
        writers = [JsonlWriter(str(folder / part), output_filename="${rank}.jsonl", compression=None)
                   for part in ("removed", "kept")]  # fmt: skip
        filtered = MinhashDedupFilter(str(folder / "remove"), exclusion_writer=writers[0], load_cluster_ids=True)
        stage([JsonlReader(str(INPUT / "in")), filtered, writers[1]], WORKERS, folder, "4")
        answer: dict = {"seconds": time.perf_counter() - start, "cpu_s": cpu_s() - before}
        removed = cluster_ids(folder / "removed")
        answer["removed"] = len(removed)
        if clusters:
            kept = {cluster: name for name, cluster in cluster_ids(folder / "kept").items() if cluster != -1}
            answer["match"] = {name: kept.get(cluster) for name, cluster in removed.items()}
    return answer


if __name__ == "__main__":
    prepare(FILE, WORKERS, INPUT)
    serve(run)
