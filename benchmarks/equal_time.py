"""A model of ours and transformers' class of the same size: same batches, same wall time (bench_bert, bench_xlnet).

The peer is trained with AdamW as published (1e-4, weight decay 0.01, warm-up, linear decay, dropout 0.1) and, without
dropout, at the best of three rates; in float32 or bfloat16 autocast, whichever is faster here. All sides are timed in
turns first; a run has the steps that fit into the time.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from side_by_side import DATA, ROOT, machine
from transformers import logging

from aigc_cli.core import console
from aigc_cli.core.device import resolve, threads
from aigc_cli.core.options import Common
from aigc_cli.models import FAMILIES
from aigc_cli.tokenize.api import tokenize
from aigc_cli.tokenize.options import TokenizeOptions
from aigc_cli.train.job import Job
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.stepper import Stepper
from aigc_cli.train.tokens import Tokens, open_tokens

PUBLISHED, RATES = 1e-4, (3e-4, 1e-3, 3e-3)
TIMED, WARM = 7, 2  # steps
TEXT = DATA / "text/tinyshakespeare.txt.gz"


def seconds_per_step(sides: dict[str, Any]) -> dict[str, float]:
    """Median seconds of a step of each side, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(WARM + TIMED):
        for name, side in sides.items():
            start = time.perf_counter()
            side.step(number, 1 << 40)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[WARM:]) for name, values in times.items()}


def trained(side: Any, step_s: float, seconds: float) -> dict[str, Any]:
    """A fresh side after the steps that fit into `seconds`."""
    steps = max(10, int(seconds / step_s))
    start, cpu = time.perf_counter(), time.process_time()
    for step in range(steps):
        side.step(step, steps)
    used = {"seconds": round(time.perf_counter() - start, 1), "cpu_s": round(time.process_time() - cpu, 1)}
    found = {"side": side.name, "steps": steps, **used, "val_nats": round(side.loss(), 4)}
    if hasattr(side, "accuracy"):
        found["accuracy"] = side.accuracy
    console.say(str(found))
    return found


def prepared(text: Path, folder: Path) -> Tokens:
    """The text's first 90 % and last 10 % as token records."""
    raw = gzip.decompress(text.read_bytes()) if text.suffix == ".gz" else text.read_bytes()
    (folder / "text.txt").write_bytes(raw)
    options = TokenizeOptions(length=128, val_fraction=0.1)
    tokenize([folder / "text.txt"], options, Common(output=folder / "tokens", quiet=True))
    return open_tokens(folder / "tokens")


@dataclass(frozen=True)
class Contest:
    """What differs between families.

    `model(config, dropout)` makes the peer, `logits(model, batch)` gives its logits of predicted tokens [N, V] and
    those tokens [N]; `accuracy` is the key of our own validation.
    """

    family: str
    shape: Any
    rules: Any
    model: Callable[[Any, float], torch.nn.Module]
    logits: Callable[[Any, Any], tuple[torch.Tensor, torch.Tensor]]
    accuracy: str


class Ours:
    """The product's own stepper, optimizer and default options."""

    name = "ours"

    def __init__(self, contest: Contest, tokens: Tokens, seed: int) -> None:
        device, dtype = resolve("cpu", "auto")
        family, options, self.contest = FAMILIES[contest.family], TrainOptions(steps=1), contest
        task = family.trainer()
        self.config = task.configure(contest.shape, tokens, contest.rules, None)
        self.work = task.prepare(Job(family, self.config, tokens, options, device, dtype, seed, contest.rules))
        self.stepper = Stepper(
            self.work.objective, self.work.data, options, device=device, dtype=dtype, seed=seed,
            width=self.config.n_embd,
        )  # fmt: skip

    def step(self, step: int, steps: int) -> None:
        float(self.stepper.step(step, steps)[f"{self.contest.family}/loss"].detach())

    def loss(self) -> float:
        found = self.work.objective.validate(True)
        self.accuracy = found[self.contest.accuracy]
        return found["val/loss_nats"]


