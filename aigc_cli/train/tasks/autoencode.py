"""Pictures through a bottleneck and back: how a VAE is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.train.batches.pictures import PictureData, Pictures, find_pictures
from aigc_cli.train.job import Job, Work, build_model
from aigc_cli.train.objectives.elbo import Elbo
from aigc_cli.train.tasks.options import VaeRules

BATCH = {"cpu": 128, "cuda": 512, "mps": 256}  # pictures


def open_inputs(shards: Sequence[str | Path], rules: Any, common: Common, start: Bundle | None) -> Pictures:
    """Picture records, made first from pictures where they are none."""
    size = (rules or VaeRules()).size
    return find_pictures(shards, common, start.config.size if start is not None and size is None else size)


def configure(shape: Any, inputs: Pictures, rules: Any, start: Bundle | None) -> Any:
    """The Config for the inputs' size and channels; that of `start`, where it fits them."""
    rules = rules or VaeRules()
    channels, size, _ = inputs.shape
    if start is None:
        likelihood = rules.likelihood or ("bernoulli" if channels == 1 else "gaussian")
        return shape.config(size, channels, likelihood, tuple(rules.levels))
    if (start.config.size, start.config.n_channel) != (size, channels):
        fact = f"{start.path} knows pictures of {start.config.size} x {start.config.size}"
        raise ConfigError(fact, "give pictures of the same size and channels")
    return start.config


def prepare(job: Job) -> Work:
    """The model, the evidence lower bound, and batches of pictures."""
    inputs: Pictures = job.inputs
    rules: VaeRules = job.rules or VaeRules()
    model, held_out = build_model(job), inputs.held_out()
    validation = None if held_out is None else held_out[0]
    batch_size = job.options.batch_size or BATCH.get(job.device.type, 128)
    objective = Elbo(
        model, beta=rules.beta, free_bits=rules.free_bits, warmup=rules.kl_warmup, validation=validation,
        batch_size=batch_size,
    )  # fmt: skip
    data = PictureData(
        inputs.train, batch_size=batch_size, classes=False, micro_batches=job.options.accumulate, seed=job.seed
    )
    return Work(model, objective, data)
