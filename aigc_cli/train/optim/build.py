"""Which parameter is trained by which optimizer, at which peak learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from aigc_cli.train.optim.adamw import AdamW
from aigc_cli.train.optim.muon import Muon
from aigc_cli.train.optim.schedule import warmup_stable_decay
from aigc_cli.train.options import TrainOptions

REFERENCE_WIDTH = 192  # where lr = 0.004 was found
REFERENCE_LR = 0.004


def build_optimizers(
    parameters: Mapping[str, nn.Parameter],
    adamw_only: frozenset[str],
    options: TrainOptions,
    *,
    width: int,
    dtype: torch.dtype,
    lr_scales: Mapping[str, float] | None = None,
) -> list[torch.optim.Optimizer]:
    """Muon for hidden matrices, AdamW for embeddings, heads and vectors (vectors without weight decay).

    Every param group keeps its peak in "peak_lr". Source for lr ~ width^-1/2 of the AdamW part: Yang et al. 2022,
    "Tensor Programs V", in the mild form common for embeddings. `lr_scales`: factors on the rate of single hidden
    matrices.
    """
    _without_compiler()
    matrices: dict[float, list[nn.Parameter]] = {1.0: []}
    for name, parameter in parameters.items():
        if parameter.ndim >= 2 and name not in adamw_only:
            matrices.setdefault((lr_scales or {}).get(name, 1.0), []).append(parameter)
    wide = [p for n, p in parameters.items() if p.ndim >= 2 and n in adamw_only]
    vectors = [p for p in parameters.values() if p.ndim < 2]
    lr = options.lr if options.lr is not None else REFERENCE_LR * (REFERENCE_WIDTH / width) ** 0.5
    groups: list[dict[str, Any]] = [{"params": wide, "weight_decay": 0.0}, {"params": vectors, "weight_decay": 0.0}]
    optimizers: list[torch.optim.Optimizer] = []
    if options.optimizer == "adamw":
        decay = options.weight_decay
        groups += [{"params": p, "weight_decay": decay / scale, "lr": lr * scale} for scale, p in matrices.items()]
    elif any(matrices.values()):
        # A scaled rate scales the update, not the decay, which is their product: hence the division.
        parts = [
            {"params": p, "lr": options.muon_lr * scale, "weight_decay": options.weight_decay / scale}
            for scale, p in matrices.items()
            if p
        ]
        optimizers.append(Muon(parts, lr=options.muon_lr, dtype=dtype))
    groups = [group for group in groups if group["params"]]
    if groups:
        optimizers.append(AdamW(groups, lr=lr, betas=(0.8, 0.95), eps=1e-10))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


def _without_compiler() -> None:
    """Lets optimizers be made without torch's compiler, which takes two seconds to import.

    torch marks an optimizer's methods as not to be compiled when they are first called, and imports the compiler for
    that. Only losses are compiled here, so that the methods may as well be called as they are.
    """
    for function in vars(torch.optim.Optimizer).values():
        plain = getattr(function, "__wrapped__", None)
        if plain is not None and not hasattr(plain, "__dynamo_disable"):
            plain.__dict__["__dynamo_disable"] = plain


def set_lr(optimizers: list[torch.optim.Optimizer], step: int, steps: int, options: TrainOptions) -> float:
    """Sets this step's learning rates; gives the factor on the peaks."""
    factor = warmup_stable_decay(step, steps, options.warmup, options.decay)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
    return factor