class Peer:
    """transformers' class with AdamW; `published`: dropout 0.1, else none."""

    def __init__(self, ours: Ours, seed: int, rate: float, published: bool, autocast: bool) -> None:
        self.name = f"adamw {rate:g}" + (" published" if published else "")
        torch.manual_seed(seed)
        self.data, self.validation = ours.work.data, ours.work.objective.validation  # type: ignore[attr-defined]
        self.model, self.logits = ours.contest.model(ours.config, 0.1 if published else 0.0), ours.contest.logits
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
            logits, wanted = self.logits(self.model, batch)
        loss = torch.nn.functional.cross_entropy(logits.float(), wanted)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        loss.item()

    @torch.no_grad()
    def loss(self) -> float:
        self.model.eval()
        nats = right = count = 0.0
        for batch in self.validation.batches():
            logits, wanted = self.logits(self.model, batch)
            nats += float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"))
            right += float((logits.argmax(-1) == wanted).sum())
            count += len(wanted)
        self.accuracy = 100 * right / count
        return nats / count


def arguments(doc: str | None) -> argparse.Namespace:
    """--quick, --data, --seconds, --seeds, settled."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 s a run, one seed, the sample text; writes nothing")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    console.setup(quiet=not given.quick)
    logging.set_verbosity_error()
    given.data = given.data or (ROOT / "sample_data/text/en/stories.jsonl" if given.quick else TEXT)
    if not given.data.is_file():
        raise SystemExit(f"there is no {given.data}; give the text with --data FILE")
    if given.quick:
        given.seconds, given.seeds = 3.0, 1
    return given


def contend(
    contest: Contest, given: argparse.Namespace, after: Callable[[Ours, Path, Tokens], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """All runs, printed and as results; `after(our last model, folder, tokens)` adds to them."""
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        tokens = prepared(given.data.resolve(), Path(name))
        base = Ours(contest, tokens, 0)
        sides: dict[str, Any] = {"ours": base}
        sides |= {f"peer {kind}": Peer(base, 0, 1e-3, False, kind == "bfloat16") for kind in ("float32", "bfloat16")}
        step_s = seconds_per_step(sides)
        autocast = step_s["peer bfloat16"] < step_s["peer float32"]
        peer_s = min(step_s["peer bfloat16"], step_s["peer float32"])
        for seed in range(given.seeds):
            last = Ours(contest, tokens, seed)
            runs.append({"seed": seed, **trained(last, step_s["ours"], given.seconds)})
            for rate, published in ((PUBLISHED, True), *((rate, False) for rate in RATES)):
                runs.append(
                    {"seed": seed, **trained(Peer(base, seed, rate, published, autocast), peer_s, given.seconds)}
                )
        extra = after(last, Path(name), tokens) if after is not None else {}
    count = base.work.data.tokens_per_step
    names = list(dict.fromkeys(r["side"] for r in runs))
    median = {n: statistics.median(r["val_nats"] for r in runs if r["side"] == n) for n in names}
    accuracy = {n: round(statistics.median(r["accuracy"] for r in runs if r["side"] == n), 2) for n in names}
    rate = {side: round(count / value) for side, value in step_s.items()}
    rows = [[n, median[n], accuracy[n]] for n in names]
    print(console.table(f"predicted tokens after {given.seconds:g} s", ["side", "nats", "accuracy (%)"], rows))
    print(f"tokens/s: {rate}; ours / fastest peer: {peer_s / step_s['ours']:.2f}")
    return {
        "data": given.data.name, "parameters": base.config.parameters(), "threads": threads(), "after": machine(),
        "vocabulary": tokens.vocab_size, "tokens_per_s": rate, "peer_autocast": autocast,
        "speed_ratio": round(peer_s / step_s["ours"], 3), "median_val_nats": median, "median_accuracy": accuracy,
        **extra, "runs": runs,
    }  # fmt: skip
