"""GPT on tinyshakespeare's characters against nanoGPT: time to its own final loss, and loss at equal time.

    python benchmarks/bench_nanogpt.py [--quick] [--nanogpt DIR] [--data FILE] [--seeds N] [--minutes M ...] [--develop]

Part 1, `reach`: nanoGPT's CPU recipe (4 layers of 128, block 64, batch 12, 2000 steps) at its own learning rate and at
two others gives the losses to reach. `aigc train gpt` runs as a command, everything from start-up to the published
model counted (how long it read the whole validation split stands beside); of nanoGPT only the steps count. Part 2,
`equal`: the loss after M minutes of both, nanoGPT in two sizes at their best of the rates in part 1. Losses are nats
per character of the whole last tenth of the text in windows of the model's own context, and for ours also in windows
of 64. --develop holds out a tenth of the training part instead, for tuning. nanoGPT: model.py of
github.com/karpathy/nanoGPT in DIR. Writes results/nanogpt.json.
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
from typing import Any

import numpy as np
from side_by_side import DATA, HERE, ROOT, machine, save

TEXT = DATA / "text/tinyshakespeare.txt.gz"
RATES = (1e-3, 3e-3, 6e-3)  # the recipe's own first
RECIPE = {"layers": 4, "heads": 4, "width": 128, "block": 64, "batch": 12, "steps": 2000}
LARGER = {"layers": 4, "heads": 6, "width": 192, "block": 256, "batch": 8}
# Ours, chosen on the held-out tenth of the training part (--develop): steps to the loss of nanoGPT's own rate, and of
# its best rate; both in the recipe's shape.
SHAPE = ["--depth", "4", "--n-embd", "128", "--batch-size", "12", "--warmup", "5", "--muon-lr", "0.03", "--lr", "0.008"]
REACH = {"recipe": 200, "best": 470}
EQUAL = ["--depth", "4", "--batch-size", "4"]


def prepared(text: Path, folder: Path, develop: bool) -> tuple[Path, list[int]]:
    """nanoGPT's arrays and, for ours, the training and validation text as files; gives the array file."""
    raw = gzip.decompress(text.read_bytes()) if text.suffix == ".gz" else text.read_bytes()
    characters = raw.decode()
    alphabet = sorted(set(characters))
    number = {character: i for i, character in enumerate(alphabet)}
    ids = np.array([number[character] for character in characters], np.uint16)
    cut = int(0.9 * len(ids))
    begin, end = (int(0.9 * cut), cut) if develop else (cut, len(ids))
    np.savez(folder / "ids.npz", train=ids[:begin], validation=ids[begin:end], vocabulary=len(alphabet))
    (folder / "text.txt").write_text(characters[:end], encoding="utf-8", newline="")
    return folder / "ids.npz", [begin, end]


