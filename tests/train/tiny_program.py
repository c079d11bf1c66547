"""Trains a tiny GPT on a random Markov chain into OUT; run as a script it can kill itself in the middle.

python tiny_program.py OUT [KILL_AT_STEP [WHERE]], WHERE: step, checkpoint (while one is written) or renamed.
"""

from __future__ import annotations

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
from aigc_cli.train import checkpoint
from aigc_cli.train.data import TokenData, TokenStream
from aigc_cli.train.lm import CausalLM
from aigc_cli.train.loop import run_training
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
        write = checkpoint.atomic_write

        def dying_write(path, content):
            if path.name == checkpoint.STATE and path.parent.name == f"step-{step:08d}.tmp":
                path.write_bytes(content[: len(content) // 2])
                die()
            write(path, content)

        checkpoint.atomic_write = dying_write
    elif where == "renamed":
        sync = checkpoint.sync_directory

        def dying_sync(path):
            if (path / f"step-{step:08d}").exists():
                die()
            sync(path)

        checkpoint.sync_directory = dying_sync
    return None


if __name__ == "__main__":
    tamper = kill_at(int(sys.argv[2]), sys.argv[3]) if len(sys.argv) > 2 else None
    train_tiny(sys.argv[1], options(), change=tamper)
