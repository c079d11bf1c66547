"""Masked words: ours and transformers' BertForPreTraining of the same size, the same batches, the same wall time.

    python benchmarks/bench_bert.py [--quick] [--data tinyshakespeare.txt(.gz)] [--seconds S] [--seeds N]

The peer is trained with AdamW as published (1e-4, weight decay 0.01, warm-up, linear decay, dropout 0.1) and, without
dropout, at the best of three rates; in float32 or bfloat16 autocast, whichever is faster here. All sides are timed in
turns first; a run has the steps that fit into S seconds. Prints tokens/s, held-out nats and accuracy of masked tokens
(whole validation split, the same masks, float32). Then a classifier of review sentences (../shared/data/style) from our
model, beside TF-IDF with logistic regression, on three splits. Writes benchmarks/results/bert.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench_seq2seq import TEXT, prepared, seconds_per_step, trained
from side_by_side import DATA, HERE, ROOT, machine, python_of, save
from transformers import BertConfig, BertForPreTraining, logging

from aigc_cli.core import console
from aigc_cli.core.device import resolve, threads
from aigc_cli.core.options import Common
from aigc_cli.models import FAMILIES
from aigc_cli.models.bert.config import Shape
from aigc_cli.models.bert.hf import to_hf_config
from aigc_cli.models.bundle import save_bundle
from aigc_cli.train.api import train
from aigc_cli.train.data import IGNORE
from aigc_cli.train.job import Job
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.stepper import Stepper
from aigc_cli.train.tasks import mlm
from aigc_cli.train.tasks.options import BertRules
from aigc_cli.train.tokens import Tokens

PUBLISHED, RATES = 1e-4, (3e-4, 1e-3, 3e-3)
SHAPE = {"depth": 4, "n_embd": 192, "n_head": 6}
YELP = DATA / "style"


class Ours:
    """The product's own stepper, optimizer and default options."""

    name = "ours"

    def __init__(self, tokens: Tokens, shape: dict[str, int], seed: int) -> None:
        device, dtype = resolve("cpu", "auto")
        options, rules = TrainOptions(steps=1), BertRules()
        self.config = mlm.configure(Shape(**shape), tokens, rules, None)
        self.work = mlm.prepare(Job(FAMILIES["bert"], self.config, tokens, options, device, dtype, seed, rules))
        self.stepper = Stepper(
            self.work.objective, self.work.data, options, device=device, dtype=dtype, seed=seed,
            width=self.config.n_embd,
        )  # fmt: skip

    def step(self, step: int, steps: int) -> None:
        float(self.stepper.step(step, steps)["bert/loss"].detach())

    def loss(self) -> float:
        found = self.work.objective.validate(True)
        self.accuracy = found["val/masked_accuracy"]
        return found["val/loss_nats"]


