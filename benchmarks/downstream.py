"""Labelled sentences for the downstream checks of bench_bert and bench_xlnet, and the peer that judges them, too."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import DATA, HERE, python_of

STYLE = DATA / "style"
Rows = list[dict[str, str]]


def lines(name: str, label: str) -> Rows:
    """The sentences of a file."""
    text = (STYLE / name).read_text(encoding="utf-8")
    return [{"text": line, "label": label} for line in text.splitlines() if line.strip()]


def reviews(seed: int) -> dict[str, Rows]:
    """Good and bad reviews: four fifths to learn from, by `seed`."""
    rows = lines("yelp.dev.0.txt", "bad") + lines("yelp.dev.1.txt", "good")
    order = np.random.default_rng(seed).permutation(len(rows))
    cut = len(rows) // 5
    return {"valid": [rows[i] for i in order[:cut]], "train": [rows[i] for i in order[cut:]]}


def shakespeare(seed: int) -> dict[str, Rows]:
    """Lines of Shakespeare and their modern rendering, in the parts that they come in."""
    sides = ("original", "modern")
    return {part: [r for s in sides for r in lines(f"shakespeare.{part}.{s}.txt", s)] for part in ("valid", "train")}


def write(parts: dict[str, Rows], folder: Path) -> Path:
    """valid.jsonl and train.jsonl."""
    folder.mkdir(parents=True)
    for name, rows in parts.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def judged(script: str, *arguments: Any) -> float:
    """Percent right of a script in the environment with scikit-learn."""
    command = [python_of("sklearn"), str(HERE / "peers" / script), *map(str, arguments)]
    return 100 * json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["accuracy"]
