"""train(): from token shards (or documents, or raw files) to a published model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.device import memory_bytes, resolve
from aigc_cli.core.errors import ConfigError, DataError, did_you_mean
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.core.shards import Shards
from aigc_cli.models import FAMILIES, Family
from aigc_cli.models.bundle import pack_pt, save_bundle
from aigc_cli.models.gpt.config import Shape
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.train.card import model_card
from aigc_cli.train.data import TokenData, TokenStream
from aigc_cli.train.loop import run_training
from aigc_cli.train.objective import mix
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.plan import steps_in, steps_of, validation_s
from aigc_cli.train.samples import Sampler
from aigc_cli.train.stepper import Stepper

VERSION = 1  # raised when equal options would give other weights
# On two cores 500 steps of 1024 tokens reach 0.05 nats less than 250 of 2048 in the same time (tinyshakespeare).
TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 65_536, "mps": 16_384}
GUESSED_VOCABULARY, GUESSED_LENGTH = 8192, 256  # for --dry-run before anything is tokenized
PROMPTS, PROMPT_TOKENS = 3, 16


@dataclass
class Tokens:
    """Token shards, opened: one stream per split, the tokenizer, and what the manifest says."""

    path: Path | None
    train: TokenStream
    validation: TokenStream | None
    tokenizer: Tokenizer | None
    vocab_size: int
    length: int
    bytes_per_token: float | None


def open_tokens(path: Path) -> Tokens:
    """The token shards at `path`. Raises DataError when they are none or their tokenizer is another one."""
    shards = Shards.open(path)
    facts = (shards.manifest or {}).get("facts", {})
    if "input_ids" not in shards.columns or "vocab_size" not in facts:
        raise DataError(f"{path} holds no token records", f"make some: aigc tokenize {path} -o tokens")
    tokenizer = Tokenizer.load(path / "tokenizer")
    if tokenizer.digest != facts["tokenizer"]:
        raise DataError(
            f"{path}/tokenizer is not the tokenizer that made the records", "make them again with aigc tokenize"
        )
    counts, pack = facts.get("tokens", {}), (shards.manifest or {}).get("options", {}).get("pack", "stream")
    joined = pack in ("stream", True)  # True: as manifests said when there was one way only
    vocab_size, length = int(facts["vocab_size"]), int(facts["length"])
    views = {split: shards.fixed("input_ids", split, below=vocab_size) for split in shards.splits}
    if any(view.shape[1] != length for found in views.values() for view in found):
        raise DataError(f"{path} holds records of another length than {length}", "make them again with aigc tokenize")
    streams = {
        split: TokenStream(found, counts.get(split)) if joined
        else TokenStream(found, record=length, pad=tokenizer.pad) for split, found in views.items()
    }  # fmt: skip
    n_bytes, n_tokens = facts.get("bytes", {}).get("validation", 0), counts.get("validation", 0)
    return Tokens(
        path, streams["train"], streams.get("validation"), tokenizer, vocab_size,
        length, n_bytes / n_tokens if n_bytes and n_tokens else None,
    )  # fmt: skip


def train(
    family: str,
    shards: Sequence[str | Path],
    shape: Shape | None = None,
    options: TrainOptions | None = None,
    common: Common | None = None,
) -> Result:
    """Trains a model of `family` on `shards`: token shards, document shards or raw files.

    Resumes where an earlier call with the same arguments stopped; the final weights are the same to the bit.
    """
    shape, options, common = shape or Shape(), options or TrainOptions(), common or Common()
    if family not in FAMILIES:
        raise ConfigError(f"there is no model family '{family}'", did_you_mean(family, FAMILIES))
    if not shards:
        raise ConfigError("no training data is named", "give --shards DIR")
    options.budget()  # a conflict is told before any work
    tokens = _tokens(shards, common)
    device, dtype = resolve(options.device, options.dtype)
    config = shape.config(tokens.vocab_size, tokens.length)
    if common.dry_run:
        return _dry_run(FAMILIES[family], config, tokens, options, device, dtype, common.seed)
    chosen = {"device": device.type, "dtype": str(dtype).removeprefix("torch.")}
    assert tokens.path is not None
    run = Run(
        common.output, stage="train", version=VERSION,
        options={"family": family, **resolved(shape, options, common), **chosen},
        inputs=[tokens.path], default=family, common=common, pack=pack_pt,
    )  # fmt: skip
    with run:
        if run.up_to_date:
            return run.result(next=_next(run))
        return _train(run, FAMILIES[family], config, tokens, options, device, dtype, common.seed)


def _train(
    run: Run,
    family: Family,
    config: Any,
    tokens: Tokens,
    options: TrainOptions,
    device: torch.device,
    dtype: torch.dtype,
    seed: int,
) -> Result:
    """Trains inside the opened run and publishes it."""
    model, objective, data = prepare(family, config, tokens, options, device, dtype, seed)
    millions = config.parameters() / 1e6
    console.say(f"{family.name}: {millions:.3g} M parameters, {device.type}, {str(dtype).removeprefix('torch.')}")

    def write_bundle(directory: Path, final: dict[str, float] | None = None) -> None:
        card = model_card(family, config, tokens.path, final or {})
        save_bundle(directory, family, config, model.state_dict(), tokens.tokenizer, card)

    outcome = run_training(
        run, objective, data, options, device=device, dtype=dtype, seed=seed, write_bundle=write_bundle,
        width=config.n_embd, label=f"train {family.name}",
    )  # fmt: skip
    write_bundle(run.dir, outcome.final)
    facts = {"family": family.name, "parameters": config.parameters(), "final": outcome.final,
             "tokenizer": tokens.tokenizer.digest if tokens.tokenizer else None}  # fmt: skip
    lines = [f"{run.file or run.path}: {family.name}, {millions:.3g} M parameters, {outcome.steps} steps"]
    if outcome.final:
        lines.append("validation: " + ", ".join(f"{k[4:]} {v:.4f}" for k, v in outcome.final.items()))
    counts = {"steps": outcome.steps, "tokens": outcome.tokens}
    return run.publish(counts=counts, facts=facts, lines=lines, times=outcome.times, next=_next(run))


def prepare(
    family: Family,
    config: Any,
    tokens: Tokens,
    options: TrainOptions,
    device: torch.device,
    dtype: torch.dtype,
    seed: int,
) -> tuple[Any, Any, TokenData]:
    """The initialised model on its device, the family's objective, and the training batches."""
    torch.manual_seed(mix(seed, -1))
    model = family.build(config).to(device)
    model.compute_dtype = None if dtype == torch.float32 else dtype
    context = config.context
    batch_size = options.batch_size or max(1, TOKENS_PER_BATCH.get(device.type, 2048) // context)
    data = TokenData(tokens.train, context=context, batch_size=batch_size, micro_batches=options.accumulate, seed=seed)
    objective = family.load("objective")(
        model, validation=tokens.validation, bytes_per_token=tokens.bytes_per_token, context=context,
        batch_size=batch_size, eval_tokens=options.eval_tokens, sampler=_sampler(tokens, options, seed),
    )  # fmt: skip
    return model, objective, data


def _tokens(shards: Sequence[str | Path], common: Common) -> Tokens:
    """The token records of the inputs, tokenized first where they are not; a dry run guesses instead."""
    paths = [Path(p) for p in shards]
    if len(paths) == 1 and Shards.is_shards(paths[0]) and "input_ids" in Shards.open(paths[0]).columns:
        return open_tokens(paths[0])
    if common.dry_run:
        console.say(f"nothing is tokenized in a dry run: guessing a vocabulary of {GUESSED_VOCABULARY}")
        ids = np.random.default_rng(0).integers(0, GUESSED_VOCABULARY, 1 << 20, dtype=np.uint16)
        return Tokens(None, TokenStream([ids]), None, None, GUESSED_VOCABULARY, GUESSED_LENGTH, None)
    from aigc_cli.tokenize.api import ensure_tokens

    return open_tokens(Path(ensure_tokens([str(p) for p in shards], common)))


def _sampler(tokens: Tokens, options: TrainOptions, seed: int) -> Sampler | None:
    """The prompts of samples.jsonl: the user's, or the text at three places of the validation split."""
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
    return Sampler(prompts, tokens.tokenizer, options.sample_tokens, seed)


def _dry_run(
    family: Family,
    config: Any,
    tokens: Tokens,
    options: TrainOptions,
    device: torch.device,
    dtype: torch.dtype,
    seed: int,
) -> Result:
    """Parameters, memory, speed measured over a few steps, and how long the budget takes; nothing is written."""
    _, objective, data = prepare(family, config, tokens, options, device, dtype, seed)
    stepper = Stepper(objective, data, options, device=device, dtype=dtype, seed=seed, width=config.n_embd)
    step_s, budget = stepper.seconds_per_step(), options.budget()
    steps = steps_of(budget, data)
    if "minutes" in budget:
        fitting = steps_in(budget["minutes"] * 60, step_s, data, objective, options.evals)
        steps = min(steps, fitting) if steps else fitting
    assert steps is not None
    seconds = steps * step_s + validation_s(step_s, data, objective, options.evals)
    n = config.parameters()
    plan = {
        "parameters": n, "memory_bytes": training_bytes(config, data, dtype), "machine_bytes": memory_bytes(),
        "device": device.type, "dtype": str(dtype).removeprefix("torch."), "steps": steps,
        "tokens": steps * data.tokens_per_step, "epochs": steps * data.tokens_per_step / data.tokens,
        "tokens_per_s": data.tokens_per_step / step_s, "eta_s": seconds, "vocab_size": config.vocab_size,
    }  # fmt: skip
    lines = [
        f"{family.name}: {n / 1e6:.3g} M parameters, {config.n_layer} layers, width {config.n_embd}",
        f"memory: about {console.human(plan['memory_bytes'])}B of {console.human(plan['machine_bytes'])}B",
        f"speed: {plan['tokens_per_s']:.0f} tokens/s measured on {device.type} in {plan['dtype']}",
        f"plan: {steps} steps, {console.human(plan['tokens'])} tokens ({plan['epochs']:.2g} epochs), "
        f"about {console.duration(seconds)}",
    ]
    return Result("train", None, {"dry_run": True, **plan}, lines)


def training_bytes(config: Any, data: TokenData, dtype: torch.dtype) -> int:
    """Memory of a training step: weights, gradients, two optimizer moments, and kept activations.

    Source for the activations: Korthikanti et al. 2022, "Reducing Activation Recomputation", equation 2, with
    SwiGLU's third matrix and without dropout masks and stored attention scores.
    """
    width, tokens = dtype.itemsize, data.batch_size * data.context
    block = 10 * config.n_embd + 4 * config.head_dim * config.n_head + 4 * config.n_ff
    activations = tokens * (width * config.n_layer * block + 8 * min(config.vocab_size, 65_536))
    return 16 * config.parameters() + activations


def _next(run: Run) -> str:
    return f'aigc generate {run.file or run.path} --prompt "..."'
