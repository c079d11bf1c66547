"""The recipes of the text families at real size: 29 MB of English documentation, minutes each.

    python benchmarks/bench_recipes.py [--data docs-en.jsonl.gz] [--only NAME ...] [--minutes M]

Runs `aigc tokenize` and `aigc train NAME --config pipelines/recipes/NAME.yaml` as a user would, and `classify` on
review sentences from the bert that came out. Beside each loss stands that of guessing by how often a token is
(frequencies of the training split), which a model must beat. --minutes replaces the recipes' own. Prints the table of
docs/train.md and writes results/recipes.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import DATA, ROOT, machine, save

from aigc_cli.core import console
from aigc_cli.train.tokens import open_tokens

RECIPES = ROOT / "pipelines/recipes"
ON_TOKENS, ON_TEXT = ("gpt", "bert", "xlnet", "seq2seq"), ("word2vec", "glove")
NAMES = (*ON_TOKENS, "classify", *ON_TEXT)


def aigc(*arguments: Any, cwd: Path) -> float:
    """Runs a command of ours; gives its wall seconds."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "aigc_cli", *map(str, arguments)]
    subprocess.run(command, cwd=cwd, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def nats_by_frequency(folder: Path) -> float:
    """Cross-entropy of the validation tokens under the training tokens' frequencies."""
    tokens = open_tokens(folder)
    counts = []
    for stream in (tokens.train, tokens.validation):
        assert stream is not None
        ids = np.empty(len(stream), np.int64)
        stream.read(0, ids)
        counts.append(np.bincount(ids, minlength=tokens.vocab_size).astype(float))
    p = (counts[0] + 1) / (counts[0] + 1).sum()
    return float(-(counts[1] * np.log(p)).sum() / counts[1].sum())


def reviews(folder: Path) -> Path:
    """3,200 labelled sentences and 800 that validate."""
    rows = [
        {"text": line, "label": label} for number, label in enumerate(("bad", "good"))
        for line in (DATA / f"style/yelp.dev.{number}.txt").read_text(encoding="utf-8").splitlines() if line.strip()
    ]  # fmt: skip
    order = np.random.default_rng(0).permutation(len(rows))
    folder.mkdir()
    for name, part in (("valid", order[: len(rows) // 5]), ("train", order[len(rows) // 5 :])):
        lines = (json.dumps(rows[int(i)]) + "\n" for i in part)
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA / "text/docs-en.jsonl.gz")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--minutes", type=float)
    given = parser.parse_args()
    if not given.data.is_file():
        raise SystemExit(f"there is no {given.data}; give the documents with --data FILE")
    if "classify" in given.only and "bert" not in given.only:
        raise SystemExit("classify begins with bert; name both")
    data, rows = given.data.resolve(), {}
    budget = ["--minutes", given.minutes] if given.minutes else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokenize_s = aigc("tokenize", data, "--config", RECIPES / "tokenize.yaml", "-o", "tokens", cwd=folder)
        base = round(nats_by_frequency(folder / "tokens"), 3)
        for label in given.only:
            family = "bert" if label == "classify" else label
            words = ["--shards", "tokens"] if label in ON_TOKENS else ["--shards", data]
            words, extra = (words, budget if label in ON_TOKENS else [])
            if label == "classify":
                words, extra = ["--shards", reviews(folder / "reviews")], ["--init-from", "bert"]
            command = ["train", family, *words, "--config", RECIPES / f"{label}.yaml", *extra, "-o", label]
            seconds = aigc(*command, cwd=folder)
            manifest = json.loads((folder / label / "manifest.json").read_text())
            final = {k.removeprefix("val/"): round(v, 4) for k, v in manifest["facts"].get("final", {}).items()}
            rows[label] = {
                "seconds": round(seconds, 1), "parameters": manifest["facts"].get("parameters"),
                "counts": manifest["counts"], **final,
            }  # fmt: skip
            print(label, rows[label], flush=True)
    print(f"nats by frequency: {base}; tokenize took {tokenize_s:.1f} s")
    table = [[label, row["seconds"], row["parameters"] or "", row.get("loss_nats", "")] for label, row in rows.items()]
    print(console.table("recipes at real size", ["recipe", "seconds", "parameters", "held-out nats"], table))
    if tuple(given.only) == NAMES and not given.minutes:
        times = {"tokenize_s": round(tokenize_s, 1), "after": machine()}
        save("recipes", {"data": data.name, "nats_by_frequency": base, **times, "recipes": rows})


if __name__ == "__main__":
    main()
