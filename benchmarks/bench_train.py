"""Loss against time of `train gpt` on tinyshakespeare's characters, beside a 5-gram model.

    python benchmarks/bench_train.py [--quick] [--data tinyshakespeare.txt(.gz)] [--minutes M] [--seeds N]

The first 90 % of the characters are trained on, the loss is taken on all of the rest. Start-up, measurement and
validation count as time. Prints a table and writes benchmarks/results/train.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

STARTED = time.monotonic()

import numpy as np  # noqa: E402 - imports are part of the time
import torch  # noqa: E402

from aigc_cli.core import console  # noqa: E402
from aigc_cli.core.device import resolve, threads  # noqa: E402
from aigc_cli.core.run import Run  # noqa: E402
from aigc_cli.evaluate.copies import longest_copy  # noqa: E402
from aigc_cli.evaluate.ngram import WittenBell  # noqa: E402
from aigc_cli.models import FAMILIES  # noqa: E402
from aigc_cli.models.bundle import save_bundle  # noqa: E402
from aigc_cli.models.gpt.config import Shape  # noqa: E402
from aigc_cli.train.data import TokenStream  # noqa: E402
from aigc_cli.train.job import Job  # noqa: E402
from aigc_cli.train.loop import run_training  # noqa: E402
from aigc_cli.train.metrics import METRICS, read_log  # noqa: E402
from aigc_cli.train.options import TrainOptions  # noqa: E402
from aigc_cli.train.samples import Sampler  # noqa: E402
from aigc_cli.train.tasks.causal import prepare  # noqa: E402
from aigc_cli.train.tokens import Tokens  # noqa: E402

IMPORT_S = time.monotonic() - STARTED
RESULTS = Path(__file__).parent / "results" / "train.json"
DATA = Path(__file__).parent.parent.parent / "shared/data/text/tinyshakespeare.txt.gz"
CONTEXT, ORDER, SAMPLES = 256, 5, 16


def read(path: Path) -> str:
    if not path.is_file():
        raise SystemExit(f"there is no {path}; give the text with --data FILE")
    return (gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")).read()


def copied(text: str, training: str) -> int:
    """Characters of the longest span of `text` that stands in the training text."""
    return longest_copy(text, training)[0]


def train_once(ids: np.ndarray, split: int, alphabet: str, options: TrainOptions, seed: int) -> dict:
    """One run: final loss, the curve, speed, and samples."""
    device, dtype = resolve("auto", options.dtype)
    cpu = time.process_time()
    tokens = Tokens(None, TokenStream([ids[:split]]), TokenStream([ids[split:]]), None, len(alphabet), CONTEXT, 1.0)
    config = Shape().config(len(alphabet), CONTEXT)
    work = prepare(Job(FAMILIES["gpt"], config, tokens, options, device, dtype, seed))
    model, objective, data = work.model, work.objective, work.data
    with tempfile.TemporaryDirectory() as folder:

        def write_bundle(directory: Path) -> None:
            save_bundle(directory, "gpt", config, model.state_dict(), None, "")

        with Run(Path(folder) / "run", stage="train", version=1, options={"seed": seed}) as run:
            outcome = run_training(
                run, objective, data, options, device=device, dtype=dtype, seed=seed, write_bundle=write_bundle,
                width=config.n_embd,
            )  # fmt: skip
            cpu = time.process_time() - cpu
            log = read_log(run.dir / METRICS)
            write_bundle(run.dir)
            run.publish()
    curve = [
        {"step": r["step"], "s": round(r["time_s"] + IMPORT_S, 1), "val_nats": round(r["val/loss_nats"], 4)}
        for r in log
        if "val/loss_nats" in r
    ]
    model.compute_dtype = None
    prompt = ids[split : split + 16].tolist()
    texts = []
    for number in range(SAMPLES):
        new = Sampler([prompt], None, CONTEXT, seed=number)(model)[0]["text"]
        texts.append("".join(alphabet[i] for i in new))
    training = "".join(alphabet[i] for i in ids[:split])
    return {
        "seed": seed, "steps": outcome.steps, "parameters": config.parameters(), "dtype": str(dtype)[6:],
        "val_nats": outcome.final["val/loss_nats"], "seconds": round(outcome.times["train_s"] + IMPORT_S, 1),
        "tokens_per_s": round(outcome.times["tokens_per_s"]), "cpu_s": round(cpu, 1), "curve": curve,
        "longest_copy_chars": max(copied(text, training) for text in texts), "sample": texts[0],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="40 steps, one seed")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--steps", type=int, help="instead of --minutes")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    console.setup(quiet=True)
    text = read(given.data)
    alphabet = "".join(sorted(set(text)))
    number = {character: i for i, character in enumerate(alphabet)}
    ids = np.array([number[character] for character in text], np.uint16)
    split = int(0.9 * len(ids))
    steps = 40 if given.quick else given.steps
    options = TrainOptions(steps=steps, minutes=None if steps else given.minutes, sample_tokens=0, evals=12)
    load = round(os.getloadavg()[0], 1)  # of other work: with more than a few tenths the times say little
    ngram = WittenBell(ORDER, len(alphabet)).fit([ids[:split]]).nats_per_token(ids[split:])
    runs = [train_once(ids, split, alphabet, options, seed) for seed in range(1 if given.quick else given.seeds)]
    result = {
        "data": given.data.name, "characters": len(ids), "threads": threads(), "load_before": load,
        "machine": platform.machine(),
        "torch": torch.__version__, "ngram_order": ORDER, "ngram_val_nats": round(ngram, 4),
        "held_out_longest_copy_chars": copied(text[split : split + SAMPLES * CONTEXT], text[:split]),
        "median_val_nats": round(statistics.median(r["val_nats"] for r in runs), 4),
        "median_seconds": statistics.median(r["seconds"] for r in runs),
        "median_tokens_per_s": statistics.median(r["tokens_per_s"] for r in runs), "runs": runs,
    }  # fmt: skip
    rows = [[r["seed"], p["step"], p["s"], p["val_nats"]] for r in runs for p in r["curve"]]
    print(console.table("loss against time", ["seed", "step", "s", "val nats"], rows))
    for key in (k for k in result if k != "runs"):
        print(f"{key}: {result[key]}")
    print(f"longest_copy_chars: {[r['longest_copy_chars'] for r in runs]}")
    if not given.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
