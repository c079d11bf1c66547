"""Factorisation orders on packed token records: how an XLNet is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.train import job as common_job
from aigc_cli.train.batches.permuting import PermutedData, PermutedValidation, Permuting
from aigc_cli.train.data import TokenData
from aigc_cli.train.job import Job, Work, build_model
from aigc_cli.train.objectives.permutation_lm import PermutationLM
from aigc_cli.train.tasks.options import XlnetRules
from aigc_cli.train.tokens import Tokens, find_tokens

GUESSED_PAD = 0  # of a dry run without a tokenizer


def open_inputs(shards: Sequence[str | Path], rules: Any, common: Common, start: Bundle | None) -> Tokens:
    """Token shards, made first from documents or raw files."""
    return find_tokens(shards, common, start)


def configure(shape: Any, inputs: Tokens, rules: Any, start: Bundle | None) -> Any:
    """The Config, with the rules' dropout."""
    return replace(common_job.configure(shape, inputs, rules, start), dropout=(rules or XlnetRules()).dropout)


def prepare(job: Job) -> Work:
    """The model, the permutation objective, and windows of the training stream with an order each."""
    tokens: Tokens = job.inputs
    rules: XlnetRules = job.rules or XlnetRules()
    pad = tokens.tokenizer.pad if tokens.tokenizer is not None else GUESSED_PAD
    rule = Permuting(rules.predict_part, rules.longest_span, pad)
    data = TokenData(
        tokens.train, context=job.context, batch_size=job.batch_size, micro_batches=job.options.accumulate,
        seed=job.seed,
    )  # fmt: skip
    validation = None
    if tokens.validation is not None and len(tokens.validation) > 2:
        validation = PermutedValidation(tokens.validation, rule, job.context, job.batch_size)
    model = build_model(job)
    objective = PermutationLM(model, validation=validation, eval_tokens=job.options.eval_tokens)
    return Work(model, objective, PermutedData(data, rule))
