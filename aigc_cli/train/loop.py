"""The one training loop: budget, steps, validation, samples, checkpoints, exact resume.

Any stage trains through `run_training`: it brings an Objective (train/objective.py) and a Data (batches as a pure
function of (seed, step, micro)). Distillation, for example, brings its own Objective with a teacher in no group:

    with Run(...) as run:
        outcome = run_training(run, objective, data, options, device=device, dtype=dtype, seed=seed,
                               write_bundle=lambda directory: save_bundle(directory, ...), width=config.n_embd)
        save_bundle(run.dir, ...)
        return run.publish(facts={"final": outcome.final}, times=outcome.times)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from aigc_cli.core import console
from aigc_cli.core.errors import AigcError
from aigc_cli.core.run import Run
from aigc_cli.train.checkpoint import drop, load_checkpoint, remove_checkpoints, retain, save_checkpoint
from aigc_cli.train.interrupt import Interruptible
from aigc_cli.train.metrics import METRICS, SAMPLES, Log
from aigc_cli.train.objective import Data, Objective
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.plan import plan
from aigc_cli.train.rollback import Anchors, Rollbacks, anchor_every
from aigc_cli.train.stepper import Stepper
from aigc_cli.train.watch import Watch

REMEDY = "add --force and lower --muon-lr or --lr, or use --dtype float32"


@dataclass
class Outcome:
    """What a training run came to. `final` and `steps` are equal for equal runs, `times` are not."""

    steps: int
    tokens: int
    final: dict[str, float]
    times: dict[str, float] = field(default_factory=dict)
    rollbacks: list[dict[str, Any]] = field(default_factory=list)  # the events of metrics.jsonl


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
    AdamW's default learning rate. When a number is not finite or the loss jumps (train/watch.py), it goes back to the
    last good checkpoint and on with other data (train/rollback.py). Raises AigcError when that does not help or the
    disk is full, and KeyboardInterrupt after Ctrl-C or SIGTERM, when the step's checkpoint is on disk.
    """
    started = time.monotonic()
    stepper = Stepper(objective, data, options, device=device, dtype=dtype, seed=seed, width=width)
    steps = plan(run.journal, stepper, started)
    rollbacks, watch = Rollbacks(run.journal), Watch()
    drop(run.dir, rollbacks.usable)  # a kill may have come between a rollback's entry and this
    first, before_s = 0, 0.0
    state = load_checkpoint(run.dir, rollbacks.usable)
    if state is not None:
        first, before_s = state["step"], state["elapsed_s"]
        stepper.load_state(state)
        watch.load_state(state["watch"])
        if first:
            console.say(f"continuing after step {first} of {steps}")
    del state  # as big as the model and its optimizers

    def write_averaged(directory: Path) -> None:
        with stepper.averaged():
            write_bundle(directory)

    with Interruptible() as interruptible:
        loop = _Loop(run, stepper, options, steps, write_averaged, interruptible, started - before_s, rollbacks, watch)
        final = loop.run(first, label)
    if stepper.ema is not None:
        stepper.ema.settle()  # what the caller writes
    remove_checkpoints(run.dir)
    train_s = time.monotonic() - started + before_s
    times = {"train_s": train_s, "tokens_per_s": loop.trained_tokens / max(loop.step_s, 1e-9)}
    return Outcome(steps, steps * data.tokens_per_step, final, times, [r.record() for r in rollbacks.done])


