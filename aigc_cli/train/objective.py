"""What the one training loop trains: the protocol that every family, distillation and fine-tuning fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn


@dataclass(frozen=True)
class StepRng:
    """Where the random numbers of one micro-batch come from: a pure function of (seed, step, rows)."""

    seed: int
    step: int
    rows: tuple[int, ...]  # numbers of the batch's rows within the global batch of this step

    def generator(self, row: int | None = None, device: torch.device | str = "cpu") -> torch.Generator:
        """A generator for one row of the batch, or (row None) for the whole micro-batch."""
        key = (self.seed, self.step, self.rows[0] if row is None else self.rows[row], int(row is None))
        return torch.Generator(device).manual_seed(mix(*key))


def mix(*numbers: int) -> int:
    """One 63-bit number from several; equal inputs give equal outputs, near inputs unrelated ones.

    Source: Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators" (SplitMix64's finaliser).
    """
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1


class Objective(Protocol):
    """What to train, by which loss, and how to judge it.

    A GPT has one group; a GAN two, which the loop updates in this order in every step. Parameters that are in no
    group (a teacher) are neither trained nor saved.
    """

    saved: nn.Module  # what goes into the Bundle
    groups: Mapping[str, Mapping[str, nn.Parameter]]  # group -> parameter name -> parameter
    adamw_only: frozenset[str]  # names of 2-D parameters that are no hidden matrices (embeddings, heads)

    def loss(self, group: str, batch: Any, rng: StepRng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The scalar that this group's parameters lower on one micro-batch, and further scalars to log."""

    def validate(self, whole: bool) -> dict[str, float]:
        """val/... numbers on the whole validation split or on its fixed part; {} without one."""

    def validation_tokens(self, whole: bool) -> int:
        """How much `validate` reads, in the data's units; used to plan --minutes."""

    def samples(self) -> list[dict[str, Any]]:
        """A few outputs for samples.jsonl, the same prompts and random numbers every time."""


class Data(Protocol):
    """Where batches come from."""

    tokens_per_step: int  # of the global batch
    tokens: int  # in one epoch
    micro_batches: int  # gradient accumulation

    def batch(self, step: int, micro: int) -> tuple[Any, tuple[int, ...]]:
        """(tensors, row numbers within the step's global batch): a pure function of (seed, step, micro)."""
