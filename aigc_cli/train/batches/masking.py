"""Masked words: some tokens of a text are hidden or changed, and the model says which they were.

    [CLS] the cat <mask> on the mat [SEP]          and, to be told whether B follows A:  [CLS] A [SEP] B [SEP]

Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers", sections 3.1 and A.1: of the chosen
tokens 80 % become the mask, 10 % a random token, 10 % stay; B is the text's own continuation half of the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.train.data import IGNORE, TokenData, TokenStream, windows
from aigc_cli.train.objective import mix

VALIDATION = -2  # in place of a step: the masks of validation texts
HIDDEN, CHANGED = 0.8, 0.1
FRAME = 3  # [CLS], [SEP], and the [SEP] of a second text


@dataclass(frozen=True)
class Masking:
    """How texts are masked: the share of tokens, whole words or single tokens, with or without a second text.

    `ordinary` are the ids that are no special token, `begins` [V] says which ids begin a word.
    """

    rate: float
    whole_words: bool
    next_sentence: bool
    pad: int
    mask: int
    cls: int
    sep: int
    ordinary: np.ndarray
    begins: np.ndarray

    @classmethod
    def of(cls, tokenizer: Tokenizer, rate: float, whole_words: bool, next_sentence: bool) -> Masking:
        """The masking of texts of this tokenizer."""
        special = set(tokenizer.special_ids.values())
        ids = range(tokenizer.vocab_size)
        ordinary = np.array([i for i in ids if i not in special and tokenizer.decode_bytes([i])], np.int64)
        begins = np.array([i in special or _begins_word(tokenizer.decode_bytes([i])) for i in ids])
        return cls(rate, whole_words, next_sentence, tokenizer.pad, tokenizer.mask, tokenizer.cls, tokenizer.sep,
                   ordinary, begins)  # fmt: skip

    @property
    def window(self) -> int:
        """Tokens around the text itself."""
        return FRAME if self.next_sentence else FRAME - 1

    def framed(self, first: np.ndarray, second: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(ids, token types) of one text or two."""
        ids = np.concatenate([[self.cls], first, [self.sep]])
        if second is None:
            return ids, np.zeros(ids.size, np.int64)
        whole = np.concatenate([ids, second, [self.sep]])
        return whole, (np.arange(whole.size) >= ids.size).astype(np.int64)

    def hide(self, ids: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(ids with masks, targets: the hidden ids, elsewhere IGNORE). At least one token where there is one."""
        maskable = np.flatnonzero(self._ordinary[ids])
        chosen = self._words(ids, maskable, generator) if self.whole_words else self._tokens(maskable, generator)
        targets = np.full(ids.size, IGNORE, np.int64)
        targets[chosen] = ids[chosen]
        hidden, kind = ids.copy(), generator.random(chosen.size)
        hidden[chosen[kind < HIDDEN]] = self.mask
        changed = chosen[(kind >= HIDDEN) & (kind < HIDDEN + CHANGED)]
        hidden[changed] = generator.choice(self.ordinary, changed.size)
        return hidden, targets

    @property
    def _ordinary(self) -> np.ndarray:
        table = np.zeros(self.begins.size, bool)
        table[self.ordinary] = True
        return table

    def _count(self, maskable: np.ndarray) -> int:
        return min(maskable.size, max(1, round(self.rate * maskable.size)))

    def _tokens(self, maskable: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return generator.permutation(maskable)[: self._count(maskable)]

    def _words(self, ids: np.ndarray, maskable: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The tokens of words in random order, as long as they stay within the share; at least one word."""
        if not maskable.size:
            return maskable
        first = self.begins[ids[maskable]] | np.append(True, np.diff(maskable) > 1)
        word = np.cumsum(first) - 1
        order = generator.permutation(word[-1] + 1)
        sizes = np.bincount(word)[order]
        taken = np.cumsum(sizes) <= self._count(maskable)
        taken[0] = True
        return maskable[np.isin(word, order[taken])]


def _begins_word(data: bytes) -> bool:
    """Whether a token with these bytes begins a word: after a space, or in a script that has none."""
    text = data.decode("utf-8", errors="ignore")
    return not text or (not (text[0].isalnum() and text[0] < "\u2e80") and text[0] not in "'’-")


Batch = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None, torch.Tensor, torch.Tensor | None]


def collate(rows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray, int]], masking: Masking) -> Batch:
    """(ids [B, T], mask or None, token types or None, targets [B, T], 1 where B does not follow A or None)."""
    longest = max(len(row[0]) for row in rows)
    ids, types = (np.full((len(rows), longest), fill, np.int64) for fill in (masking.pad, 0))
    targets = np.full((len(rows), longest), IGNORE, np.int64)
    for number, (row, kinds, wanted, _) in enumerate(rows):
        ids[number, : row.size], types[number, : row.size], targets[number, : row.size] = row, kinds, wanted
    seen = ids != masking.pad
    mask = None if seen.all() else torch.from_numpy(seen)
    if not masking.next_sentence:
        return torch.from_numpy(ids), mask, None, torch.from_numpy(targets), None
    foreign = torch.tensor([row[3] for row in rows])
    return torch.from_numpy(ids), mask, torch.from_numpy(types), torch.from_numpy(targets), foreign


def masked(
    masking: Masking, tokens: np.ndarray, stream: TokenStream, seed: int, step: int, row: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """(ids, token types, targets, whether the second text is foreign) of one window, a function of the numbers."""
    generator = np.random.Generator(np.random.PCG64(mix(seed, step, row)))
    tokens = tokens[tokens != masking.pad]
    second, foreign = None, 0
    if masking.next_sentence:
        cut = int(generator.integers(1, max(2, tokens.size)))
        tokens, second = tokens[:cut], tokens[cut:]
        foreign = int(generator.random() < 0.5)
        if foreign and second.size:
            found = np.empty(second.size, np.int64)
            stream.read(int(generator.integers(0, max(1, len(stream) - second.size))), found)
            second = found[found != masking.pad]
    ids, types = masking.framed(tokens, second)
    hidden, targets = masking.hide(ids, generator)
    return hidden, types, targets, foreign


class MaskedData:
    """Batches of masked windows of a token stream; the masks of a row are a function of (seed, step, row)."""

    def __init__(self, data: TokenData, masking: Masking) -> None:
        self.data, self.masking = data, masking
        self.tokens, self.tokens_per_step, self.micro_batches = data.tokens, data.tokens_per_step, data.micro_batches

    def batch(self, step: int, micro: int) -> tuple[Batch, tuple[int, ...]]:
        """See train/objective.py:Data."""
        (inputs, _), rows = self.data.batch(step, micro)
        found = [
            masked(self.masking, tokens, self.data.stream, self.data.seed, step, row)
            for tokens, row in zip(inputs.numpy(), rows, strict=True)
        ]
        return collate(found, self.masking), rows


class MaskedValidation:
    """The validation split with the same masks every time."""

    def __init__(self, stream: TokenStream, masking: Masking, window: int, batch_size: int) -> None:
        self.stream, self.masking, self.window, self.batch_size = stream, masking, window, batch_size
        self.tokens = len(stream)

    def batches(self, limit_tokens: int | None = None) -> Iterator[Batch]:
        """All windows, or about `limit_tokens` tokens of text from places all over the split."""
        number = 0
        for inputs, _ in windows(self.stream, self.window, self.batch_size, limit_tokens):
            found = []
            for tokens in inputs.numpy():
                found.append(masked(self.masking, tokens, self.stream, 0, VALIDATION, number))
                number += 1
            yield collate(found, self.masking)
