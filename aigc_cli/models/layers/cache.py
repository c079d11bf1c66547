"""Keys and values of tokens already read, one row per sequence, rows of different lengths.

Shapes: L layers, B sequences, K key/value heads, N capacity in tokens, D head width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


class KVCache:
    """Room for `capacity` tokens per sequence.

    A forward pass appends T tokens to every row and adds T to `lengths`. After a right-padded prefill set
    `lengths` to the true lengths: what lies beyond is never attended to and is overwritten by later tokens.
    """

    def __init__(
        self,
        n_layer: int,
        batch: int,
        n_kv_head: int,
        capacity: int,
        head_dim: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shape = (n_layer, batch, n_kv_head, capacity, head_dim)
        self.keys_LBKND = torch.zeros(shape, device=device, dtype=dtype)
        self.values_LBKND = torch.zeros(shape, device=device, dtype=dtype)
        self.lengths: list[int] = [0] * batch

    @property
    def capacity(self) -> int:
        """Tokens that a row can hold."""
        return self.keys_LBKND.shape[3]

    @property
    def uniform(self) -> bool:
        """Whether all rows are equally long."""
        return len(set(self.lengths)) <= 1

    def grow(self, n_tokens: int) -> None:
        """Makes room for at least `n_tokens` more in every row: at least doubles it, so that growing is rare."""
        old = self.capacity
        for name in ("keys_LBKND", "values_LBKND"):
            stored = getattr(self, name)
            wider = stored.new_zeros(*stored.shape[:3], old + max(n_tokens, old), stored.shape[4])
            wider[:, :, :, :old] = stored
            setattr(self, name, wider)

    def positions(self, n_tokens: int) -> torch.Tensor:
        """Positions of the next `n_tokens` tokens of every row, int64 [B, T]."""
        start = torch.tensor(self.lengths, device=self.keys_LBKND.device)
        return start[:, None] + torch.arange(n_tokens, device=start.device)

    def append(
        self, layer: int, keys_BKTD: torch.Tensor, values_BKTD: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Stores one layer's new keys and values; gives all of that layer's, as views [B, K, N', D].

        `lengths` moves only in `advance`, when every layer has stored its part.
        """
        n_tokens = keys_BKTD.shape[2]
        end = max(self.lengths) + n_tokens
        if end > self.capacity:
            raise ValueError(f"the cache holds {self.capacity} tokens, {end} were needed")
        keys, values = self.keys_LBKND[layer], self.values_LBKND[layer]
        if self.uniform:
            keys[:, :, end - n_tokens : end] = keys_BKTD
            values[:, :, end - n_tokens : end] = values_BKTD
        else:
            for row, start in enumerate(self.lengths):
                keys[row, :, start : start + n_tokens] = keys_BKTD[row]
                values[row, :, start : start + n_tokens] = values_BKTD[row]
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, n_tokens: int) -> None:
        """Counts `n_tokens` stored tokens in every row."""
        self.lengths = [length + n_tokens for length in self.lengths]

    def rollback(self, n_tokens: int) -> None:
        """Forgets the last `n_tokens` tokens of every row."""
        if n_tokens > min(self.lengths):
            raise ValueError(f"cannot forget {n_tokens} of {min(self.lengths)} tokens")
        self.advance(-n_tokens)

    def reorder(self, rows: Sequence[int]) -> None:
        """Row i becomes what row rows[i] was; the number of rows may change (beams)."""
        index = torch.as_tensor(list(rows), device=self.keys_LBKND.device)
        self.keys_LBKND = self.keys_LBKND.index_select(1, index)
        self.values_LBKND = self.values_LBKND.index_select(1, index)
        self.lengths = [self.lengths[row] for row in rows]
