"""Texts with labels: how a BERT becomes a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.train import job as common_job
from aigc_cli.train.batches.pair_data import PairData, PairTable, PairValidation
from aigc_cli.train.job import TOKENS_PER_BATCH, Job, Work, build_model
from aigc_cli.train.objectives.classes import FRAME, Classes, ClassifierObjective, Framing, labels_of
from aigc_cli.train.tasks import pairs
from aigc_cli.train.tasks.options import BertRules, Seq2seqRules

COLUMNS = ("text", "label")
DROPOUT = 0.1  # Source: Devlin et al. 2019, section A.3


def open_inputs(shards: Sequence[str | Path], rules: Any, common: Common, start: Bundle | None) -> Classes:
    """Records of texts and labels, made first from files or shards with two columns."""
    rules = rules or BertRules(task="classify")
    reading = Seq2seqRules(
        task="pairs", source_field=rules.source_field or COLUMNS[0], target_field=rules.target_field or COLUMNS[1],
        tokenizer=rules.tokenizer, vocab_size=rules.vocab_size, val_fraction=rules.val_fraction,
    )  # fmt: skip
    found = pairs.open_inputs(shards, reading, common, start)
    labels = labels_of([table for table in (found.train, found.validation) if table is not None], found.tokenizer)
    return Classes(found.path, found.train, found.validation, found.tokenizer, found.vocab_size, found.length, labels)


def configure(shape: Any, inputs: Classes, rules: Any, start: Bundle | None) -> Any:
    """The Config: that of `start` with these labels, or a fresh one."""
    dropout = (rules or BertRules(task="classify")).dropout
    dropout = DROPOUT if dropout is None else dropout
    if start is None:
        config = shape.config(inputs.vocab_size, inputs.length + FRAME)
        return replace(config, labels=inputs.labels, dropout=dropout, pad_id=inputs.tokenizer.pad)
    config = common_job.configure(shape, inputs, rules, start)
    if config.labels and config.labels != inputs.labels:
        some = ", ".join(config.labels[:5])
        raise ConfigError(f"{start.path} tells other labels apart: {some}", "start from the pretrained model")
    return replace(config, labels=inputs.labels, dropout=dropout)


def prepare(job: Job) -> Work:
    """The model, its objective, and batches of texts of like length."""
    classes: Classes = job.inputs
    room, tokens = job.config.context - FRAME, TOKENS_PER_BATCH.get(job.device.type, 2048)
    framing = Framing.of(classes.tokenizer, job.config.labels)
    train = _cut(classes.train, room)
    cut = int((classes.train.lengths[0] > room).sum())
    if cut:
        console.warn(f"{cut} texts are longer than {room} tokens: what comes after is not read")
    longest = max(room, train.longest)
    data = PairData(
        train, context=longest, batch_tokens=tokens, batch_size=job.options.batch_size,
        micro_batches=job.options.accumulate, seed=job.seed, collate=framing,
    )  # fmt: skip
    validation = None
    if classes.validation is not None and len(classes.validation):
        table = _cut(classes.validation, room)
        validation = PairValidation(
            table, context=max(room, table.longest), batch_tokens=tokens, collate=framing
        )  # fmt: skip
    model = build_model(job)
    if job.start is not None and not job.start.config.labels:
        weights = job.start.weights()
        encoder = {name.removeprefix("bert."): value for name, value in weights.items() if name.startswith("bert.")}
        model.bert.load_state_dict(encoder)
    return Work(model, ClassifierObjective(model, validation=validation, eval_tokens=job.options.eval_tokens), data)


def _cut(table: PairTable, room: int) -> PairTable:
    """The table, read up to `room` tokens of a text (its end token may stay)."""
    return PairTable(table.batches, longest_source=room)
