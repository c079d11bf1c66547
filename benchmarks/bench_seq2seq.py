"""Span corruption: ours and transformers' T5 class of the same size, the same batches, the same wall time.

    python benchmarks/bench_seq2seq.py [--quick] [--data tinyshakespeare.txt(.gz)] [--seconds S] [--depth N] [--seeds N]

The peer is T5ForConditionalGeneration as transformers initialises it, trained with AdamW at the best of three learning
rates (our warm-up and decay) and with Adafactor as Raffel et al. 2020 (section 3.1.2) set it; in float32 or bfloat16
autocast, whichever is faster here. All sides are timed in turns first; a run has the steps that fit into S seconds.
Prints tokens/s and the held-out loss (whole validation split, float32) and writes benchmarks/results/seq2seq.json.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from equal_time import TEXT, prepared, seconds_per_step, trained
from side_by_side import ROOT, machine, save
from transformers import T5Config, T5ForConditionalGeneration, logging
from transformers.optimization import Adafactor

from aigc_cli.core import console
from aigc_cli.core.device import resolve, threads
from aigc_cli.models import FAMILIES
from aigc_cli.models.seq2seq.config import Shape
from aigc_cli.models.seq2seq.hf import to_hf_config
from aigc_cli.train.batches.spans import Batch
from aigc_cli.train.data import IGNORE
from aigc_cli.train.job import Job
from aigc_cli.train.optim.schedule import warmup_stable_decay
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.stepper import Stepper
from aigc_cli.train.tasks import span
from aigc_cli.train.tasks.options import Seq2seqRules
from aigc_cli.train.tokens import Tokens

RATES = (1e-3, 3e-3, 1e-2)  # of the peer's AdamW


class Ours:
    """The product's own stepper, optimizer and default options."""

    name = "ours"

    def __init__(self, tokens: Tokens, depth: int, seed: int) -> None:
        device, dtype = resolve("cpu", "auto")
        options = TrainOptions(steps=1, sample_tokens=0)
        config = Shape(depth=depth).config(tokens.vocab_size, tokens.length)
        self.work = span.prepare(Job(FAMILIES["seq2seq"], config, tokens, options, device, dtype, seed, Seq2seqRules()))
        self.stepper = Stepper(
            self.work.objective, self.work.data, options, device=device, dtype=dtype, seed=seed, width=config.n_embd
        )

    def step(self, step: int, steps: int) -> None:
        float(self.stepper.step(step, steps)["seq2seq/loss"])

    def loss(self) -> float:
        return self.work.objective.validate(True)["val/loss_nats"]


class Peer:
    """transformers' class with AdamW (`rate` its peak) or Adafactor (`rate` None)."""

    def __init__(self, ours: Ours, seed: int, rate: float | None, autocast: bool) -> None:
        self.name = "adafactor" if rate is None else f"adamw {rate:g}"
        torch.manual_seed(seed)
        self.data, self.validation = ours.work.data, ours.work.objective.validation  # type: ignore[attr-defined]
        config = T5Config(**{**to_hf_config(ours.work.model.config), "dropout_rate": 0.0})
        self.model = T5ForConditionalGeneration(config)
        # T5 1.1 has a head of its own; transformers 5 gives it one only when a checkpoint brings it.
        self.model.lm_head.weight = torch.nn.Parameter(self.model.lm_head.weight.detach().clone())
        self.rate, self.autocast = rate, autocast
        parameters = self.model.parameters()
        self.optimizer: Any = (
            Adafactor(parameters, lr=0.01, scale_parameter=True, relative_step=False, warmup_init=False)
            if rate is None
            else torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.95), weight_decay=0.05, fused=True)
        )

    def step(self, step: int, steps: int) -> None:
        if self.rate is not None:  # Adafactor: 1 / sqrt(max(step, 10^4)), which is 0.01 throughout
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * warmup_stable_decay(step, steps, 20, 0.5)
        self.optimizer.zero_grad()
        batch, _ = self.data.batch(step, 0)
        cast = torch.autocast("cpu", torch.bfloat16) if self.autocast else contextlib.nullcontext()
        with cast:
            loss = self._nats(batch) / (batch[3] != IGNORE).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        loss.item()

    @torch.no_grad()
    def loss(self) -> float:
        nats = count = 0.0
        for batch in self.validation.batches():
            nats += float(self._nats(batch))
            count += int((batch[3] != IGNORE).sum())
        return nats / count

    def _nats(self, batch: Batch) -> torch.Tensor:
        source, mask, given, targets = batch
        logits = self.model(input_ids=source, attention_mask=mask, decoder_input_ids=given).logits.float()
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 seconds a run, one seed, depth 1, the sample text")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    console.setup(quiet=not given.quick)
    logging.set_verbosity_error()
    text = given.data or (ROOT / "sample_data/text/en/stories.jsonl" if given.quick else TEXT)
    if not text.is_file():
        raise SystemExit(f"there is no {text}; give the text with --data FILE")
    seconds, depth, seeds = (3.0, 1, 1) if given.quick else (given.seconds, given.depth, given.seeds)
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        tokens = prepared(text.resolve(), Path(name))
        base = Ours(tokens, depth, 0)
        sides = {"ours": base, "peer float32": Peer(base, 0, RATES[0], False)}
        sides |= {"peer bfloat16": Peer(base, 0, RATES[0], True), "adafactor": Peer(base, 0, None, False)}
        step_s = seconds_per_step(sides)
        autocast = step_s["peer bfloat16"] < step_s["peer float32"]
        adamw_s = min(step_s["peer bfloat16"], step_s["peer float32"])
        runs = []
        for seed in range(seeds):
            ours = Ours(tokens, depth, seed)
            runs.append({"seed": seed, **trained(Ours(tokens, depth, seed), step_s["ours"], seconds)})
            for rate in (*RATES, None):
                each = step_s["adafactor"] if rate is None else adamw_s
                peer = Peer(ours, seed, rate, autocast and rate is not None)
                runs.append({"seed": seed, **trained(peer, each, seconds)})
        count = base.work.data.tokens_per_step
    names = list(dict.fromkeys(r["side"] for r in runs))
    losses = {side: [r["val_nats"] for r in runs if r["side"] == side] for side in names}
    median = {side: statistics.median(values) for side, values in losses.items()}
    rate = {side: round(count / value) for side, value in step_s.items()}
    rows = [[side, median[side], min(values), max(values)] for side, values in losses.items()]
    print(console.table(f"held-out nats per target token after {seconds:g} s", ["side", "median", "min", "max"], rows))
    print(f"tokens/s: {rate}; ours / fastest AdamW peer: {adamw_s / step_s['ours']:.2f}")
    best = min(value for side, value in median.items() if side != "ours")
    print(f"best peer - ours: {best - median['ours']:.4f} nats")
    if not given.quick:
        save("seq2seq", {
            "data": text.name, "depth": depth, "parameters": base.work.model.config.parameters(), "threads": threads(),
            "machine": machine(), "vocabulary": tokens.vocab_size, "tokens_per_s": rate, "peer_autocast": autocast,
            "speed_ratio": round(adamw_s / step_s["ours"], 3), "median_val_nats": median,
            "best_peer_minus_ours_nats": round(best - median["ours"], 4), "runs": runs,
        })  # fmt: skip


if __name__ == "__main__":
    main()
