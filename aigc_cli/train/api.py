"""train(): from token shards (or documents, or raw files) to a published model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.device import resolve
from aigc_cli.core.errors import ConfigError, did_you_mean
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.models import FAMILIES
from aigc_cli.models.bundle import Bundle, pack_pt, save_bundle
from aigc_cli.train.card import model_card
from aigc_cli.train.dry_run import dry_run
from aigc_cli.train.job import Job
from aigc_cli.train.loop import run_training
from aigc_cli.train.options import TrainOptions

VERSION = 2  # raised when equal options would give other weights


def train(
    family: str,
    shards: Sequence[str | Path],
    shape: Any = None,
    options: TrainOptions | None = None,
    common: Common | None = None,
    rules: Any = None,
) -> Result:
    """Trains a model of `family` on `shards`: token shards, document shards or raw files.

    `shape` is the family's Shape, `rules` its own options (train/tasks/options.py), where it has any.
    Resumes where an earlier call with the same arguments stopped; the final weights are the same to the bit.
    """
    options, common = options or TrainOptions(), common or Common()
    if family not in FAMILIES:
        raise ConfigError(f"there is no model family '{family}'", did_you_mean(family, FAMILIES))
    if not FAMILIES[family].trainers:
        raise ConfigError(f"'{family}' is not trained by gradient steps", "use train_words of train/words/api.py")
    if not shards:
        raise ConfigError("no training data is named", "give --shards DIR")
    options.budget()  # a conflict is told before any work
    chosen = FAMILIES[family]
    shape = shape if shape is not None else chosen.shape()()
    task = chosen.trainer(getattr(rules, "task", None))
    start = _start(family, options)
    inputs = task.open_inputs(shards, rules, common, start)
    device, dtype = resolve(options.device, options.dtype)
    config = task.configure(shape, inputs, rules, start)
    job = Job(chosen, config, inputs, options, device, dtype, common.seed, rules, start)
    if common.dry_run:
        return dry_run(job, task.prepare(job))
    settings = resolved(*(group for group in (shape, rules, options, common) if group is not None))
    resolution = {"device": device.type, "dtype": str(dtype).removeprefix("torch.")}
    run = Run(
        common.output, stage="train", version=VERSION, options={"family": family, **settings, **resolution},
        inputs=[inputs.path, *([start.path] if start is not None else [])], default=family, common=common,
        pack=pack_pt,
    )  # fmt: skip
    with run:
        if run.up_to_date:
            return run.result(next=_next(run, job))
        return _train(run, task, job)


def _start(family: str, options: TrainOptions) -> Bundle | None:
    """The model that --init-from names; ConfigError when it is of another family."""
    if options.init_from is None:
        return None
    start = Bundle.open(options.init_from)
    if start.family.name != family:
        raise ConfigError(f"{start.path} is a {start.family.name}, not a {family}", f"aigc train {start.family.name}")
    if start.kind == "onnx":
        raise ConfigError(f"{start.path} is an ONNX directory", "name the model it was exported from")
    console.say(f"starting from {start.describe()}")
    return start


def _train(run: Run, task: Any, job: Job) -> Result:
    """Trains inside the opened run and publishes it."""
    work, family, config = task.prepare(job), job.family, job.config
    millions = config.parameters() / 1e6
    dtype = str(job.dtype).removeprefix("torch.")
    console.say(f"{family.name}: {millions:.3g} M parameters, {job.device.type}, {dtype}")

    def write_bundle(directory: Path, final: dict[str, float] | None = None) -> None:
        card = model_card(family, config, job.inputs.path, final or {})
        save_bundle(directory, family, config, work.model.state_dict(), job.inputs.tokenizer, card)

    outcome = run_training(
        run, work.objective, work.data, job.options, device=job.device, dtype=job.dtype, seed=job.seed,
        write_bundle=write_bundle, width=config.n_embd, label=f"train {family.name}",
    )  # fmt: skip
    write_bundle(run.dir, outcome.final)
    tokenizer = job.inputs.tokenizer
    facts = {"family": family.name, "parameters": config.parameters(), "final": outcome.final,
             "tokenizer": tokenizer.digest if tokenizer else None}  # fmt: skip
    if outcome.rollbacks:
        facts["rollbacks"] = outcome.rollbacks
    lines = [f"{run.file or run.path}: {family.name}, {millions:.3g} M parameters, {outcome.steps} steps"]
    if outcome.final:
        lines.append("validation: " + ", ".join(f"{k[4:]} {v:.4f}" for k, v in outcome.final.items()))
    if outcome.rollbacks:
        lines.append(f"went back {len(outcome.rollbacks)} times, last because {outcome.rollbacks[-1]['why']}")
    counts = {"steps": outcome.steps, "tokens": outcome.tokens}
    return run.publish(counts=counts, facts=facts, lines=lines, times=outcome.times, next=_next(run, job))


def _next(run: Run, job: Job) -> str:
    """The command that uses the model."""
    use = getattr(job.config, "card", {}).get("use", job.family.use)
    return use.replace("DIR", str(run.file or run.path))
