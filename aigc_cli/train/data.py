"""Token shards as training batches: memory-mapped views, every batch a pure function of (seed, step).

The records of a split are read as one stream of tokens. Epoch e cuts it into windows of `context` + 1 tokens
(the last one is only a target), beginning at an offset drawn for that epoch, and visits them in a permutation
of the whole split drawn for that epoch. Attention runs across document boundaries inside a window.

Records that keep documents whole (tokenize --pack best-fit or none) stay whole, too: windows lie inside them, and
neither padding nor a record's first token is a target.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.train.objective import mix

IGNORE = -100  # a target that counts for nothing


class TokenStream:
    """Arrays of token ids as one sequence; nothing is copied until it is read.

    Only the first `limit` tokens count (the rest fills up the last record). With `record`, the arrays are records of
    that many tokens that have nothing to do with one another, filled up with `pad`.
    """

    def __init__(
        self, arrays: Sequence[np.ndarray], limit: int | None = None, record: int | None = None, pad: int = 0
    ) -> None:
        self.arrays: list[np.ndarray] = []
        self.starts, self.record, self.pad = [0], record, pad
        for array in arrays:
            flat = array.reshape(-1)[: None if limit is None else max(0, limit - self.starts[-1])]
            if flat.size:
                self.arrays.append(flat)
                self.starts.append(self.starts[-1] + flat.size)

    def __len__(self) -> int:
        return self.starts[-1]

    def read(self, start: int, out: np.ndarray) -> None:
        """Fills `out` with the tokens from `start` on; past the end, with padding."""
        part = bisect.bisect_right(self.starts, start) - 1
        place, size = start - self.starts[part], out.size
        if start + size <= self.starts[min(part + 1, len(self.arrays))]:  # nearly always: all in one array
            out[:] = self.arrays[part][place : place + size]
            return
        filled = 0
        while filled < size and part < len(self.arrays):
            piece = self.arrays[part][start + filled - self.starts[part] :][: size - filled]
            out[filled : filled + piece.size] = piece
            filled += piece.size
            part += 1
        out[filled:] = self.pad

    def targets(self, start: int, tokens: np.ndarray) -> np.ndarray:
        """The tokens from `start` on as targets: padding and what begins a record become IGNORE."""
        if self.record is None:
            return tokens
        found = np.where(tokens == self.pad, IGNORE, tokens)
        found[-start % self.record :: self.record] = IGNORE
        return found


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
        if stream.record and stream.record % context:
            raise ConfigError(
                f"records of {stream.record} tokens that keep documents whole cannot be cut into contexts of {context}",
                f"train with --length {stream.record}, or tokenize with --length {context}",
            )
        # Less data than one window: the window shrinks, since a wrapped one would teach a false continuation.
        self.stream, self.context = stream, context if stream.record else min(context, len(stream) - 1)
        self.batch_size, self.micro_batches = batch_size, micro_batches
        self.seed, self.rank, self.world = seed, rank, world
        self.tokens = len(stream) - (0 if stream.record else 1)
        self.rows_per_step = batch_size * micro_batches * world
        self.tokens_per_step = self.rows_per_step * self.context
        # One window less than fits, so that any epoch offset below `context` leaves whole windows.
        spare = 0 if stream.record else self.context - 1
        self.windows = max(1, (self.tokens - spare) // self.context)
        self._epoch: tuple[int, int, np.ndarray] | None = None

    def batch(self, step: int, micro: int) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[int, ...]]:
        """Rows rank::world of micro-batch `micro` of `step`."""
        first = micro * self.batch_size * self.world + self.rank
        rows = tuple(first + i * self.world for i in range(self.batch_size))
        tokens = np.empty((self.batch_size, self.context + 1), np.int64)
        starts = [self._start(step * self.rows_per_step + row) for row in rows]
        for start, window in zip(starts, tokens, strict=True):
            self.stream.read(start, window)
        targets = tokens[:, 1:]
        if self.stream.record:
            targets = np.stack([self.stream.targets(s + 1, t) for s, t in zip(starts, targets, strict=True)])
        return (torch.from_numpy(tokens[:, :-1]), torch.from_numpy(targets)), rows

    def _start(self, index: int) -> int:
        """Where the index-th window of the endless sequence of epochs begins."""
        epoch, place = divmod(index, self.windows)
        if self._epoch is None or self._epoch[0] != epoch:
            generator = np.random.Generator(np.random.PCG64(mix(self.seed, epoch)))
            spare = self.tokens - self.windows * self.context
            offset = 0 if self.stream.record else int(generator.integers(0, min(spare, self.context) + 1))
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
            inputs[i, : window.size - 1] = window[:-1]
            targets[i, : window.size - 1] = stream.targets(start + 1, window[1:])
        yield torch.from_numpy(inputs), torch.from_numpy(targets)
