"""Trains a tiny GPT on a random Markov chain into OUT; run as a script it can kill itself in the middle.

python tiny_program.py OUT [KILL_AT_STEP [WHERE]], WHERE: step, checkpoint (while one is written) or renamed.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

from aigc_cli.core.run import Run
from aigc_cli.models.bundle import save_bundle
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import build
from aigc_cli.train import checkpoint, rollback
from aigc_cli.train.data import TokenData, TokenStream
from aigc_cli.train.loop import run_training
from aigc_cli.train.objectives.lm import CausalLM
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.samples import Sampler

CONFIG = Config(vocab_size=16, n_layer=2, n_head=2, n_kv_head=1, head_dim=8, n_embd=16, n_ff=32, context=16, tied=False)
CPU = torch.device("cpu")


def markov_chain(n, seed=0):
    """Tokens of which each has three likely successors: entropy well below that of single tokens."""
    random = np.random.default_rng(seed)
    successors = np.random.default_rng(7).integers(0, 16, (16, 3))
    ids = np.zeros(n, np.uint16)
    for i in range(1, n):
        ids[i] = successors[ids[i - 1], random.integers(0, 3)]
    return ids


def options(**changes):
    values = {"steps": 12, "evals": 3, "eval_tokens": 100, "log_every": 2, "checkpoint_s": 0.0, "warmup": 2}
    return TrainOptions(**{**values, **changes})


def train_tiny(out, chosen, *, seed=0, dtype=torch.float32, change=None):
    """Trains and publishes; `change(objective)` may tamper with the objective."""
    torch.manual_seed(seed)
    model = build(CONFIG)
    model.compute_dtype = None if dtype == torch.float32 else dtype
    sampler = Sampler([[1, 2]], None, 4)
    validation = TokenStream([markov_chain(400, 1)])
    objective = CausalLM(model, validation=validation, bytes_per_token=2.0, eval_tokens=100, sampler=sampler)
    if change is not None:
        change(objective)
    data = TokenData(
        TokenStream([markov_chain(3000)]), context=16, batch_size=4, micro_batches=chosen.accumulate, seed=seed
    )

    def write_bundle(directory):
        save_bundle(directory, "gpt", CONFIG, model.state_dict(), None, "# tiny\n")

    with Run(Path(out), stage="train", version=1, options={"seed": seed, "steps": chosen.steps}) as run:
        outcome = run_training(
            run, objective, data, chosen, device=CPU, dtype=dtype, seed=seed, write_bundle=write_bundle, width=16
        )
        write_bundle(run.dir)
        run.publish(facts={"final": outcome.final}, times=outcome.times)
    return outcome


def trouble(plan):
    """A change to an objective that goes wrong at steps: {"nan" | "weights" | "spike" | "always": step}.

    All but "always" go wrong on the first attempt's data alone, as a bad batch does.
    """

    def change(objective):
        original = objective.loss

        def loss(group, batch, rng):
            value, extra = original(group, batch, rng)
            if rng.step == plan.get("nan") or rng.step % 150 == plan.get("always"):
                value = value * math.nan
            if rng.step == plan.get("weights"):
                with torch.no_grad():
                    next(iter(objective.groups["gpt"].values()))[0, 0] = math.inf
            if plan.get("spike", 1 << 60) <= rng.step < 150:
                value = value + 5.0
            return value, extra

        objective.loss = loss

    return change


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(step, where):
    """Arranges for a SIGKILL at that step."""
    if where == "step":

        def change(objective):
            original, count = objective.loss, []

            def loss(group, batch, rng):
                if rng.step == step:
                    count.append(1)
                    die()
                return original(group, batch, rng)

            objective.loss = loss

        return change
    if where == "checkpoint":
        write = checkpoint._write_state

        def dying_write(path, state):
            write(path, state)
            if path.parent.name == f"step-{step:08d}.tmp":
                os.truncate(path, path.stat().st_size // 2)
                die()
            return write(path, state)

        checkpoint._write_state = dying_write
    elif where == "renamed":
        sync = checkpoint.sync_directory

        def dying_sync(path):
            if (path / f"step-{step:08d}").exists():
                die()
            sync(path)

        checkpoint.sync_directory = dying_sync
    return None


def kill_around_a_rollback(where):
    """Arranges for a SIGKILL before the rollback's entry, right after it, or some steps later."""
    note = rollback.Rollbacks.note

    def dying_note(self, *given):
        if where == "before the entry":
            die()
        found = note(self, *given)
        if where == "after the entry":
            die()
        return found

    rollback.Rollbacks.note = dying_note
    bad = trouble({"nan": 110})

    def change(objective):
        bad(objective)
        original = objective.loss

        def loss(group, batch, rng):
            if where == "after the rollback" and rng.step == 150 + 90:
                die()
            return original(group, batch, rng)

        objective.loss = loss

    return change


if __name__ == "__main__":
    out, *given = sys.argv[1:]
    if (given and "entry" in given[1]) or (given and "rollback" in given[1]):
        chosen = options(steps=int(given[0]), evals=0, log_every=25, checkpoint_s=1e9)
        train_tiny(out, chosen, change=kill_around_a_rollback(given[1]))
    else:
        train_tiny(out, options(), change=kill_at(int(given[0]), given[1]) if given else None)
