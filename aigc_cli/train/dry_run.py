"""What a training run would cost: parameters, memory, speed measured over a few steps. Nothing is written."""

from __future__ import annotations

from typing import Any

import torch

from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.device import memory_bytes
from aigc_cli.train.job import Job, Work
from aigc_cli.train.plan import steps_in, steps_of, validation_s
from aigc_cli.train.stepper import Stepper


def dry_run(job: Job, work: Work) -> Result:
    """Parameters, memory, speed, and how long the budget takes."""
    options, config, data, objective = job.options, job.config, work.data, work.objective
    stepper = Stepper(objective, data, options, device=job.device, dtype=job.dtype, seed=job.seed, width=config.n_embd)
    step_s, budget = stepper.seconds_per_step(), options.budget()
    steps = steps_of(budget, data)
    if "minutes" in budget:
        fitting = steps_in(budget["minutes"] * 60, step_s, data, objective, options.evals)
        steps = min(steps, fitting) if steps else fitting
    assert steps is not None
    seconds = steps * step_s + validation_s(step_s, data, objective, options.evals)
    n, dtype = config.parameters(), str(job.dtype).removeprefix("torch.")
    plan = {
        "parameters": n, "machine_bytes": memory_bytes(), "device": job.device.type, "dtype": dtype, "steps": steps,
        "tokens": steps * data.tokens_per_step, "epochs": steps * data.tokens_per_step / data.tokens,
        "tokens_per_s": data.tokens_per_step / step_s, "eta_s": seconds,
    }  # fmt: skip
    unit = getattr(data, "unit", "tokens")
    speed = f"speed: {plan['tokens_per_s']:.0f} {unit}/s measured on {job.device.type} in {dtype}"
    if hasattr(config, "flops_per_token"):
        plan["flops_per_token"] = config.flops_per_token(job.context)
        plan["flops_per_s"] = plan["flops_per_token"] * plan["tokens_per_s"]
        speed += f", {plan['flops_per_s'] / 1e9:.3g} GFLOP/s without the optimizer's"
    shape, memory = f"width {config.n_embd}", []
    if unit == "tokens":
        plan["vocab_size"] = config.vocab_size
        plan["memory_bytes"] = training_bytes(config, job.batch_size * job.context, job.dtype)
        shape = f"{config.n_layer} layers, {shape}"
        taken, there = (console.human(plan[name]) for name in ("memory_bytes", "machine_bytes"))
        memory = [f"memory: about {taken}B of {there}B"]
    lines = [
        f"{job.family.name}: {n / 1e6:.3g} M parameters, {shape}",
        *memory,
        speed,
        f"plan: {steps} steps, {console.human(plan['tokens'])} {unit} ({plan['epochs']:.2g} epochs), "
        f"about {console.duration(seconds)}",
    ]
    return Result("train", None, {"dry_run": True, **plan}, lines)


def training_bytes(config: Any, tokens: int, dtype: torch.dtype) -> int:
    """Memory of a training step over `tokens`: weights, gradients, two optimizer moments, and kept activations.

    Source for the activations: Korthikanti et al. 2022, "Reducing Activation Recomputation", equation 2, with
    SwiGLU's third matrix and without dropout masks and stored attention scores.
    """
    block = 10 * config.n_embd + 4 * config.head_dim * config.n_head + 4 * config.n_ff
    activations = tokens * (dtype.itemsize * config.n_layer * block + 8 * min(config.vocab_size, 65_536))
    return 16 * config.parameters() + activations
