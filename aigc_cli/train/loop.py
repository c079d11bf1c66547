"""The one training loop: budget, steps, validation, samples, checkpoints, exact resume.

Any stage trains through `run_training`: it brings an Objective (train/objective.py: model, parameter groups,
loss, validate, samples) and a Data (batches as a pure function of (seed, step, micro)). Distillation, for
example, brings its own Objective with a frozen teacher in no group, and train/data.py's TokenData:

    with Run(...) as run:
        outcome = run_training(run, objective, data, options, device=device, dtype=dtype, seed=seed,
                               write_bundle=lambda directory: save_bundle(directory, ...), width=config.n_embd)
        save_bundle(run.dir, ...)
        return run.publish(facts={"final": outcome.final}, times=outcome.times)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from aigc_cli.core import console
from aigc_cli.core.errors import AigcError
from aigc_cli.core.run import Run
from aigc_cli.train.checkpoint import load_checkpoint, remove_checkpoints, save_checkpoint
from aigc_cli.train.interrupt import Interruptible
from aigc_cli.train.metrics import METRICS, SAMPLES, Log
from aigc_cli.train.objective import Data, Objective
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.plan import plan
from aigc_cli.train.stepper import Stepper


@dataclass
class Outcome:
    """What a training run came to. `final` and `steps` are equal for equal runs, `times` are not."""

    steps: int
    tokens: int
    final: dict[str, float]
    times: dict[str, float] = field(default_factory=dict)


def run_training(
    run: Run,
    objective: Objective,
    data: Data,
    options: TrainOptions,
    *,
    device: torch.device,
    dtype: torch.dtype,
    seed: int,
    write_bundle: Callable[[Path], None],
    width: int,
    label: str = "train",
) -> Outcome:
    """Trains `objective` to the end of the budget in run.dir, from its newest checkpoint if there is one.

    The final weights are a pure function of (options, seed, data, machine) and the number of steps, however often
    the run was killed. Writes metrics.jsonl, samples.jsonl and checkpoints/ into run.dir; `write_bundle(directory)`
    writes the model as it stands (called for every checkpoint; the caller writes the final one). `width` scales
    AdamW's default learning rate. Raises AigcError when the loss is not finite or the disk is full, and
    KeyboardInterrupt after Ctrl-C or SIGTERM, when the step's checkpoint is on disk.
    """
    started = time.monotonic()
    stepper = Stepper(objective, data, options, device=device, dtype=dtype, seed=seed, width=width)
    steps = plan(run.journal, stepper, started)
    first, before_s = 0, 0.0
    state = load_checkpoint(run.dir)
    if state is not None:
        first, before_s = state["step"], state["elapsed_s"]
        stepper.load_state(state)
        console.say(f"continuing after step {first} of {steps}")
    with Interruptible() as interruptible:
        loop = _Loop(run, stepper, options, steps, write_bundle, interruptible, started - before_s)
        final = loop.run(first, label)
    remove_checkpoints(run.dir)
    train_s = time.monotonic() - started + before_s
    times = {"train_s": train_s, "tokens_per_s": loop.trained_tokens / max(loop.step_s, 1e-9)}
    return Outcome(steps, steps * data.tokens_per_step, final, times)


class _Loop:
    """The steps of one process's part of a run, and what happens between them."""

    def __init__(
        self,
        run: Run,
        stepper: Stepper,
        options: TrainOptions,
        steps: int,
        write_bundle: Callable[[Path], None],
        interruptible: Interruptible,
        zero: float,
    ) -> None:
        self.run_dir, self.stepper, self.options, self.steps = run.dir, stepper, options, steps
        self.write_bundle, self.interruptible, self.zero = write_bundle, interruptible, zero
        self.trained_tokens, self.step_s, self.saved_at = 0, 0.0, time.monotonic()
        self.unchecked: list[tuple[int, dict[str, Any]]] = []

    def run(self, first: int, label: str) -> dict[str, float]:
        """Steps `first` ... steps, then the whole validation; gives its numbers."""
        self.metrics = Log(self.run_dir / METRICS, first)
        self.samples = Log(self.run_dir / SAMPLES, first)
        self.saved = first
        eval_every = max(1, round(self.steps / self.options.evals)) if self.options.evals else self.steps
        with console.progress(label, total=self.steps, unit="steps") as bar:
            bar.advance(first)
            for step in range(first, self.steps):
                start = time.monotonic()
                logged = self._step(step)
                self.step_s += time.monotonic() - start
                self.trained_tokens += self.stepper.data.tokens_per_step
                done = step + 1
                if done % eval_every == 0 and done < self.steps:
                    logged = {**(logged or {}), **self._judge(done, whole=False)}
                if logged:
                    self._write(done, logged)
                bar.advance(1, **({"loss": next(iter(logged.values()))} if logged else {}))
                self._maybe_save(done)
        final = self._judge(self.steps, whole=True)
        if final:
            self._write(self.steps, final)
        return final

    def _step(self, step: int) -> dict[str, Any] | None:
        """One step; what to log, as numbers, at the steps where something is logged."""
        self.unchecked.append((step + 1, self.stepper.step(step, self.steps)))
        due = (step + 1) % self.options.log_every == 0 or step + 1 == self.steps
        # Reading a number waits for a GPU; a CPU has it at hand, and an early stop saves time.
        return self._check() if due else self._check() and None if self.stepper.device.type == "cpu" else None

    def _check(self) -> dict[str, Any]:
        """The newest step's numbers; AigcError when one since the last check is not finite."""
        numbers: dict[str, Any] = {}
        for step, logged in self.unchecked:
            numbers = {name: float(value) for name, value in logged.items()}
            for name, value in numbers.items():
                if not math.isfinite(value):
                    remedy = "lower --muon-lr or --lr, or use --dtype float32"
                    raise AigcError(f"{name} is {value} at step {step}", f"{remedy}; step {self.saved} is saved")
        self.unchecked.clear()
        return numbers

    def _judge(self, done: int, *, whole: bool) -> dict[str, float]:
        """Validation numbers; the samples of this step go to their file."""
        values = self.stepper.objective.validate(whole)
        for sample in self.stepper.objective.samples():
            self.samples.append({"step": done, **sample})
        return values

    def _write(self, done: int, logged: dict[str, Any]) -> None:
        elapsed = time.monotonic() - self.zero
        rate = self.trained_tokens / max(self.step_s, 1e-9)
        self.metrics.append({"step": done, "tokens": done * self.stepper.data.tokens_per_step, **logged,
                             "time_s": elapsed, "time_tokens_per_s": rate})  # fmt: skip

    def _maybe_save(self, done: int) -> None:
        """A checkpoint when one is due, and before giving in to Ctrl-C."""
        stop = self.interruptible.requested
        if stop or time.monotonic() - self.saved_at >= self.options.checkpoint_s:
            if self.unchecked:
                self._check()
            state = {**self.stepper.state(), "elapsed_s": time.monotonic() - self.zero}
            save_checkpoint(self.run_dir, done, state, self.write_bundle)
            self.saved, self.saved_at = done, time.monotonic()
        if stop:
            raise KeyboardInterrupt