class _Trouble(Exception):
    """Training went wrong at `step`."""

    def __init__(self, step: int, why: str) -> None:
        super().__init__(why)
        self.step, self.why = step, why


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
        rollbacks: Rollbacks,
        watch: Watch,
    ) -> None:
        self.run_dir, self.stepper, self.options, self.steps = run.dir, stepper, options, steps
        self.write_bundle, self.interruptible, self.zero = write_bundle, interruptible, zero
        self.rollbacks, self.watch, self.anchors = rollbacks, watch, Anchors(anchor_every(steps))
        self.trained_tokens, self.step_s, self.saved_at = 0, 0.0, time.monotonic()
        self.unchecked: list[tuple[int, dict[str, Any], torch.Tensor]] = []
        self.eval_every = max(1, round(steps / options.evals)) if options.evals else steps

    def run(self, first: int, label: str) -> dict[str, float]:
        """Steps `first` ... steps, then the whole validation; gives its numbers."""
        self.metrics = Log(self.run_dir / METRICS, first)
        self.samples = Log(self.run_dir / SAMPLES, first)
        with console.progress(label, total=self.steps, unit="steps") as bar:
            bar.advance(first)
            done = first
            if not done:
                self._save(0)  # a disk without room for a checkpoint is told now
            while done < self.steps:
                self._log_rollbacks(done)
                try:
                    logged = self._advance(done)
                    self._maybe_save(done + 1)
                except _Trouble as trouble:
                    back = self._go_back(trouble)
                    bar.advance(back - done)
                    done = back
                    continue
                done += 1
                bar.advance(1, **({"loss": next(iter(logged.values()))} if logged else {}))
        final = self._judge(self.steps, whole=True)
        if final:
            self._write(self.steps, final)
        return final

    def _advance(self, step: int) -> dict[str, Any] | None:
        """One step and what is logged of it; what is logged."""
        start = time.monotonic()
        logged = self._step(step)
        self.step_s += time.monotonic() - start
        self.trained_tokens += self.stepper.data.tokens_per_step
        done = step + 1
        if done % self.eval_every == 0 and done < self.steps:
            logged = {**(logged or {}), **self._judge(done, whole=False)}
        if logged:
            self._write(done, logged)
        return logged

    def _step(self, step: int) -> dict[str, Any] | None:
        """One step; what to log, as numbers, at the steps where something is logged."""
        draw = step + self.rollbacks.number(step) * self.steps
        logged = self.stepper.step(step, self.steps, draw=draw, lr_scale=self.rollbacks.lr_scale(step))
        self.unchecked.append((step + 1, logged, self.stepper.norm()))
        due = (step + 1) % self.options.log_every == 0 or step + 1 == self.steps
        # Reading a number waits for a GPU; a CPU has it at hand, and an early stop saves time.
        return self._check() if due else self._check() and None if self.stepper.device.type == "cpu" else None

    def _check(self) -> dict[str, Any]:
        """The newest step's numbers; _Trouble when one since the last check is not as it should be."""
        numbers: dict[str, Any] = {}
        for step, logged, norm in self.unchecked:
            numbers = {name: float(value) for name, value in logged.items()}
            why = self.watch.trouble(numbers, float(norm))
            if why is not None:
                raise _Trouble(step, why)
        self.unchecked.clear()
        return numbers

    def _go_back(self, trouble: _Trouble) -> int:
        """Makes the last good checkpoint's state the present one; gives its step. AigcError when that did not help."""
        fact, target = f"{trouble.why} at step {trouble.step}", self.anchors.last_good(trouble.step - 1)
        tried = self.rollbacks.without_progress()
        if self.rollbacks.done and target > self.rollbacks.done[-1].to:
            tried = 0
        if tried >= self.options.rollbacks:
            if tried:
                fact += f", after going back to step {target} {tried} times"
            raise AigcError(fact, f"{REMEDY}; step {target} is saved in {self.run_dir}")

        def usable(step: int, rollbacks: int) -> bool:
            return step <= target and self.anchors.is_anchor(step) and self.rollbacks.usable(step, rollbacks)

        state = load_checkpoint(self.run_dir, usable)
        if state is None:
            raise AigcError(f"{fact}, and its checkpoints are gone", REMEDY)
        rollback = self.rollbacks.note(trouble.step, state["step"], trouble.why)
        drop(self.run_dir, self.rollbacks.usable)
        self.stepper.load_state(state)
        self.watch.load_state(state["watch"])
        self.unchecked.clear()
        for log in (self.metrics, self.samples):
            log.cut(rollback.to)
        rate = f" at {rollback.lr_scale:g} of the learning rate" if rollback.lr_scale != 1.0 else ""
        console.warn(f"{fact}: back to step {rollback.to}, on with other data{rate}")
        return rollback.to

    def _log_rollbacks(self, done: int) -> None:
        """The rollbacks that lie before the next step, where metrics.jsonl does not have them."""
        known = {record.get("number") for record in self.metrics.records}
        for rollback in self.rollbacks.done[: self.rollbacks.number(done)]:
            if rollback.number not in known:
                self.metrics.append({"step": done, **rollback.record()})

    def _judge(self, done: int, *, whole: bool) -> dict[str, float]:
        """Validation numbers; the samples of this step go to their file."""
        with self.stepper.averaged():
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
        stop, anchor = self.interruptible.requested, self.anchors.is_anchor(done) and done < self.steps
        if stop or anchor or time.monotonic() - self.saved_at >= self.options.checkpoint_s:
            if self.unchecked:
                self._check()
            self._save(done)
        if stop:
            raise KeyboardInterrupt

    def _save(self, done: int) -> None:
        """Writes the checkpoint and drops those that nobody needs any more."""
        elapsed = time.monotonic() - self.zero
        state = {**self.stepper.state(), "watch": self.watch.state(), "elapsed_s": elapsed}
        save_checkpoint(self.run_dir, done, state, self.write_bundle, self.rollbacks.number(done))
        good = self.anchors.last_good(done)
        retain(self.run_dir, self.options.keep, lambda step: self.anchors.is_anchor(step) and step >= good)
        self.saved_at = time.monotonic()
