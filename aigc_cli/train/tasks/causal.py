"""Next-token prediction on packed token records: how a GPT is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.train.data import TokenData
from aigc_cli.train.job import Job, Work, build_model, configure
from aigc_cli.train.objectives.lm import CausalLM
from aigc_cli.train.samples import Sampler
from aigc_cli.train.tokens import Tokens, find_tokens

__all__ = ["configure", "open_inputs", "prepare"]

PROMPTS, PROMPT_TOKENS = 3, 16


def open_inputs(shards: Sequence[str | Path], rules: Any, common: Common, start: Bundle | None) -> Tokens:
    """Token shards, made first from documents or raw files."""
    return find_tokens(shards, common, start)


def prepare(job: Job) -> Work:
    """The model, the next-token objective, and windows of the training stream."""
    model, tokens = build_model(job), job.inputs
    data = TokenData(
        tokens.train, context=job.context, batch_size=job.batch_size, micro_batches=job.options.accumulate,
        seed=job.seed,
    )  # fmt: skip
    objective = CausalLM(
        model, validation=tokens.validation, bytes_per_token=tokens.bytes_per_token, context=job.context,
        batch_size=job.batch_size, eval_tokens=job.options.eval_tokens, sampler=_sampler(job),
    )  # fmt: skip
    return Work(model, objective, data)


def _sampler(job: Job) -> Sampler | None:
    """The prompts of samples.jsonl: the user's, or the text at three places of the validation split."""
    tokens, options = job.inputs, job.options
    if tokens.tokenizer is None or not options.sample_tokens:
        return None
    if options.prompts:
        prompts = [tokens.tokenizer.encode(text) for text in options.prompts]
    else:
        stream = tokens.validation if tokens.validation is not None else tokens.train
        size = min(PROMPT_TOKENS, len(stream))
        prompts = []
        for i in range(PROMPTS):
            prompt = np.empty(size, np.int64)
            stream.read((len(stream) - size) * i // PROMPTS, prompt)
            prompts.append(prompt.tolist())
    return Sampler(prompts, tokens.tokenizer, options.sample_tokens, job.seed)