class Peer:
    """transformers' class with AdamW; `published`: dropout 0.1, else none."""

    def __init__(self, ours: Ours, seed: int, rate: float, published: bool, autocast: bool) -> None:
        self.name = f"adamw {rate:g}" + (" published" if published else "")
        torch.manual_seed(seed)
        self.data, self.validation = ours.work.data, ours.work.objective.validation  # type: ignore[attr-defined]
        dropout = 0.1 if published else 0.0
        config = {**to_hf_config(ours.config), "hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        self.model = BertForPreTraining(BertConfig(**config))
        self.rate, self.autocast = rate, autocast
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=rate, weight_decay=0.01, fused=True)

    def step(self, step: int, steps: int) -> None:
        warm = min(1.0, (step + 1) / max(1, min(steps // 10, 1000)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * min(warm, (steps - step) / steps)
        self.optimizer.zero_grad()
        (ids, mask, _, targets, _), _ = self.data.batch(step, 0)
        cast = torch.autocast("cpu", torch.bfloat16) if self.autocast else contextlib.nullcontext()
        with cast:
            logits = self.model(ids, attention_mask=mask).prediction_logits
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        loss.item()

    @torch.no_grad()
    def loss(self) -> float:
        self.model.eval()
        nats = right = count = 0.0
        for ids, mask, _, targets, _ in self.validation.batches():
            chosen = targets != IGNORE
            logits = self.model(ids, attention_mask=mask).prediction_logits[chosen]
            nats += float(torch.nn.functional.cross_entropy(logits, targets[chosen], reduction="sum"))
            right += float((logits.argmax(-1) == targets[chosen]).sum())
            count += int(chosen.sum())
        self.accuracy = 100 * right / count
        return nats / count


def downstream(ours: Ours, folder: Path, tokens: Tokens, seeds: int, epochs: float) -> dict[str, Any]:
    """Accuracy of review sentences: our pretrained model, a fresh one, and TF-IDF with logistic regression."""
    files = [YELP / f"yelp.dev.{label}.txt" for label in (0, 1)]
    if not all(file.is_file() for file in files):
        return {}
    rows = [
        {"text": line, "label": ("bad", "good")[label]}
        for label, file in enumerate(files) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()
    ]  # fmt: skip
    save_bundle(
        folder / "bert", "bert", ours.config, ours.work.model.state_dict(), tokens.tokenizer, ""
    )  # fmt: skip
    found: dict[str, list[float]] = {"ours pretrained": [], "ours fresh": [], "tf-idf": []}
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(rows))
        parts = {"valid": order[: len(rows) // 5], "train": order[len(rows) // 5 :]}
        data = folder / f"reviews-{seed}"
        data.mkdir()
        for name, chosen in parts.items():
            lines = (json.dumps(rows[int(i)]) + "\n" for i in chosen)
            (data / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        for name, start in (("ours pretrained", folder / "bert"), ("ours fresh", None)):
            options = TrainOptions(epochs=epochs, init_from=start, evals=0, muon_lr=0.01, lr=0.001)
            shape = None if start else Shape(depth=2, n_embd=128)
            result = train(
                "bert", [data], shape, options, Common(output=folder / f"judge-{seed}-{start is None}", seed=seed),
                BertRules(task="classify"),
            )  # fmt: skip
            found[name].append(result.manifest["facts"]["final"]["val/accuracy"])
        answer = subprocess.run(
            [python_of("sklearn"), str(HERE / "peers/tfidf_classify.py"), str(data)], check=True, stdout=subprocess.PIPE
        )
        found["tf-idf"].append(100 * json.loads(answer.stdout)["accuracy"])
        print({name: round(values[-1], 2) for name, values in found.items()}, flush=True)
    return {"data": "yelp dev sentences", "accuracy": found,
            "mean": {name: round(statistics.mean(v), 2) for name, v in found.items()}}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 seconds a run, one seed, the sample text")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    console.setup(quiet=not given.quick)
    logging.set_verbosity_error()
    text = given.data or (ROOT / "sample_data/text/en/stories.jsonl" if given.quick else TEXT)
    if not text.is_file():
        raise SystemExit(f"there is no {text}; give the text with --data FILE")
    seconds, seeds = (3.0, 1) if given.quick else (given.seconds, given.seeds)
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        tokens = prepared(text.resolve(), Path(name))
        base = Ours(tokens, SHAPE, 0)
        sides: dict[str, Any] = {"ours": base, "peer float32": Peer(base, 0, 1e-3, False, False)}
        sides["peer bfloat16"] = Peer(base, 0, 1e-3, False, True)
        step_s = seconds_per_step(sides)
        autocast = step_s["peer bfloat16"] < step_s["peer float32"]
        peer_s = min(step_s["peer bfloat16"], step_s["peer float32"])
        runs, best = [], None
        for seed in range(seeds):
            made: list[Any] = []

            def ours(seed: int = seed, made: list[Any] = made) -> Ours:
                made.append(Ours(tokens, SHAPE, seed))
                return made[-1]

            runs.append({"seed": seed, **trained(ours, step_s["ours"], seconds), "accuracy": made[-1].accuracy})
            best = made[-1]
            for rate, published in ((PUBLISHED, True), *((rate, False) for rate in RATES)):

                def peer(
                    seed: int = seed, rate: float = rate, published: bool = published, made: list[Any] = made
                ) -> Peer:
                    made.append(Peer(base, seed, rate, published, autocast))
                    return made[-1]

                runs.append({"seed": seed, **trained(peer, peer_s, seconds), "accuracy": made[-1].accuracy})
        assert best is not None
        judged = downstream(best, Path(name), tokens, 1 if given.quick else 3, 1 if given.quick else 4)
        count = base.work.data.tokens_per_step
    names = list(dict.fromkeys(r["side"] for r in runs))
    median = {n: statistics.median(r["val_nats"] for r in runs if r["side"] == n) for n in names}
    accuracy = {n: round(statistics.median(r["accuracy"] for r in runs if r["side"] == n), 2) for n in names}
    rate = {side: round(count / value) for side, value in step_s.items()}
    rows = [[n, median[n], accuracy[n]] for n in names]
    print(console.table(f"masked tokens after {seconds:g} s", ["side", "nats", "accuracy (%)"], rows))
    print(f"tokens/s: {rate}; ours / fastest peer: {peer_s / step_s['ours']:.2f}; downstream: {judged.get('mean')}")
    if not given.quick:
        save("bert", {
            "data": text.name, "shape": SHAPE, "parameters": base.config.parameters(), "threads": threads(),
            "after": machine(), "vocabulary": tokens.vocab_size, "tokens_per_s": rate, "peer_autocast": autocast,
            "speed_ratio": round(peer_s / step_s["ours"], 3), "median_val_nats": median, "median_accuracy": accuracy,
            "downstream": judged, "runs": runs, "python": sys.version.split()[0],
        })  # fmt: skip


if __name__ == "__main__":
    main()
