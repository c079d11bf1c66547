"""Permuted tokens: ours and transformers' XLNetLMHeadModel of the same size, the same batches, the same wall time.

    python benchmarks/bench_xlnet.py [--quick] [--data tinyshakespeare.txt(.gz)] [--seconds S] [--seeds N]

The peer is trained with AdamW as published (1e-4, weight decay 0.01, warm-up, linear decay, dropout 0.1) and, without
dropout, at the best of three rates; in float32 or bfloat16 autocast, whichever is faster here. All sides are timed in
turns first; a run has the steps that fit into S seconds. Prints tokens/s, held-out nats and accuracy
(the whole validation split, the same orders, float32). Writes benchmarks/results/xlnet.json.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from bench_seq2seq import TEXT, prepared, seconds_per_step, trained
from side_by_side import ROOT, machine, save
from transformers import XLNetConfig, XLNetLMHeadModel, logging

from aigc_cli.core import console
from aigc_cli.core.device import resolve, threads
from aigc_cli.models import FAMILIES
from aigc_cli.models.xlnet.config import Shape
from aigc_cli.models.xlnet.hf import to_hf_config
from aigc_cli.train.data import IGNORE
from aigc_cli.train.job import Job
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.permuting import Batch
from aigc_cli.train.stepper import Stepper
from aigc_cli.train.tasks import permutation
from aigc_cli.train.tasks.options import XlnetRules
from aigc_cli.train.tokens import Tokens

PUBLISHED, RATES = 1e-4, (3e-4, 1e-3, 3e-3)
SHAPE = {"depth": 4, "n_embd": 192, "n_head": 6}


class Ours:
    """The product's own stepper, optimizer and default options."""

    name = "ours"

    def __init__(self, tokens: Tokens, shape: dict[str, int], seed: int) -> None:
        device, dtype = resolve("cpu", "auto")
        options, rules = TrainOptions(steps=1), XlnetRules()
        self.config = permutation.configure(Shape(**shape), tokens, rules, None)
        self.work = permutation.prepare(
            Job(FAMILIES["xlnet"], self.config, tokens, options, device, dtype, seed, rules)
        )
        self.stepper = Stepper(
            self.work.objective, self.work.data, options, device=device, dtype=dtype, seed=seed,
            width=self.config.n_embd,
        )  # fmt: skip

    def step(self, step: int, steps: int) -> None:
        float(self.stepper.step(step, steps)["xlnet/loss"].detach())

    def loss(self) -> float:
        found = self.work.objective.validate(True)
        self.accuracy = found["val/token_accuracy"]
        return found["val/loss_nats"]


class Peer:
    """transformers' class with AdamW; `published`: dropout 0.1, else none."""

    def __init__(self, ours: Ours, seed: int, rate: float, published: bool, autocast: bool) -> None:
        self.name = f"adamw {rate:g}" + (" published" if published else "")
        torch.manual_seed(seed)
        self.data, self.validation = ours.work.data, ours.work.objective.validation  # type: ignore[attr-defined]
        dropout = 0.1 if published else 0.0
        self.model = XLNetLMHeadModel(XLNetConfig(**{**to_hf_config(ours.config), "dropout": dropout}))
        self.rate, self.autocast = rate, autocast
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=rate, weight_decay=0.01, fused=True)

    def step(self, step: int, steps: int) -> None:
        warm = min(1.0, (step + 1) / max(1, min(steps // 10, 1000)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * min(warm, (steps - step) / steps)
        self.optimizer.zero_grad()
        batch, _ = self.data.batch(step, 0)
        cast = torch.autocast("cpu", torch.bfloat16) if self.autocast else contextlib.nullcontext()
        with cast:
            logits = self._logits(batch)
        loss = torch.nn.functional.cross_entropy(logits.float(), batch[3][batch[3] != IGNORE])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        loss.item()

    @torch.no_grad()
    def loss(self) -> float:
        self.model.eval()
        nats = right = count = 0.0
        for batch in self.validation.batches():
            logits, wanted = self._logits(batch), batch[3][batch[3] != IGNORE]
            nats += float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"))
            right += float((logits.argmax(-1) == wanted).sum())
            count += len(wanted)
        self.accuracy = 100 * right / count
        return nats / count

    def _logits(self, batch: Batch) -> torch.Tensor:
        """[predicted tokens, V]; positions that fill up a row map to nothing."""
        ids, hidden, at, targets = batch
        real = targets != IGNORE
        mapping = torch.nn.functional.one_hot(at, ids.shape[1]).float() * real[..., None]
        return self.model(ids, perm_mask=hidden.float(), target_mapping=mapping, use_mems=False).logits[real]


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
        runs: list[dict[str, Any]] = []
        for seed in range(seeds):
            made: list[Any] = []

            def ours(seed: int = seed, made: list[Any] = made) -> Ours:
                made.append(Ours(tokens, SHAPE, seed))
                return made[-1]

            runs.append({"seed": seed, **trained(ours, step_s["ours"], seconds), "accuracy": made[-1].accuracy})
            for rate, published in ((PUBLISHED, True), *((rate, False) for rate in RATES)):

                def peer(
                    seed: int = seed, rate: float = rate, published: bool = published, made: list[Any] = made
                ) -> Peer:
                    made.append(Peer(base, seed, rate, published, autocast))
                    return made[-1]

                runs.append({"seed": seed, **trained(peer, peer_s, seconds), "accuracy": made[-1].accuracy})
        count = base.work.data.tokens_per_step
    names = list(dict.fromkeys(r["side"] for r in runs))
    median = {n: statistics.median(r["val_nats"] for r in runs if r["side"] == n) for n in names}
    accuracy = {n: round(statistics.median(r["accuracy"] for r in runs if r["side"] == n), 2) for n in names}
    rate = {side: round(count / value) for side, value in step_s.items()}
    rows = [[n, median[n], accuracy[n]] for n in names]
    print(console.table(f"predicted tokens after {seconds:g} s", ["side", "nats", "accuracy (%)"], rows))
    print(f"tokens/s: {rate}; ours / fastest peer: {peer_s / step_s['ours']:.2f}")
    if not given.quick:
        save("xlnet", {
            "data": text.name, "shape": SHAPE, "parameters": base.config.parameters(), "threads": threads(),
            "after": machine(), "vocabulary": tokens.vocab_size, "tokens_per_s": rate, "peer_autocast": autocast,
            "speed_ratio": round(peer_s / step_s["ours"], 3), "median_val_nats": median, "median_accuracy": accuracy,
            "runs": runs, "python": sys.version.split()[0],
        })  # fmt: skip


if __name__ == "__main__":
    main()
