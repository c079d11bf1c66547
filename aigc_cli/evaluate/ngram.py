"""An n-gram model with Witten-Bell smoothing: the baseline below which a neural model begins to be worth its cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Symbols = np.ndarray | bytes | str


@dataclass
class _Level:
    """Counts of all n-grams of one length. `keys` are sorted: context's rank times the alphabet plus symbol."""

    keys: np.ndarray
    counts: np.ndarray
    context_total: np.ndarray  # by the rank of the context: how often anything followed it
    context_kinds: np.ndarray  # and how many different symbols


class WittenBell:
    """Interpolated Witten-Bell model of `order`: contexts of up to order - 1 symbols, within one sequence.

    P(w | h) = (c(h w) + T(h) P(w | h')) / (c(h) + T(h)): T(h) is the number of different symbols seen after
    h, h' is h without its oldest symbol, and below the empty context every symbol of the alphabet is equally
    likely. Source: Chen and Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling",
    section 2.5, equations 15 and 16.

    Symbols are whole numbers below `alphabet` (default: one more than the largest in training; bytes count as
    256). Training keeps about 60 bytes per symbol in memory.

    >>> model = WittenBell(2).fit([b"abab"])
    >>> round(model.nats_per_token(b"ab"), 4)
    0.6727
    """

    def __init__(self, order: int = 5, alphabet: int | None = None) -> None:
        if order < 1:
            raise ValueError(f"order is {order}; give 1 or more")
        self.order, self.alphabet = order, alphabet
        self._levels: list[_Level] = []

    def fit(self, sequences: Iterable[Symbols]) -> WittenBell:
        """Counts the n-grams of all sequences; earlier counts are forgotten."""
        sequences = list(sequences)
        if self.alphabet is None and any(isinstance(sequence, bytes) for sequence in sequences):
            self.alphabet = 256
        symbols, offsets = _concatenate(sequences)
        if symbols.size == 0:
            raise ValueError("there is nothing to count; give at least one symbol")
        self.alphabet = self.alphabet or int(symbols.max()) + 1
        self._check(symbols)
        self._levels = []
        ranks = np.zeros(symbols.size, dtype=np.int64)  # of the (n - 1)-gram that ends at each position
        n_contexts = 1
        for n in range(1, self.order + 1):
            usable = np.flatnonzero(offsets >= n - 1)
            contexts = ranks[usable - 1] if n > 1 else np.zeros(usable.size, dtype=np.int64)
            keys, inverse, counts = np.unique(
                contexts * self.alphabet + symbols[usable], return_inverse=True, return_counts=True
            )
            owners = keys // self.alphabet
            total = np.bincount(owners, weights=counts, minlength=n_contexts)
            kinds = np.bincount(owners, minlength=n_contexts)
            self._levels.append(_Level(keys, counts, total, kinds))
            ranks = np.full(symbols.size, -1, dtype=np.int64)
            ranks[usable] = inverse
            n_contexts = keys.size
        return self

    def nats(self, sequence: Symbols) -> np.ndarray:
        """Nats of every symbol of one sequence (float64), each given those before it."""
        if not self._levels:
            raise ValueError("the model has seen nothing; call fit first")
        symbols = _symbols(sequence)
        self._check(symbols)
        probability = np.full(symbols.size, 1.0 / (self.alphabet or 1))
        ranks = np.zeros(symbols.size, dtype=np.int64)  # of the (n - 1)-gram that ends here; -1: never seen
        for n, level in enumerate(self._levels, start=1):
            contexts = np.roll(ranks, 1) if n > 1 else ranks
            contexts[: min(n - 1, 1)] = -1  # the first symbol has no context
            probability, ranks = self._mix(level, contexts, symbols, probability)
        return -np.log(probability)

    def nats_per_token(self, sequence: Symbols) -> float:
        """Mean nats per symbol of one sequence that is not empty."""
        return float(self.nats(sequence).mean())

    def _mix(
        self, level: _Level, contexts: np.ndarray, symbols: np.ndarray, lower: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(P of every symbol given its context, the rank of context and symbol together); lower: P(w | h')."""
        if level.keys.size == 0:
            return lower, np.full(symbols.size, -1, dtype=np.int64)
        known = contexts >= 0
        keys = np.where(known, contexts * (self.alphabet or 1) + symbols, -1)
        places = np.minimum(np.searchsorted(level.keys, keys), level.keys.size - 1)
        found = level.keys[places] == keys
        counts = np.where(found, level.counts[places], 0)
        total, kinds = (np.where(known, value[contexts], 0) for value in (level.context_total, level.context_kinds))
        mixed = (counts + kinds * lower) / np.maximum(total + kinds, 1)
        return np.where(total + kinds > 0, mixed, lower), np.where(found, places, -1)

    def _check(self, symbols: np.ndarray) -> None:
        if symbols.size and (symbols.min() < 0 or symbols.max() >= (self.alphabet or 0)):
            raise ValueError(f"a symbol is outside 0..{(self.alphabet or 0) - 1}; give the true alphabet size")


def _concatenate(sequences: list[Symbols]) -> tuple[np.ndarray, np.ndarray]:
    """(all symbols int64, the position of each in its own sequence)."""
    arrays = [_symbols(sequence) for sequence in sequences]
    empty = np.zeros(0, dtype=np.int64)
    return (
        np.concatenate(arrays) if arrays else empty,
        np.concatenate([np.arange(array.size) for array in arrays]) if arrays else empty,
    )


def _symbols(sequence: Symbols) -> np.ndarray:
    if isinstance(sequence, bytes):
        return np.frombuffer(sequence, dtype=np.uint8).astype(np.int64)
    if isinstance(sequence, str):
        return np.frombuffer(sequence.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    return np.asarray(sequence, dtype=np.int64)
