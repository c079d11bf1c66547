"""Texts with labels: batches, and the objective of a classifier.

Shapes: B texts, T tokens, L labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.core.errors import DataError
from aigc_cli.models.bert.config import MOST_LABELS
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.train.batches.pair_data import PairTable, PairValidation
from aigc_cli.train.judging import judging
from aigc_cli.train.objective import StepRng
from aigc_cli.train.objectives.masked_lm import ADAMW_ONLY, lr_scales
from aigc_cli.train.stepper import to_device

if TYPE_CHECKING:
    from aigc_cli.models.bert.model import Classifier

FRAME = 2  # [CLS] and [SEP]
Batch = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]


@dataclass
class Classes:
    """Records of texts and their labels, opened (see train/job.py:Inputs)."""

    path: Path | None
    train: PairTable
    validation: PairTable | None
    tokenizer: Tokenizer
    vocab_size: int
    length: int
    labels: tuple[str, ...]


def labels_of(tables: Sequence[PairTable], tokenizer: Tokenizer) -> tuple[str, ...]:
    """The different labels, sorted. DataError when they are none to tell apart, or as many as the texts."""
    found: set[bytes] = set()
    for table in tables:
        for number in range(len(table)):
            found.add(table[number][1].tobytes())
            if len(found) > MOST_LABELS:
                raise DataError(f"there are more than {MOST_LABELS:,} different labels", "is that the right column?")
    names = tuple(sorted(tokenizer.decode(np.frombuffer(ids, np.int64)) for ids in found))
    if len(names) < 2:
        raise DataError(f"all texts have the label '{names[0]}'", "give texts with two labels or more")
    return names


@dataclass(frozen=True)
class Framing:
    """Makes batches of (text ids, label ids): [CLS] text [SEP], padded."""

    tokenizer: Tokenizer
    numbers: Mapping[bytes, int]

    @classmethod
    def of(cls, tokenizer: Tokenizer, labels: Sequence[str]) -> Framing:
        """The framing for labels in this order."""
        ids = ([*tokenizer.encode(label), tokenizer.eos] for label in labels)
        return cls(tokenizer, {np.array(row, np.int64).tobytes(): number for number, row in enumerate(ids)})

    def __call__(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Batch:
        """(ids [B, T], mask [B, T] or None where nothing is padded, labels [B])."""
        ids, mask = framed([text for text, _ in pairs], self.tokenizer)
        return ids, mask, torch.tensor([self.numbers[label.tobytes()] for _, label in pairs])


def framed(texts: Sequence[np.ndarray], tokenizer: Tokenizer) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(ids [B, T], mask [B, T] or None where nothing is padded) of ids without special tokens or with an end token."""
    texts = [text[text != tokenizer.eos] for text in texts]
    longest = max(len(text) for text in texts) + FRAME
    ids = np.full((len(texts), longest), tokenizer.pad, np.int64)
    for row, text in zip(ids, texts, strict=True):
        row[0], row[1 : len(text) + 1], row[len(text) + 1] = tokenizer.cls, text, tokenizer.sep
    mask = np.arange(longest) < np.array([len(text) + FRAME for text in texts])[:, None]
    return torch.from_numpy(ids), None if mask.all() else torch.from_numpy(mask)


class ClassifierObjective:
    """Objective (see train/objective.py): cross-entropy of the label.

    Source: Devlin et al. 2019, "BERT", section 4.1: a linear layer over the pooled first state.
    """

    def __init__(
        self, model: Classifier, *, validation: PairValidation | None = None, eval_tokens: int = 16_384
    ) -> None:
        self.saved: nn.Module = model
        self.model: Any = model
        self.groups: Mapping[str, Mapping[str, nn.Parameter]] = {"bert": dict(model.named_parameters())}
        self.adamw_only = ADAMW_ONLY
        self.lr_scales = lr_scales(self.groups["bert"])
        self.validation, self.eval_tokens = validation, eval_tokens

    def loss(self, group: str, batch: Batch, rng: StepRng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Mean nats per text."""
        ids, mask, labels = batch
        return F.cross_entropy(self.model(ids, mask).float(), labels), {}

    def validate(self, whole: bool) -> dict[str, float]:
        """val/loss_nats per text, val/accuracy and val/macro_f1 in percent."""
        if self.validation is None:
            return {}
        model = self.model
        nats, told, wanted = 0.0, list[int](), list[int]()
        with judging(model, whole) as device:
            for batch in self.validation.batches(None if whole else self.eval_tokens):
                ids, mask, labels = to_device(batch, device)
                logits = model(ids, mask).float()
                nats += float(F.cross_entropy(logits, labels, reduction="sum"))
                told += logits.argmax(-1).tolist()
                wanted += labels.tolist()
        if not wanted:
            return {}
        scores = {"val/accuracy": 100 * float(np.mean(np.equal(told, wanted))), "val/macro_f1": macro_f1(told, wanted)}
        return {"val/loss_nats": nats / len(wanted), **scores}

    def validation_tokens(self, whole: bool) -> int:
        """Tokens that `validate` reads."""
        count = self.validation.tokens if self.validation is not None else 0
        return count if whole else min(count, self.eval_tokens)

    def samples(self) -> list[dict[str, Any]]:
        """None."""
        return []


def macro_f1(told: Sequence[int], wanted: Sequence[int]) -> float:
    """The mean F1 of the labels that occur, in percent: 2 TP / (2 TP + FP + FN) each.

    >>> round(macro_f1([0, 1, 1, 1], [0, 0, 1, 1]), 2)
    73.33
    """
    a, b = np.asarray(told), np.asarray(wanted)
    scores = [2 * np.sum((a == k) & (b == k)) / (np.sum(a == k) + np.sum(b == k)) for k in np.union1d(a, b)]
    return 100 * float(np.mean(scores))
