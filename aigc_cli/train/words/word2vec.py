"""Word2Vec: the steps of a run, exact after a kill with one thread.

Shapes: V words, D length of a vector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from aigc_cli.core.errors import ConfigError
from aigc_cli.train.objective import mix
from aigc_cli.train.words.kernels.skipgram import softmax_span, train_span
from aigc_cli.train.words.options import Word2VecOptions
from aigc_cli.train.words.store import spans
from aigc_cli.train.words.threaded import run_steps
from aigc_cli.train.words.vocabulary import Corpus

SPAN_WORDS = 50_000  # of one step: what a resume may repeat
MOST_SOFTMAX_WORDS = 20_000


def alias_table(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(share float32 [V], other int32 [V]): word i is drawn as i with share[i], else as other[i].

    Source: Vose 1991, "A Linear Algorithm for Generating Random Numbers with a Given Distribution".
    """
    n = len(weights)
    scaled = weights / weights.sum() * n
    share, other = np.ones(n), np.arange(n)
    small, large = [i for i in range(n) if scaled[i] < 1], [i for i in range(n) if scaled[i] >= 1]
    while small and large:
        i, j = small.pop(), large.pop()
        share[i], other[i] = scaled[i], j
        scaled[j] -= 1 - scaled[i]
        (small if scaled[j] < 1 else large).append(j)
    return share.astype(np.float32), other.astype(np.int32)


def keep_shares(counts: np.ndarray, sample: float) -> np.ndarray:
    """The share of each word's occurrences that is kept, float32 [V].

    Source: word2vec.c: (sqrt(f / t) + 1) t / f for a word that is the share f of the text.
    """
    if not sample:
        return np.ones(len(counts), np.float32)
    ratio = counts / counts.sum() / sample
    return np.minimum(1.0, (np.sqrt(ratio) + 1) / ratio).astype(np.float32)


@dataclass
class Word2Vec:
    """Vectors in training: `vectors` [V, D] of words as neighbours (the result), `output` [V, D] as centres."""

    corpus: Corpus
    options: Word2VecOptions
    seed: int
    vectors: np.ndarray
    output: np.ndarray

    @classmethod
    def fresh(cls, corpus: Corpus, options: Word2VecOptions, seed: int) -> Word2Vec:
        """Vectors uniform within 1 / 2D, outputs 0, as word2vec.c begins."""
        n, dim = len(corpus.words), options.dim
        if options.objective == "softmax" and n > MOST_SOFTMAX_WORDS:
            fact = f"the full softmax over {n} words would take days"
            raise ConfigError(fact, f"use --objective sampled, or --max-words {MOST_SOFTMAX_WORDS}")
        random = np.random.Generator(np.random.PCG64(mix(seed, -1)))
        vectors = ((random.random((n, dim), np.float32) - np.float32(0.5)) / np.float32(dim)).astype(np.float32)
        return cls(corpus, options, seed, vectors, np.zeros((n, dim), np.float32))

    def __post_init__(self) -> None:
        o = self.options
        self.keep = keep_shares(self.corpus.counts, o.sample)
        self.share, self.other = alias_table(self.corpus.counts.astype(np.float64) ** o.noise_power)
        self.parts = list(spans(self.corpus.ids, SPAN_WORDS))
        self.steps = len(self.parts) * o.epochs
        self.total = len(self.corpus.ids) * o.epochs

    def state(self) -> dict[str, np.ndarray]:
        """What a step changes."""
        return {"vectors": self.vectors, "output": self.output}

    def rate(self, position: int) -> float:
        """The learning rate after so many words."""
        o = self.options
        return o.lr + (o.min_lr - o.lr) * position / self.total

    def train(self, first: int, each: Callable[[int, np.ndarray], None]) -> None:
        """Steps `first`, ...; `each(steps done, [nats, pairs, words])` is called after one step, in order."""
        run_steps(self.step, first, self.steps, self.options.threads, each)

    def step(self, step: int) -> np.ndarray:
        """Trains on one part of the text: [nats, pairs among which they were summed, words]."""
        epoch, place = divmod(step, len(self.parts))
        begin, end = self.parts[place]
        o, position = self.options, epoch * len(self.corpus.ids) + begin
        rates = self.rate(position), self.rate(position + end - begin)
        seed, result = mix(self.seed, step), np.zeros(3)
        shared: tuple[Any, ...] = (self.corpus.ids, begin, end, self.vectors, self.output, self.keep)
        if o.objective == "softmax":
            softmax_span(*shared, o.window, *rates, seed, result)
        else:
            cbow = int(o.algorithm == "cbow")
            train_span(*shared, self.share, self.other, o.window, o.negatives, cbow, *rates, seed, result)
        return result
