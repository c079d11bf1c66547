"""GloVe: counts out of core, and the steps of a run.

Counting writes sorted runs of scattered pair keys; merging them gives all counts in an order that is as good as
random, so that no shuffling is needed. Shapes: V words, D length of a vector.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aigc_cli.core import console
from aigc_cli.core.errors import DataError
from aigc_cli.core.files import atomic_path
from aigc_cli.train.objective import mix
from aigc_cli.train.words.kernels.cooccurrence import pairs, train_pairs
from aigc_cli.train.words.options import GloveOptions
from aigc_cli.train.words.store import spans
from aigc_cli.train.words.threaded import run_steps
from aigc_cli.train.words.vocabulary import Corpus

PAIR_BYTES = 12  # a key and a weight; sorting needs about four times that
STEP_PAIRS = 500_000
KEYS, COUNTS = "keys.npy", "counts.npy"


def count_pairs(corpus: Corpus, window: int, memory_bytes: int, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(scattered keys uint64, counts float32) of all pairs of words, mapped from files in `folder`.

    At most about `memory_bytes` are held at a time, whatever the corpus. Made already: only opened.
    """
    if not (folder / COUNTS).exists():
        folder.mkdir(parents=True, exist_ok=True)
        most = max(1 << 16, memory_bytes // (5 * PAIR_BYTES))
        runs = list(_runs(corpus, window, most, folder))
        _merge(runs, most, folder)
        for path in (p for run in runs for p in run):
            path.unlink()
    keys, counts = (np.load(folder / name, mmap_mode="r") for name in (KEYS, COUNTS))
    if not len(keys):
        raise DataError("no two words stand within the window of one another", "give longer texts")
    return keys, counts


def _runs(corpus: Corpus, window: int, most: int, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Sorted runs of different keys with their summed weights, as files."""
    held: list[tuple[np.ndarray, np.ndarray]] = []
    size, number = 0, 0
    words = max(1, most // (4 * window))
    with console.progress("count pairs", total=len(corpus.ids), unit="words") as bar:
        for begin, end in spans(corpus.ids, words):
            keys, weights = (np.empty(2 * window * (end - begin), kind) for kind in (np.uint64, np.float32))
            n = pairs(corpus.ids, begin, end, window, keys, weights)
            held.append(summed(keys[:n], weights[:n]))
            size += len(held[-1][0])
            if size > most // 2:
                held = [summed(*map(np.concatenate, zip(*held, strict=True)))]
                size = len(held[0][0])
                if size > most // 4:
                    yield _write(held[0], folder, number)
                    held, size, number = [], 0, number + 1
            bar.advance(end - begin)
    if held:
        yield _write(summed(*map(np.concatenate, zip(*held, strict=True))), folder, number)


def summed(keys: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different keys in order, and the sums of their weights (added in float64)."""
    order = np.argsort(keys, kind="stable")
    keys, weights = keys[order], weights[order]
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, np.int64)
    if not len(first):
        return keys, weights
    return keys[first], np.add.reduceat(weights.astype(np.float64), first).astype(np.float32)


def _write(run: tuple[np.ndarray, np.ndarray], folder: Path, number: int) -> tuple[Path, Path]:
    paths = folder / f"run-{number}-keys.npy", folder / f"run-{number}-counts.npy"
    for path, array in zip(paths, run, strict=True):
        np.save(path, array)
    return paths


def _merge(runs: list[tuple[Path, Path]], most: int, folder: Path) -> None:
    """All runs as one, by ranges of keys: scattered keys, so that ranges of equal width hold equally many."""
    opened = [(np.load(keys, mmap_mode="r"), np.load(counts, mmap_mode="r")) for keys, counts in runs]
    total = sum(len(keys) for keys, _ in opened)
    ranges = max(1, math.ceil(total / most))
    edges = [number * ((1 << 64) // ranges) for number in range(ranges)] + [1 << 64]
    n = 0
    raw = [folder / f"{name}.raw" for name in (KEYS, COUNTS)]
    with open(raw[0], "wb") as keys_file, open(raw[1], "wb") as counts_file:
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            parts = []
            for keys, counts in opened:
                begin = np.searchsorted(keys, np.uint64(low))
                end = len(keys) if high == 1 << 64 else np.searchsorted(keys, np.uint64(high))
                parts.append((keys[begin:end], counts[begin:end]))
            found = summed(*map(np.concatenate, zip(*parts, strict=True))) if parts else (np.zeros(0), np.zeros(0))
            found[0].astype(np.uint64).tofile(keys_file)
            found[1].astype(np.float32).tofile(counts_file)
            n += len(found[0])
    for path, name, kind in zip(raw, (KEYS, COUNTS), (np.uint64, np.float32), strict=True):
        with atomic_path(folder / name) as temporary, open(temporary, "wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False, "shape": (n,)}
            )
            with open(path, "rb") as source:
                while block := source.read(1 << 22):
                    file.write(block)
        path.unlink()


@dataclass
class Glove:
    """Vectors in training: words and contexts [V, D + 1] (the last column is the bias), and AdaGrad's sums."""

    corpus: Corpus
    options: GloveOptions
    seed: int
    words: np.ndarray
    contexts: np.ndarray
    word_squares: np.ndarray
    context_squares: np.ndarray
    keys: np.ndarray
    counts: np.ndarray

    @classmethod
    def fresh(cls, corpus: Corpus, options: GloveOptions, seed: int, counted: tuple[np.ndarray, np.ndarray]) -> Glove:
        """Vectors uniform within 1 / 2D, as the published program begins; AdaGrad's sums are 1."""
        n, width = len(corpus.words), options.dim + 1
        random = np.random.Generator(np.random.PCG64(mix(seed, -1)))
        words, contexts = (((random.random((n, width)) - 0.5) / width).astype(np.float32) for _ in range(2))
        squares = np.ones((n, width), np.float32)
        return cls(corpus, options, seed, words, contexts, squares, squares.copy(), *counted)

    def __post_init__(self) -> None:
        self.blocks = math.ceil(len(self.keys) / STEP_PAIRS)
        self.steps = self.blocks * self.options.epochs

    def state(self) -> dict[str, np.ndarray]:
        """What a step changes."""
        return {"words": self.words, "contexts": self.contexts, "word_squares": self.word_squares,
                "context_squares": self.context_squares}  # fmt: skip

    def train(self, first: int, each: Callable[[int, np.ndarray], None]) -> None:
        """See Word2Vec.train."""
        run_steps(self.step, first, self.steps, self.options.threads, each)

    def step(self, step: int) -> np.ndarray:
        """Trains on one block of pairs: [sum of the loss, pairs, pairs]."""
        epoch, place = divmod(step, self.blocks)
        order = np.random.Generator(np.random.PCG64(mix(self.seed, epoch))).permutation(self.blocks)
        begin = int(order[place]) * STEP_PAIRS
        keys, counts = (np.ascontiguousarray(a[begin : begin + STEP_PAIRS]) for a in (self.keys, self.counts))
        o, result = self.options, np.zeros(2)
        train_pairs(
            keys, counts, self.words, self.contexts, self.word_squares, self.context_squares, o.lr, o.x_max, o.alpha,
            result,
        )  # fmt: skip
        return np.append(result, result[1])

    @property
    def vectors(self) -> np.ndarray:
        """words + contexts, [V, D]: better than either (section 4.2 of the paper)."""
        return self.words[:, :-1] + self.contexts[:, :-1]

    @property
    def output(self) -> np.ndarray:
        """The contexts alone, [V, D]."""
        return self.contexts[:, :-1]
