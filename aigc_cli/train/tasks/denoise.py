"""Noise and pictures: how a diffusion model is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.train.batches.pictures import PictureData, Pictures, find_pictures
from aigc_cli.train.job import Job, Work, build_model
from aigc_cli.train.objectives.diffusion import Diffusion
from aigc_cli.train.tasks.options import DiffusionRules

BATCH = {"cpu": 64, "cuda": 256, "mps": 128}  # pictures
MOST_VALIDATED = 4096


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
    model, validation = build_model(job), None
    if inputs.validation is not None and len(inputs.validation):
        count = min(MOST_VALIDATED, len(inputs.validation))
        rows = np.arange(count) * len(inputs.validation) // count
        pictures, classes = inputs.validation.take(rows)
        validation = (pictures, classes if job.config.labels else None)
    batch_size = job.options.batch_size or BATCH.get(job.device.type, 64)
    objective = Diffusion(model, validation=validation, batch_size=batch_size)
    data = PictureData(
        inputs.train, batch_size=batch_size, classes=bool(job.config.labels),
        micro_batches=job.options.accumulate, seed=job.seed,
    )  # fmt: skip
    return Work(model, objective, data)
