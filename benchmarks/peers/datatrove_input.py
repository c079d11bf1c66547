"""The documents as datatrove's readers want them."""

from __future__ import annotations

import gzip
from pathlib import Path

import jieba


def prepare(file: str, workers: int, folder: Path) -> None:
    """Files of JSON Lines in folder/in, one for each worker; jieba's dictionary is loaded before, too."""
    with gzip.open(file, "rt", encoding="utf-8") as source:
        lines = source.readlines()
    (folder / "in").mkdir()
    for worker in range(workers):
        part = lines[worker * len(lines) // workers : (worker + 1) * len(lines) // workers]
        (folder / f"in/{worker}.jsonl").write_text("".join(part), encoding="utf-8")
    jieba.initialize()
