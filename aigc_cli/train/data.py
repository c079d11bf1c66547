"""Token shards as training batches: memory-mapped views, every batch a pure function of (seed, step).

The records of a split are read as one stream of tokens. Epoch e cuts it into windows of `context` + 1 tokens
(the last one is only a target), beginning at an offset drawn for that epoch, and visits them in a permutation
drawn for that epoch. Attention runs across document boundaries inside a window.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from aigc_cli.core.errors import DataError
from aigc_cli.train.objective import mix

IGNORE = -100  # a target that counts for nothing


class TokenStream:
    """Arrays of token ids as one sequence; nothing is copied until it is read.

    Only the first `limit` tokens count (the rest fills up the last record). `pad` is an id that is never a target:
    records of single documents are filled up with it in between.
    """

    def __init__(self, arrays: Sequence[np.ndarray], limit: int | None = None, pad: int | None = None) -> None:
        self.arrays: list[np.ndarray] = []
        self.starts, self.pad = [0], pad
        for array in arrays:
            flat = array.reshape(-1)[: None if limit is None else max(0, limit - self.starts[-1])]
            if flat.size:
                self.arrays.append(flat)
                self.starts.append(self.starts[-1] + flat.size)

    def __len__(self) -> int:
        return self.starts[-1]

    def read(self, start: int, out: np.ndarray) -> None:
        """Fills `out` with the tokens from `start` on."""
        part = bisect.bisect_right(self.starts, start) - 1
        filled = 0
        while filled < out.size:
            piece = self.arrays[part][start + filled - self.starts[part] :][: out.size - filled]
            out[filled : filled + piece.size] = piece
            filled += piece.size
            part += 1

    def targets(self, tokens: np.ndarray) -> np.ndarray:
        """The tokens as targets: padding becomes IGNORE."""
        return tokens if self.pad is None else np.where(tokens == self.pad, IGNORE, tokens)


class TokenData:
    """Training batches (input_ids [B, T], targets [B, T], int64) from a TokenStream."""

    def __init__(
        self,
        stream: TokenStream,
        *,
        context: int,
        batch_size: int,
        micro_batches: int = 1,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if len(stream) < 2:
            raise DataError("the training split holds fewer than 2 tokens", "give more text")
        # Less data than one window: the window shrinks, since a wrapped one would teach a false continuation.
        self.stream, self.context = stream, min(context, len(stream) - 1)
        self.batch_size, self.micro_batches = batch_size, micro_batches
        self.seed, self.rank, self.world = seed, rank, world
        self.tokens = len(stream) - 1
        self.rows_per_step = batch_size * micro_batches * world
        self.tokens_per_step = self.rows_per_step * self.context
        # One window less than fits, so that any epoch offset below `context` leaves whole windows.
        self.windows = max(1, (self.tokens - self.context + 1) // self.context)
        self._epoch: tuple[int, int, np.ndarray] | None = None

    def batch(self, step: int, micro: int) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[int, ...]]:
        """Rows rank::world of micro-batch `micro` of `step`."""
        first = micro * self.batch_size * self.world + self.rank
        rows = tuple(first + i * self.world for i in range(self.batch_size))
        tokens = np.empty((self.batch_size, self.context + 1), np.int64)
        for i, row in enumerate(rows):
            self.stream.read(self._start(step * self.rows_per_step + row), tokens[i])
        targets = torch.from_numpy(self.stream.targets(tokens[:, 1:]))
        return (torch.from_numpy(tokens[:, :-1]), targets), rows

    def _start(self, index: int) -> int:
        """Where the index-th window of the endless sequence of epochs begins."""
        epoch, place = divmod(index, self.windows)
        if self._epoch is None or self._epoch[0] != epoch:
            generator = np.random.Generator(np.random.PCG64(mix(self.seed, epoch)))
            spare = self.tokens - self.windows * self.context
            offset = int(generator.integers(0, min(spare, self.context) + 1))
            self._epoch = (epoch, offset, generator.permutation(self.windows))
        return self._epoch[1] + int(self._epoch[2][place]) * self.context


def windows(
    stream: TokenStream, context: int, batch_size: int, limit_tokens: int | None = None
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches that predict every token of the stream but the first exactly once, in order.

    With `limit_tokens`, about that many: windows at even distances over the stream, the same every time.
    """
    starts = list(range(0, len(stream) - 1, context))
    if limit_tokens is not None and limit_tokens < len(stream) - 1:
        wanted = max(1, limit_tokens // context)
        starts = [starts[i * len(starts) // wanted] for i in range(wanted)]
    for begin in range(0, len(starts), batch_size):
        chosen = starts[begin : begin + batch_size]
        longest = max(min(context, len(stream) - 1 - start) for start in chosen)
        inputs, targets = (np.full((len(chosen), longest), fill, np.int64) for fill in (0, IGNORE))
        for i, start in enumerate(chosen):
            window = np.empty(min(context, len(stream) - 1 - start) + 1, np.int64)
            stream.read(start, window)
            inputs[i, : window.size - 1], targets[i, : window.size - 1] = window[:-1], stream.targets(window[1:])
        yield torch.from_numpy(inputs), torch.from_numpy(targets)
