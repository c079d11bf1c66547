"""The running mean of the weights: what is judged and published when --ema is on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn


class Ema:
    """mean <- d mean + (1 - d) weights after every step, d = min(decay, (1 + step) / (10 + step)).

    The rising d lets the mean forget the fresh weights: with a constant one a short run would publish noise.
    Source: Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; the rising d is that of
    TensorFlow's ExponentialMovingAverage with num_updates.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, nn.Parameter]], decay: float) -> None:
        self.decay = decay
        self.weights: list[torch.Tensor] = [p for parameters in groups.values() for p in parameters.values()]
        self.mean = [p.detach().clone() for p in self.weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes in the weights after step `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.mean, self.weights, 1.0 - decay)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """While inside, the model's weights are the mean."""
        kept = [p.detach().clone() for p in self.weights]
        self.settle()
        try:
            yield
        finally:
            _copy(kept, self.weights)

    def settle(self) -> None:
        """Makes the mean the model's weights."""
        _copy(self.mean, self.weights)

    def state(self) -> list[torch.Tensor]:
        """The mean, as references."""
        return self.mean

    def load_state(self, state: list[torch.Tensor]) -> None:
        """Takes over a state of `state()`."""
        _copy(state, self.mean)


@torch.no_grad()
def _copy(source: Sequence[torch.Tensor], target: Sequence[torch.Tensor]) -> None:
    for old, new in zip(target, source, strict=True):
        old.copy_(new)
