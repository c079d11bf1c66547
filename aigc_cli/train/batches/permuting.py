"""Factorisation orders: which tokens are predicted, and what each of them may see.

Source: Yang et al. 2019, "XLNet", sections 2.2 and 2.3 (only the last tokens of an order are predicted, 1 of K), and
appendix A.4 (predicted tokens stand in spans of up to 5 words within K times as many).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from aigc_cli.train.data import IGNORE, TokenData, TokenStream, windows
from aigc_cli.train.objective import mix

VALIDATION = -2  # in place of a step: the orders of validation texts
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Permuting:
    """How orders are drawn: one token of `part` is predicted, in spans of 1 to `longest`."""

    part: float
    longest: int
    pad: int

    def order(self, tokens: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(predicted positions [P], hidden bool [T, T]: True where i may not see j) of a text.

        Positions that are not predicted come first in the order and see one another; each predicted one sees those
        and the predicted ones before it.
        """
        length = int((tokens != self.pad).sum())
        chosen = self._spans(length, generator)
        rank = np.full(tokens.size, -1)
        rank[chosen] = generator.permutation(chosen.size)
        hidden = (rank[:, None] <= rank[None]) & (rank[None] >= 0)
        hidden[:, tokens == self.pad] = True
        return chosen, hidden

    def _spans(self, length: int, generator: np.random.Generator) -> np.ndarray:
        """Positions in spans; at least one where the text has two tokens."""
        found: list[np.ndarray] = []
        place = 0
        while place < length:
            span = int(generator.integers(1, self.longest + 1))
            room = max(span, round(span * self.part))
            begin = place + int(generator.integers(0, room - span + 1))
            found.append(np.arange(begin, min(begin + span, length)))
            place += room
        chosen = np.concatenate(found) if found else np.zeros(0, np.int64)
        if not chosen.size and length > 1:
            chosen = generator.integers(0, length, 1)
        return chosen[: max(1, length - 1)]  # something must be seen


def collate(rows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Batch:
    """(ids [B, T], hidden [B, T, T], predicted positions [B, P], targets [B, P]) of (tokens, positions, hidden)."""
    most = max(len(places) for _, places, _ in rows)
    at = np.zeros((len(rows), most), np.int64)
    targets = np.full((len(rows), most), IGNORE, np.int64)
    for row, (tokens, places, _) in enumerate(rows):
        at[row, : places.size], targets[row, : places.size] = places, tokens[places]
    ids, hidden = (np.stack([row[part] for row in rows]) for part in (0, 2))
    return torch.from_numpy(ids), torch.from_numpy(hidden), torch.from_numpy(at), torch.from_numpy(targets)


def permuted(
    rule: Permuting, tokens: np.ndarray, seed: int, step: int, row: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(tokens, positions, hidden) of one window, a function of the numbers."""
    generator = np.random.Generator(np.random.PCG64(mix(seed, step, row)))
    return tokens, *rule.order(tokens, generator)


class PermutedData:
    """Windows of a token stream with an order each; the order of a row is a function of (seed, step, row)."""

    def __init__(self, data: TokenData, rule: Permuting) -> None:
        self.data, self.rule = data, rule
        self.tokens, self.tokens_per_step, self.micro_batches = data.tokens, data.tokens_per_step, data.micro_batches

    def batch(self, step: int, micro: int) -> tuple[Batch, tuple[int, ...]]:
        """See train/objective.py:Data."""
        (inputs, _), rows = self.data.batch(step, micro)
        pairs = zip(inputs.numpy(), rows, strict=True)
        return collate([permuted(self.rule, tokens, self.data.seed, step, row) for tokens, row in pairs]), rows


class PermutedValidation:
    """The validation split with the same orders every time."""

    def __init__(self, stream: TokenStream, rule: Permuting, context: int, batch_size: int) -> None:
        self.stream, self.rule, self.context, self.batch_size = stream, rule, context, batch_size
        self.tokens = len(stream)

    def batches(self, limit_tokens: int | None = None) -> Iterator[Batch]:
        """All windows, or about `limit_tokens` tokens of text from places all over the split."""
        number = 0
        for inputs, _ in windows(self.stream, self.context, self.batch_size, limit_tokens):
            rows = []
            for tokens in inputs.numpy():
                rows.append(permuted(self.rule, tokens, 0, VALIDATION, number))
                number += 1
            yield collate(rows)