def aigc(*arguments: Any, cwd: Path) -> float:
    """Runs a command of ours; gives its wall seconds."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "aigc_cli", *map(str, arguments), "--quiet"]
    subprocess.run(command, cwd=cwd, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def tokenized(folder: Path, length: int, share: float) -> Path:
    """Character records of the text, its last part the validation split."""
    out = folder / f"tokens-{length}"
    if not out.exists():
        aigc(
            "tokenize", "text.txt", "--kind", "char", "--length", length, "--val-fraction", share, "-o", out, cwd=folder
        )
    return out


def loss_in_windows(run: Path, tokens: Path, window: int) -> float:
    """Nats per character of the validation split in windows of `window`, in float32."""
    import torch

    from aigc_cli.models.bundle import Bundle
    from aigc_cli.train.data import windows
    from aigc_cli.train.objectives.lm import sum_nats
    from aigc_cli.train.tokens import open_tokens

    bundle, validation = Bundle.open(run), open_tokens(tokens).validation
    model = bundle.family.build_empty(bundle.config)
    model.load_state_dict(bundle.weights())
    assert validation is not None
    nats, count = 0.0, 0
    with torch.no_grad():
        for inputs, targets in windows(validation, window, 64, None):
            nats += float(sum_nats(model, model.hidden(inputs), targets))
            count += int((targets >= 0).sum())
    return nats / count


def ours(folder: Path, tokens: Path, name: str, flags: list[Any], seed: int) -> dict[str, Any]:
    """One run of the command."""
    flags = [*flags, "--seed", seed, "--sample-tokens", 0, "--evals", 0]
    seconds = aigc("train", "gpt", "--shards", tokens, *flags, "-o", name, cwd=folder)
    manifest = json.loads((folder / name / "manifest.json").read_text())
    last, final = [json.loads(line) for line in (folder / name / "metrics.jsonl").read_text().splitlines()[-2:]]
    found = {
        "side": "ours", "seed": seed, "seconds": round(seconds, 2), "steps": manifest["counts"]["steps"],
        "of_which_validation_s": round(final["time_s"] - last["time_s"], 2),
        "parameters": manifest["facts"]["parameters"],
        "val_nats": round(manifest["facts"]["final"]["val/loss_nats"], 4),
        "val_nats_in_64": round(loss_in_windows(folder / name, tokens, 64), 4),
    }  # fmt: skip
    print(name, found, flush=True)
    return found


def theirs(nanogpt: Path, arrays: Path, seed: int, **settings: Any) -> dict[str, Any]:
    """One run of nanoGPT."""
    command = [sys.executable, str(HERE / "peers/nanogpt_train.py"), str(nanogpt), str(arrays)]
    answer = subprocess.run(
        [*command, json.dumps({**settings, "seed": seed})],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    found = {"side": f"nanogpt {settings['width']} wide, rate {settings['rate']:g}", "seed": seed}
    found |= {k: round(v, 4) for k, v in json.loads(answer.stdout).items()}
    print(found, flush=True)
    return found


def reach(given: Any, folder: Path, arrays: Path, share: float) -> dict[str, Any]:
    """Part 1: who gets to which loss in which time."""
    runs: list[dict[str, Any]] = []
    tokens = tokenized(folder, 64, share)
    rates = RATES[:1] if given.quick else RATES
    for seed in range(given.seeds):
        for goal, steps in REACH.items():
            steps = 20 if given.quick else steps
            found = ours(folder, tokens, f"{goal}-{seed}", [*SHAPE, "--steps", steps], seed)
            runs.append({**found, "side": f"ours to {goal}"})
        recipe = {**RECIPE, **({"steps": 110} if given.quick else {})}
        runs += [theirs(given.nanogpt, arrays, seed, **recipe, rate=rate) for rate in rates]

    def median(side: str, key: str) -> float:
        return statistics.median(r[key] for r in runs if r["side"] == side)

    peers = [f"nanogpt 128 wide, rate {rate:g}" for rate in rates]
    best = min(peers, key=lambda side: median(side, "val_nats"))
    rows = {}
    for goal, peer in (("recipe", peers[0]), ("best", best)):
        side = f"ours to {goal}"
        rows[goal] = {
            "peer": peer, "peer_nats": median(peer, "val_nats"), "peer_s": median(peer, "seconds"),
            "ours_nats": median(side, "val_nats"), "ours_s": median(side, "seconds"),
            "ratio_of_time": round(median(peer, "seconds") / median(side, "seconds"), 2),
            "seeds_that_reach": sum(
                r["val_nats"] <= p["val_nats"]
                for r in runs if r["side"] == side for p in runs if p["side"] == peer and p["seed"] == r["seed"]
            ),
        }  # fmt: skip
        print(goal, rows[goal], flush=True)
    return {"goals": rows, "runs": runs}


def equal(given: Any, folder: Path, arrays: Path, share: float, rate: float) -> list[dict[str, Any]]:
    """Part 2: the loss after so many minutes."""
    rows: list[dict[str, Any]] = []
    tokens = tokenized(folder, 256, share)
    for minutes in given.minutes:
        for seed in range(1 if given.quick else given.equal_seeds):
            for setting in ({**RECIPE, "steps": None}, LARGER):
                found = theirs(given.nanogpt, arrays, seed, **setting, rate=rate, seconds=60 * minutes)
                rows.append({"minutes": minutes, **found})
            found = ours(folder, tokens, f"equal-{minutes}-{seed}", [*EQUAL, "--minutes", minutes], seed)
            rows.append({"minutes": minutes, **found})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps, one seed; writes nothing")
    parser.add_argument("--nanogpt", type=Path, default=HERE / ".envs/nanoGPT", help="folder of nanoGPT's model.py")
    parser.add_argument("--data", type=Path, default=TEXT)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, nargs="*", default=[2, 5, 10])
    parser.add_argument("--equal-seeds", type=int, default=1)
    parser.add_argument("--develop", action="store_true", help="hold out a tenth of the training part; writes nothing")
    given = parser.parse_args()
    if not (given.nanogpt / "model.py").is_file():
        raise SystemExit(f"there is no {given.nanogpt}/model.py: copy it from github.com/karpathy/nanoGPT")
    if given.quick:
        given.seeds, given.minutes = 1, [0.2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arrays, (begin, end) = prepared(given.data, folder, given.develop)
        share = 1 - begin / end
        first = reach(given, folder, arrays, share)
        rate = float(first["goals"]["best"]["peer"].rpartition(" ")[2])
        second = equal(given, folder, arrays, share, rate)
    if not (given.quick or given.develop):
        save("nanogpt", {"data": given.data.name, "after": machine(), "reach": first, "equal": second})


if __name__ == "__main__":
    main()
