"""Permutation language modelling: the objective of XLNet.

Shapes: B sequences, T tokens, P predicted places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from aigc_cli.train.batches.permuting import Batch, PermutedValidation
from aigc_cli.train.data import IGNORE
from aigc_cli.train.judging import judging
from aigc_cli.train.objective import StepRng
from aigc_cli.train.stepper import to_device

if TYPE_CHECKING:
    from aigc_cli.models.xlnet.model import XLNet

MUON_SCALE = 0.5  # of Muon's rate: every block ends in a LayerNorm, so that steps count in full


class PermutationLM:
    """Objective (see train/objective.py): cross-entropy of each predicted token, given those before it in the order.

    Source: Yang et al. 2019, "XLNet", equations 3 and 5.
    """

    def __init__(
        self, model: XLNet, *, validation: PermutedValidation | None = None, eval_tokens: int = 16_384
    ) -> None:
        self.saved: nn.Module = model
        self.model: Any = model
        self.groups: Mapping[str, Mapping[str, nn.Parameter]] = {"xlnet": dict(model.named_parameters())}
        # r turns distances into scores; fresh heads hold it as a few single ones, which orthogonal steps would blur.
        self.adamw_only = frozenset(
            {"transformer.word_embedding.weight", "transformer.mask_emb"}
            | {name for name in self.groups["xlnet"] if name.endswith(("_bias", "seg_embed", "rel_attn.r"))}
        )
        hidden = (n for n, p in self.groups["xlnet"].items() if p.ndim >= 2 and n not in self.adamw_only)
        self.lr_scales = dict.fromkeys(hidden, MUON_SCALE)
        self.validation, self.eval_tokens = validation, eval_tokens

    def loss(self, group: str, batch: Batch, rng: StepRng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Mean nats per predicted token."""
        ids, hidden, at, targets = batch
        _, query = self.model.streams(ids, hidden, at)
        real = targets != IGNORE
        return F.cross_entropy(self.model.head(query[real]).float(), targets[real]), {}

    def validate(self, whole: bool) -> dict[str, float]:
        """val/loss_nats and val/token_accuracy (percent) of predicted tokens, in the same orders every time."""
        if self.validation is None:
            return {}
        model = self.model
        nats, right, count = 0.0, 0, 0
        with judging(model, whole) as device:
            for batch in self.validation.batches(None if whole else self.eval_tokens):
                ids, hidden, at, targets = to_device(batch, device)
                real = targets != IGNORE
                logits = model.head(model.streams(ids, hidden, at)[1][real]).float()
                nats += float(F.cross_entropy(logits, targets[real], reduction="sum"))
                right += int((logits.argmax(-1) == targets[real]).sum())
                count += int(real.sum())
        return {"val/loss_nats": nats / count, "val/token_accuracy": 100 * right / count} if count else {}

    def validation_tokens(self, whole: bool) -> int:
        """Tokens that `validate` reads."""
        count = self.validation.tokens if self.validation is not None else 0
        return count if whole else min(count, self.eval_tokens)

    def samples(self) -> list[dict[str, Any]]:
        """None: what the model fills in is asked with `explain fill`."""
        return []
