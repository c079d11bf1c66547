"""One optimizer step over all parameter groups, and the state that it changes."""

from __future__ import annotations

import contextlib
import copy
import math
import statistics
import time
from typing import Any

import torch

from aigc_cli.train.ema import Ema
from aigc_cli.train.objective import Data, Objective, StepRng, mix
from aigc_cli.train.optim.build import build_optimizers, set_lr
from aigc_cli.train.options import TrainOptions

# The measurement: the first steps allocate and compile; the others are enough to outlast a short disturbance.
WARM_STEPS, TIMED_STEPS, ENOUGH_STEPS, ENOUGH_S = 2, 5, 25, 3.0


class Stepper:
    """One optimizer step, and the state that it changes."""

    def __init__(
        self,
        objective: Objective,
        data: Data,
        options: TrainOptions,
        *,
        device: torch.device,
        dtype: torch.dtype,
        seed: int,
        width: int,
    ) -> None:
        self.objective, self.data, self.options = objective, data, options
        self.device, self.seed = device, seed
        self.optimizers = {
            group: build_optimizers(
                parameters, objective.adamw_only, options, width=width, dtype=dtype,
                lr_scales=getattr(objective, "lr_scales", None),
            )
            for group, parameters in objective.groups.items()
        }  # fmt: skip
        self.ema = Ema(objective.groups, options.ema) if options.ema else None
        self._loss = objective.loss

    def compile(self) -> None:
        """Compiles the loss from now on."""
        self._loss = torch.compile(self.objective.loss)

    def step(
        self, step: int, steps: int, *, draw: int | None = None, lr_scale: float = 1.0
    ) -> dict[str, torch.Tensor | float]:
        """Trains every group once; gives {"<group>/loss", "lr", "grad_norm", ...}, tensors still on the device.

        Data and random numbers are those of step `draw` (None: of `step` itself), the schedule's rate is that of
        `step`, multiplied by `lr_scale`.
        """
        draw = step if draw is None else draw
        torch.manual_seed(mix(self.seed, draw))  # for layers that draw from the global state: dropout
        logged: dict[str, Any] = {}
        for group, parameters in self.objective.groups.items():
            for parameter in parameters.values():
                parameter.grad = None
            for micro in range(self.data.micro_batches):
                for name, value in self._backward(group, draw, micro).items():
                    logged[name] = logged.get(name, 0.0) + value / self.data.micro_batches
            limit = self.options.clip or math.inf
            norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), limit)
            logged["grad_norm" if len(self.objective.groups) == 1 else f"{group}/grad_norm"] = norm
            set_lr(self.optimizers[group], step, steps, self.options)
            if lr_scale != 1.0:
                for param_group in (g for optimizer in self.optimizers[group] for g in optimizer.param_groups):
                    param_group["lr"] *= lr_scale
            for optimizer in self.optimizers[group]:
                optimizer.step()
            logged["lr"] = self.optimizers[group][0].param_groups[0]["lr"]
        if self.ema is not None:
            self.ema.update(step)
        return logged

    def _backward(self, group: str, step: int, micro: int) -> dict[str, torch.Tensor]:
        batch, rows = self.data.batch(step, micro)
        loss, extra = self._loss(group, to_device(batch, self.device), StepRng(self.seed, step, rows))
        (loss / self.data.micro_batches).backward()
        return {f"{group}/loss": loss.detach(), **{f"{group}/{k}": v.detach() for k, v in extra.items()}}

    @torch.no_grad()
    def norm(self) -> torch.Tensor:
        """The norm of all trained parameters, still on the device: finite when all of them are (one read of each)."""
        norms: list[torch.Tensor] = []
        for parameters in self.objective.groups.values():
            norms += torch._foreach_norm(list(parameters.values()), dtype=torch.float32)
        return torch.stack(norms).norm()

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """While inside, the model is the one to judge and publish: with --ema its running mean."""
        return contextlib.nullcontext() if self.ema is None else self.ema.in_place()

    def state(self) -> dict[str, Any]:
        """Everything that `step` changes, as references."""
        return {
            **({} if self.ema is None else {"ema": self.ema.state()}),
            "parameters": {g: {n: p.detach() for n, p in ps.items()} for g, ps in self.objective.groups.items()},
            "buffers": dict(self.objective.saved.named_buffers()),
            "optimizers": {g: [o.state_dict() for o in os] for g, os in self.optimizers.items()},
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Takes over a state of `state()`."""
        for group, parameters in self.objective.groups.items():
            for name, parameter in parameters.items():
                parameter.copy_(state["parameters"][group][name])
            for optimizer, saved in zip(self.optimizers[group], state["optimizers"][group], strict=True):
                optimizer.load_state_dict(saved)
        if self.ema is not None:
            self.ema.load_state(state["ema"])
        for name, buffer in self.objective.saved.named_buffers():
            buffer.copy_(state["buffers"][name])

    def seconds_per_step(self) -> float:
        """The median time of a few steps, measured; the state is as before afterwards."""
        before = copy.deepcopy(self.state())
        times: list[float] = []
        for step in range(WARM_STEPS + ENOUGH_STEPS):
            if step >= WARM_STEPS + TIMED_STEPS and sum(times[WARM_STEPS:]) >= ENOUGH_S:
                break
            start = time.monotonic()
            float(next(iter(self.step(step, 1 << 40).values())))
            times.append(time.monotonic() - start)
        for optimizers in self.optimizers.values():
            for optimizer in optimizers:
                optimizer.state.clear()
        self.load_state(before)
        return statistics.median(times[WARM_STEPS:])


def to_device(batch: Any, device: torch.device) -> Any:
    """The batch with its tensors on `device`."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    return type(batch)(to_device(value, device) for value in batch) if isinstance(batch, list | tuple) else batch
