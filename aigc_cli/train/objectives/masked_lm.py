"""Masked words and next sentences: the objective that pretrains a BERT.

Shapes: B sequences, T tokens, C width, N hidden tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.train.batches.masking import Batch, MaskedValidation
from aigc_cli.train.data import IGNORE
from aigc_cli.train.judging import judging
from aigc_cli.train.objective import StepRng
from aigc_cli.train.objectives.lm import LOGITS_BYTES
from aigc_cli.train.stepper import to_device

if TYPE_CHECKING:
    from aigc_cli.models.bert.model import BERT

ADAMW_ONLY = frozenset(
    {
        *(f"bert.embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type")),
        "cls.seq_relationship.weight",
        "classifier.weight",
    }
)


MUON_SCALE = 0.5  # of Muon's rate: every block ends in a LayerNorm, so that steps count in full


def lr_scales(parameters: Mapping[str, nn.Parameter]) -> dict[str, float]:
    """The factors on Muon's learning rate."""
    return {name: MUON_SCALE for name, p in parameters.items() if p.ndim == 2 and name not in ADAMW_ONLY}


class MaskedLM:
    """Objective (see train/objective.py): cross-entropy of hidden tokens, plus that of the next-sentence choice.

    Source: Devlin et al. 2019, section A.2: the sum of both means.
    """

    def __init__(self, model: BERT, *, validation: MaskedValidation | None = None, eval_tokens: int = 16_384) -> None:
        self.saved: nn.Module = model
        self.model: Any = model
        self.groups: Mapping[str, Mapping[str, nn.Parameter]] = {"bert": dict(model.named_parameters())}
        self.adamw_only = ADAMW_ONLY
        self.lr_scales = lr_scales(self.groups["bert"])
        self.validation, self.eval_tokens = validation, eval_tokens

    def loss(self, group: str, batch: Batch, rng: StepRng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Mean nats per hidden token (and, with second texts, per choice)."""
        ids, mask, types, targets, foreign = batch
        hidden = self.model.bert(ids, mask, types)
        chosen = targets != IGNORE
        # Only hidden tokens go through the head, which has more operations than a block at small widths.
        words = F.cross_entropy(self.model.head(hidden[chosen]).float(), targets[chosen])
        if foreign is None:
            return words, {}
        choice = F.cross_entropy(self.choice(hidden).float(), foreign)
        return words + choice, {"words_loss": words, "next_sentence_loss": choice}

    def choice(self, hidden_BTC: torch.Tensor) -> torch.Tensor:
        """Logits [B, 2]: B follows A, or not."""
        return self.model.cls["seq_relationship"](self.model.bert.pooled(hidden_BTC))

    def validate(self, whole: bool) -> dict[str, float]:
        """val/loss_nats per hidden token, val/masked_accuracy and val/next_sentence_accuracy in percent."""
        if self.validation is None:
            return {}
        model = self.model
        nats, right, count, told, texts = 0.0, 0, 0, 0, 0
        with judging(model, whole) as device:
            for batch in self.validation.batches(None if whole else self.eval_tokens):
                ids, mask, types, targets, foreign = to_device(batch, device)
                hidden = model.bert(ids, mask, types)
                chosen = targets != IGNORE
                rows = max(1, LOGITS_BYTES // (4 * model.config.vocab_size))
                for part, wanted in zip(hidden[chosen].split(rows), targets[chosen].split(rows), strict=True):
                    logits = model.head(part).float()
                    nats += float(F.cross_entropy(logits, wanted, reduction="sum"))
                    right += int((logits.argmax(-1) == wanted).sum())
                    count += len(wanted)
                if foreign is not None:
                    told += int((self.choice(hidden).argmax(-1) == foreign).sum())
                    texts += len(foreign)
        if not count:
            return {}
        values = {"val/loss_nats": nats / count, "val/masked_accuracy": 100 * right / count}
        return values | ({"val/next_sentence_accuracy": 100 * told / texts} if texts else {})

    def validation_tokens(self, whole: bool) -> int:
        """Tokens that `validate` reads."""
        count = self.validation.tokens if self.validation is not None else 0
        return count if whole else min(count, self.eval_tokens)

    def samples(self) -> list[dict[str, Any]]:
        """None: what a masked model fills in is asked with `explain fill`."""
        return []
