"""Span corruption: parts of a text are cut out, and the decoder writes them.

    source:  I went <extra_id_0> to buy <extra_id_1>      target:  <extra_id_0> home <extra_id_1> bread and milk

each with the end token behind it. Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified
Text-to-Text Transformer", section 3.1.4 and figure 2; span lengths drawn as in section 3.3.4's released code: kept
and cut spans in turns, kept ones first, both sums divided at random.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from aigc_cli.core.errors import ConfigError
from aigc_cli.train.data import IGNORE, TokenData, TokenStream, windows
from aigc_cli.train.objective import mix

Batch = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor]
VALIDATION = -2  # in place of a step: the noise of validation texts


@dataclass(frozen=True)
class Noise:
    """How texts are corrupted: share of tokens cut out, mean length of a span, and the ids that mark the places."""

    density: float
    mean_span: float
    sentinels: tuple[int, ...]
    pad: int
    eos: int

    def counts(self, length: int) -> tuple[int, int]:
        """(tokens cut out, spans) of a text of `length` tokens, 2 or more."""
        tokens = min(max(round(length * self.density), 1), length - 1)
        return tokens, min(max(round(tokens / self.mean_span), 1), tokens, length - tokens)

    def check(self, length: int) -> None:
        """ConfigError when texts of `length` tokens have more spans than there are marks."""
        spans = self.counts(max(length, 2))[1]
        if spans > len(self.sentinels):
            fact = (
                f"texts of {length} tokens would be cut in {spans} places, the vocabulary marks {len(self.sentinels)}"
            )
            raise ConfigError(fact, "give a shorter --length, a lower --noise or a longer --mean-span")

    def corrupt(self, tokens: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(source, target) of one text, both with the end token."""
        end = np.array([self.eos])
        if tokens.size < 2:
            return np.append(tokens, end), end
        cut = self.mask(tokens.size, generator)
        begins = cut & ~np.append(False, cut[:-1])
        marks = np.array(self.sentinels[: int(begins.sum())])
        source = tokens.copy()
        source[begins] = marks
        places = np.flatnonzero(begins[cut])
        return np.append(source[~cut | begins], end), np.append(np.insert(tokens[cut], places, marks), end)

    def mask(self, length: int, generator: np.random.Generator) -> np.ndarray:
        """bool [length]: True where a token is cut out."""
        tokens, spans = self.counts(length)
        sizes = np.empty(2 * spans, np.int64)
        sizes[0::2] = _divided(length - tokens, spans, generator)
        sizes[1::2] = _divided(tokens, spans, generator)
        return np.repeat(np.arange(2 * spans) % 2 == 1, sizes)


def _divided(total: int, parts: int, generator: np.random.Generator) -> np.ndarray:
    """`parts` whole numbers of 1 or more with the sum `total`, every such tuple equally likely."""
    cuts = np.sort(generator.choice(total - 1, parts - 1, replace=False)) + 1
    return np.diff(np.concatenate([[0], cuts, [total]]))


def collate(pairs: Sequence[tuple[np.ndarray, np.ndarray]], start: int, pad: int) -> Batch:
    """(source [B, S], its mask or None where nothing is padded, decoder input [B, T], targets [B, T])."""
    n_source, n_target = (max(len(pair[side]) for pair in pairs) for side in (0, 1))
    source = np.full((len(pairs), n_source), pad, np.int64)
    given, wanted = (np.full((len(pairs), n_target), fill, np.int64) for fill in (pad, IGNORE))
    lengths = np.array([len(pair[0]) for pair in pairs])
    for row, (text, target) in enumerate(pairs):
        source[row, : len(text)] = text
        given[row, 0], given[row, 1 : len(target)] = start, target[:-1]
        wanted[row, : len(target)] = target
    mask = None if (lengths == n_source).all() else torch.from_numpy(np.arange(n_source) < lengths[:, None])
    return torch.from_numpy(source), mask, torch.from_numpy(given), torch.from_numpy(wanted)


class SpanData:
    """Batches of corrupted windows of a token stream; the noise of a row is a function of (seed, step, row).

    `tokens` and `tokens_per_step` count the text's own tokens.
    """

    def __init__(self, data: TokenData, noise: Noise, start: int) -> None:
        self.data, self.noise, self.start = data, noise, start
        self.tokens, self.tokens_per_step, self.micro_batches = data.tokens, data.tokens_per_step, data.micro_batches

    def batch(self, step: int, micro: int) -> tuple[Batch, tuple[int, ...]]:
        """See train/objective.py:Data."""
        (inputs, _), rows = self.data.batch(step, micro)
        pairs = [
            corrupted(self.noise, tokens, self.data.seed, step, row)
            for tokens, row in zip(inputs.numpy(), rows, strict=True)
        ]
        return collate(pairs, self.start, self.noise.pad), rows


def corrupted(noise: Noise, tokens: np.ndarray, seed: int, step: int, row: int) -> tuple[np.ndarray, np.ndarray]:
    """(source, target) of one window without its padding."""
    generator = np.random.Generator(np.random.PCG64(mix(seed, step, row)))
    return noise.corrupt(tokens[tokens != noise.pad], generator)


class SpanValidation:
    """The validation split with the same holes every time."""

    def __init__(self, stream: TokenStream, noise: Noise, start: int, context: int, batch_size: int) -> None:
        self.stream, self.noise, self.start = stream, noise, start
        self.context, self.batch_size = context, batch_size
        self.tokens = len(stream)

    def batches(self, limit_tokens: int | None = None) -> Iterator[Batch]:
        """All windows, or about `limit_tokens` tokens of text from places all over the split."""
        row = 0
        for inputs, _ in windows(self.stream, self.context, self.batch_size, limit_tokens):
            pairs = []
            for tokens in inputs.numpy():
                pairs.append(corrupted(self.noise, tokens, 0, VALIDATION, row))
                row += 1
            yield collate(pairs, self.start, self.noise.pad)
