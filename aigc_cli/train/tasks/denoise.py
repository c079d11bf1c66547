"""Noise and pictures: how a diffusion model is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.train.batches.pictures import PictureData, Pictures, find_pictures
from aigc_cli.train.job import Job, Work, build_model
from aigc_cli.train.objectives.diffusion import Diffusion
from aigc_cli.train.tasks.options import DiffusionRules

BATCH = {"cpu": 64, "cuda": 256, "mps": 128}  # pictures


def open_inputs(shards: Sequence[str | Path], rules: Any, common: Common, start: Bundle | None) -> Pictures:
    """Picture records, made first from pictures where they are none."""
    size = (rules or DiffusionRules()).size
    return find_pictures(shards, common, start.config.size if start is not None and size is None else size)


def configure(shape: Any, inputs: Pictures, rules: Any, start: Bundle | None) -> Any:
    """The Config for the inputs' size, channels and classes; that of `start`, where it fits them."""
    rules = rules or DiffusionRules()
    channels, size, _ = inputs.shape
    labels = inputs.classes if rules.classes else ()
    if start is None:
        prediction = rules.prediction or ("edm" if rules.path == "edm" else "velocity")
        return shape.config(size, channels, labels, prediction, rules.path)
    config = start.config
    if (config.size, config.n_channel, config.labels) != (size, channels, labels):
        fact = f"{start.path} draws {config.size} x {config.size} of {len(config.labels)} classes"
        raise ConfigError(fact, "give pictures of the same size, channels and classes")
    return config


def prepare(job: Job) -> Work:
    """The model, the diffusion objective, and batches of pictures."""
    inputs: Pictures = job.inputs
    model, held_out = build_model(job), inputs.held_out()
    if held_out is not None and not job.config.labels:
        held_out = held_out[0], None
    batch_size = job.options.batch_size or BATCH.get(job.device.type, 64)
    objective = Diffusion(model, validation=held_out, batch_size=batch_size)
    data = PictureData(
        inputs.train, batch_size=batch_size, classes=bool(job.config.labels),
        micro_batches=job.options.accumulate, seed=job.seed,
    )  # fmt: skip
    return Work(model, objective, data)
