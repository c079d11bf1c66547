"""What stands between the training command and a family: the request, and what the family makes of it.

Every task of a family (models/__init__.py: Family.trainers) is one module in train/tasks/ with three functions:

    open_inputs(shards, rules, common, start) -> Inputs      the data, made ready where it is not
    configure(shape, inputs, rules, start) -> Config         the model's shape
    prepare(job) -> Work                                     the initialised model, its objective, its batches
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import torch

from aigc_cli.core.errors import ConfigError
from aigc_cli.models import Family
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.train.objective import Data, Objective, mix
from aigc_cli.train.options import TrainOptions

# On two cores 500 steps of 1024 tokens reach 0.05 nats less than 250 of 2048 in the same time (tinyshakespeare).
TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 65_536, "mps": 16_384}


class Inputs(Protocol):
    """Training data, opened."""

    vocab_size: int
    length: int  # tokens of a record

    @property
    def path(self) -> Path | None:
        """The directory it came from; None in a dry run that made nothing."""

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What made the tokens."""


@dataclass
class Job:
    """All that a model, its objective and its batches are made from."""

    family: Family
    config: Any
    inputs: Any  # Inputs of the task's own open_inputs
    options: TrainOptions
    device: torch.device
    dtype: torch.dtype
    seed: int
    rules: Any = None  # the family's own options, e.g. train/tasks/options.py:BertRules
    start: Bundle | None = None  # the model whose weights come first

    @property
    def context(self) -> int:
        """Tokens of a training window: what the model can read and the records hold."""
        return min(self.config.context, self.inputs.length) if self.start is not None else self.config.context

    @property
    def batch_size(self) -> int:
        """Sequences of a forward pass."""
        return self.options.batch_size or max(1, TOKENS_PER_BATCH.get(self.device.type, 2048) // self.context)


@dataclass
class Work:
    """What the loop trains."""

    model: Any
    objective: Objective
    data: Data


def configure(shape: Any, inputs: Inputs, rules: Any, start: Bundle | None) -> Any:
    """The Config of `start`, or that of `shape` for the inputs' vocabulary and length."""
    if start is None:
        return shape.config(inputs.vocab_size, inputs.length)
    given = [f.name for f in fields(shape) if getattr(shape, f.name) != f.default]
    if given:
        flag = "--" + given[0].replace("_", "-")
        raise ConfigError(f"{flag} and --init-from contradict each other", "the model's shape is that of --init-from")
    if inputs.vocab_size > start.config.vocab_size:
        fact = f"the records have a vocabulary of {inputs.vocab_size}, {start.path} one of {start.config.vocab_size}"
        raise ConfigError(fact, "tokenize with the model's own tokenizer")
    return start.config


def build_model(job: Job) -> Any:
    """The model on its device: fresh weights of the seed, or those of `job.start` where it has the same config."""
    torch.manual_seed(mix(job.seed, -1))
    model = job.family.build(job.config)
    if job.start is not None and _same_weights(job.start.config, job.config):
        model.load_state_dict(job.start.weights())
    model = model.to(job.device)
    model.compute_dtype = None if job.dtype == torch.float32 else job.dtype
    return model


def _same_weights(one: Any, other: Any) -> bool:
    """Whether models of two configs have the same weights: dropout has none."""
    first, second = ({**vars(config), "dropout": None} for config in (one, other))
    return first == second
