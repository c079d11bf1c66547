"""Span corruption on packed token records: how an encoder-decoder learns from text alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.train.batches.spans import Noise, SpanData, SpanValidation
from aigc_cli.train.data import TokenData
from aigc_cli.train.job import Job, Work, build_model, configure
from aigc_cli.train.objectives.seq2seq import Seq2seqObjective, Writer
from aigc_cli.train.tasks.options import Seq2seqRules
from aigc_cli.train.tokens import Tokens, find_tokens

__all__ = ["configure", "open_inputs", "prepare"]

SAMPLES = 3
GUESSED_MARKS = tuple(range(100))  # of a dry run without a tokenizer


def open_inputs(shards: Sequence[str | Path], rules: Any, common: Common, start: Bundle | None) -> Tokens:
    """Token shards, made first from documents or raw files."""
    return find_tokens(shards, common, start)


def prepare(job: Job) -> Work:
    """The model, its objective, and corrupted windows of the training stream."""
    tokens: Tokens = job.inputs
    rules: Seq2seqRules = job.rules or Seq2seqRules()
    noise, start = _noise(rules, tokens), job.config.start_id
    noise.check(job.context)
    data = TokenData(
        tokens.train, context=job.context, batch_size=job.batch_size, micro_batches=job.options.accumulate,
        seed=job.seed,
    )  # fmt: skip
    validation, writer = None, None
    if tokens.validation is not None and len(tokens.validation) > 2:
        validation = SpanValidation(tokens.validation, noise, start, job.context, job.batch_size)
        if tokens.tokenizer is not None:
            source, _, _, targets = next(validation.batches())
            shown = [
                (row[row != noise.pad].tolist(), goal[goal >= 0].tolist())
                for row, goal in zip(source[:SAMPLES], targets[:SAMPLES], strict=True)
            ]
            writer = Writer(tokens.tokenizer, shown, sample_tokens=job.options.sample_tokens)
    model = build_model(job)
    model.dropout = 0.0 if rules.dropout is None else rules.dropout
    objective = Seq2seqObjective(
        model, validation=validation, eval_tokens=job.options.eval_tokens, writer=writer
    )  # fmt: skip
    return Work(model, objective, SpanData(data, noise, start))


def _noise(rules: Seq2seqRules, tokens: Tokens) -> Noise:
    tokenizer = tokens.tokenizer
    if tokenizer is None:
        return Noise(rules.noise, rules.mean_span, GUESSED_MARKS, 0, 2)
    if not tokenizer.sentinels:
        raise ConfigError("the tokenizer has no <extra_id_0> ... to mark cut spans", "tokenize with aigc tokenize")
    return Noise(rules.noise, rules.mean_span, tuple(tokenizer.sentinels), tokenizer.pad, tokenizer.eos)
