"""Pairs of texts: how an encoder-decoder learns to translate, correct, restyle."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.train.batches.pair_data import PairData, PairTable, PairValidation
from aigc_cli.train.batches.pair_records import Pairs, open_pairs
from aigc_cli.train.batches.spans import collate
from aigc_cli.train.job import TOKENS_PER_BATCH, Job, Work, build_model, configure
from aigc_cli.train.objectives.seq2seq import Seq2seqObjective, Writer
from aigc_cli.train.tasks.options import Seq2seqRules

__all__ = ["configure", "open_inputs", "prepare"]

SAMPLES = 3
DROPOUT = 0.1  # Source: Raffel et al. 2020, section 3.1.2: of fine-tuning


def open_inputs(shards: Sequence[str | Path], rules: Any, common: Common, start: Bundle | None) -> Pairs:
    """Records of pairs, made first from files or shards with two text columns."""
    rules = rules or Seq2seqRules(task="pairs")
    given = Tokenizer.load(rules.tokenizer) if rules.tokenizer is not None else None
    if start is not None:
        if start.tokenizer is None:
            raise DataError(f"{start.path} holds no tokenizer", "put its tokenizer.json into the directory")
        if rules.vocab_size is not None:
            raise ConfigError("--vocab-size and --init-from contradict each other", "the vocabulary is the model's")
        if given is not None and given.digest != start.tokenizer.digest:
            raise ConfigError(f"{rules.tokenizer} is not the tokenizer of {start.path}", "drop --tokenizer")
        given = start.tokenizer
    return open_pairs([Path(path) for path in shards], rules, given, common)


def prepare(job: Job) -> Work:
    """The model, its objective, and batches of pairs of like length."""
    pairs: Pairs = job.inputs
    rules: Seq2seqRules = job.rules or Seq2seqRules(task="pairs")
    tokenizer, context = pairs.tokenizer, job.config.context
    batched = functools.partial(collate, start=job.config.start_id, pad=tokenizer.pad)
    tokens = TOKENS_PER_BATCH.get(job.device.type, 2048)
    data = PairData(
        pairs.train, batch_tokens=tokens, batch_size=job.options.batch_size, micro_batches=job.options.accumulate,
        seed=job.seed, context=context, collate=batched,
    )  # fmt: skip
    left_out = len(pairs.train) - len(data.rows)
    if left_out:
        console.warn(f"{left_out} pairs are longer than {context} tokens a side and are not trained on")
    console.detail(f"{len(data.rows)} pairs in {len(data.cells)} batches, {100 * data.padding():.1f}% padding")
    validation, writer = None, None
    if pairs.validation is not None and pairs.validation.fitting(context).size:
        validation = PairValidation(pairs.validation, batch_tokens=tokens, context=context, collate=batched)
        writer = Writer(
            tokenizer, _some(pairs.validation, context, SAMPLES), _some(pairs.validation, context, rules.judged),
            job.options.sample_tokens,
        )  # fmt: skip
    model = build_model(job)
    model.dropout = DROPOUT if rules.dropout is None else rules.dropout
    objective = Seq2seqObjective(model, validation=validation, eval_tokens=job.options.eval_tokens, writer=writer)
    return Work(model, objective, data)


def _some(table: PairTable, context: int, count: int) -> list[tuple[list[int], list[int]]]:
    """Up to `count` pairs from places all over the table; targets without the end token."""
    rows = table.fitting(context)
    count = min(count, len(rows))
    chosen = [table[int(row)] for row in rows[np.arange(count) * len(rows) // max(count, 1)]]
    return [(source.tolist(), target[:-1].tolist()) for source, target in chosen]
