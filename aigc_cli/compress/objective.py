"""Distillation as an objective of the training loop: a student learns a teacher's distributions and the text.

Shapes: B sequences, T tokens, C width, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from aigc_cli.train.objective import StepRng
from aigc_cli.train.objectives.lm import LOGITS_BYTES, CausalLM

if TYPE_CHECKING:
    from aigc_cli.models.gpt.model import GPT


def forward_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """KL(teacher || student) in nats, summed over the rows of two logit arrays [..., V], times temperature^2.

    The factor keeps the gradient's size when the temperature changes. Source: Hinton, Vinyals and Dean 2015,
    "Distilling the Knowledge in a Neural Network", section 2.

    >>> float(forward_kl(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 2.0]]), 2.0))
    0.0
    """
    learned = F.log_softmax(student.float() / temperature, -1)
    wanted = F.log_softmax(teacher.float() / temperature, -1)
    return F.kl_div(learned, wanted, reduction="sum", log_target=True) * temperature**2


class Distillation(CausalLM):
    """alpha * temperature^2 * KL(teacher || student) + (1 - alpha) * cross-entropy, a mean per token.

    The teacher is frozen, in no parameter group, and never saved; further arguments are CausalLM's.
    """

    def __init__(self, student: GPT, teacher: GPT, *, temperature: float, alpha: float, **kwargs: Any) -> None:
        super().__init__(student, **kwargs)
        self.teacher = teacher.eval().requires_grad_(False)
        self.temperature, self.alpha = temperature, alpha

    def loss(self, group: str, batch: Any, rng: StepRng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The weighted sum, and its parts: kl (with the temperature's square) and ce, nats per token."""
        input_ids_BT, targets_BT = batch
        with torch.no_grad():
            known = self.teacher.hidden(input_ids_BT).flatten(0, 1)
        hidden, targets = self.model.hidden(input_ids_BT).flatten(0, 1), targets_BT.flatten()
        # Two sets of logits, and again as many in the backward pass, are made piece by piece.
        rows = max(1, LOGITS_BYTES // (8 * self.model.config.vocab_size))
        kl = ce = torch.zeros((), device=hidden.device)
        for part in zip(hidden.split(rows), known.split(rows), targets.split(rows), strict=True):
            if hidden.shape[0] > rows and torch.is_grad_enabled():
                part_kl, part_ce = checkpoint(self._piece, *part, use_reentrant=False)
            else:
                part_kl, part_ce = self._piece(*part)
            kl, ce = kl + part_kl, ce + part_ce
        kl, ce = kl / targets.numel(), ce / targets.numel()
        return self.alpha * kl + (1 - self.alpha) * ce, {"kl": kl, "ce": ce}

    def _piece(
        self, hidden: torch.Tensor, known: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(KL, cross-entropy) summed over some rows of hidden states."""
        logits = self.model.head(hidden).float()
        with torch.no_grad():
            wanted = self.teacher.head(known)
        return forward_kl(logits, wanted, self.temperature), F.cross_entropy(logits, targets, reduction="sum")
