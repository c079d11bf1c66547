"""Masked words on packed token records: how a BERT is pretrained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.train import job as common_job
from aigc_cli.train.batches.masking import FRAME, MaskedData, MaskedValidation, Masking
from aigc_cli.train.data import TokenData
from aigc_cli.train.job import Job, Work, build_model
from aigc_cli.train.objectives.masked_lm import MaskedLM
from aigc_cli.train.tasks.options import BertRules
from aigc_cli.train.tokens import Tokens, find_tokens

GUESSED = {"pad": 0, "mask": 4, "cls": 5, "sep": 6}  # of a dry run without a tokenizer


def open_inputs(shards: Sequence[str | Path], rules: Any, common: Common, start: Bundle | None) -> Tokens:
    """Token shards, made first from documents or raw files."""
    if start is not None and start.config.labels:
        raise ConfigError(f"{start.path} is a classifier", "add --task classify, or start from a pretrained model")
    return find_tokens(shards, common, start)


def configure(shape: Any, inputs: Tokens, rules: Any, start: Bundle | None) -> Any:
    """The Config: wide enough for a record with [CLS] and [SEP]."""
    dropout = (rules or BertRules()).dropout or 0.0
    if start is not None:
        return replace(common_job.configure(shape, inputs, rules, start), dropout=dropout)
    pad = inputs.tokenizer.pad if inputs.tokenizer is not None else GUESSED["pad"]
    return replace(shape.config(inputs.vocab_size, inputs.length + FRAME), pad_id=pad, dropout=dropout)


def prepare(job: Job) -> Work:
    """The model, the masked-word objective, and masked windows of the training stream."""
    tokens: Tokens = job.inputs
    masking = _masking(job.rules or BertRules(), tokens)
    window = min(job.config.context - masking.window, tokens.length)
    if window < 2:
        raise ConfigError(f"{job.config.context} tokens leave no room for a text", "give a larger --length")
    data = TokenData(
        tokens.train, context=window, batch_size=job.batch_size, micro_batches=job.options.accumulate, seed=job.seed
    )
    validation = None
    if tokens.validation is not None and len(tokens.validation) > 2:
        validation = MaskedValidation(tokens.validation, masking, window, job.batch_size)
    model = build_model(job)
    objective = MaskedLM(model, validation=validation, eval_tokens=job.options.eval_tokens)
    return Work(model, objective, MaskedData(data, masking))


def _masking(rules: BertRules, tokens: Tokens) -> Masking:
    if tokens.tokenizer is not None:
        return Masking.of(tokens.tokenizer, rules.mask_rate, rules.whole_words, rules.next_sentence)
    begins = np.ones(tokens.vocab_size, bool)
    ordinary = np.arange(len(GUESSED) + FRAME, tokens.vocab_size)
    return Masking(rules.mask_rate, False, rules.next_sentence, **GUESSED, ordinary=ordinary, begins=begins)
