"""datatrove's side of bench_passages: its three stages of sentence deduplication from JSON Lines to JSON Lines.

python peers/datatrove_sentences.py FILE.jsonl.gz LANGUAGE WORKERS
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import spacy  # noqa: F401 - imports do not count
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import SentenceDedupFilter, SentenceDedupSignature, SentenceFindDedups
from datatrove.pipeline.dedup.sentence_dedup import SentDedupConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.logging import logger
from datatrove_input import prepare
from side_by_side import cpu_s, serve

FILE, LANGUAGE, WORKERS = sys.argv[1], sys.argv[2], int(sys.argv[3])
CONFIG = SentDedupConfig()  # spans of 3 sentences, at least 50 words and 3 sentences left
HELD = tempfile.TemporaryDirectory()
INPUT = Path(HELD.name)
logger.remove()


def stage(pipeline: list, tasks: int, folder: Path, name: str) -> None:
    """One stage in a process of its own: a pipeline with a tokenizer that was used cannot be copied for the next."""
    executor = LocalPipelineExecutor(
        pipeline=pipeline, tasks=tasks, workers=min(WORKERS, tasks), logging_dir=str(folder / "logs" / name),
        start_method="fork",
    )  # fmt: skip
    process = multiprocessing.get_context("fork").Process(target=executor.run)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"stage {name} ended with {process.exitcode}")


def run(rules: list | None = None) -> dict:
    """One request; `rules` are for the other side."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start, before = time.perf_counter(), cpu_s()
        reader = JsonlReader(str(INPUT / "in"))
        stage([reader, SentenceDedupSignature(str(folder / "sig"), config=CONFIG, language=LANGUAGE)], WORKERS, folder,
              "1")  # fmt: skip
        stage([SentenceFindDedups(str(folder / "sig"), str(folder / "dups"), config=CONFIG)], 1, folder, "2")
        writer = JsonlWriter(str(folder / "kept"), output_filename="${rank}.jsonl", compression=None)
        stage([reader, SentenceDedupFilter(str(folder / "dups"), config=CONFIG, language=LANGUAGE), writer], WORKERS,
              folder, "3")  # fmt: skip
        answer: dict = {"seconds": time.perf_counter() - start, "cpu_s": cpu_s() - before, "documents": 0, "bytes": 0}
        for path in (folder / "kept").glob("*.jsonl"):
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    answer["documents"] += 1
                    answer["bytes"] += len(json.loads(line)["text"].encode())
    return answer


if __name__ == "__main__":
    prepare(FILE, WORKERS, INPUT)
    serve(run)
