"""Next-token prediction: the default objective of GPT.

Shapes: B sequences, T tokens, C width, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from aigc_cli.train.data import IGNORE, TokenStream, windows
from aigc_cli.train.judging import judging
from aigc_cli.train.objective import StepRng
from aigc_cli.train.samples import Sampler

if TYPE_CHECKING:
    from aigc_cli.models.gpt.model import GPT

VALIDATION_TOKENS = 4096  # read together: without gradients there is room for more than a training batch
LOGITS_BYTES = 128 << 20  # more logits than this are made, used and dropped piece by piece


def sum_nats(model: GPT, hidden_BTC: torch.Tensor, targets_BT: torch.Tensor) -> torch.Tensor:
    """Summed cross-entropy in nats (float32) of all targets that are not IGNORE.

    With a large vocabulary the logits of a piece are computed again in the backward pass instead of kept.
    """
    hidden, targets = hidden_BTC.flatten(0, 1), targets_BT.flatten()

    def piece(part: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(model.head(part).float(), wanted, ignore_index=IGNORE, reduction="sum")

    rows = max(1, LOGITS_BYTES // (4 * model.config.vocab_size))
    if hidden.shape[0] <= rows:
        return piece(hidden, targets)
    parts = zip(hidden.split(rows), targets.split(rows), strict=True)
    if torch.is_grad_enabled():
        return sum((checkpoint(piece, *part, use_reentrant=False) for part in parts), hidden.new_zeros(()).float())
    return sum((piece(*part) for part in parts), hidden.new_zeros(()).float())


class CausalLM:
    """Objective (see train/objective.py) of a causal language model.

    `validation` is the validation split or None, `bytes_per_token` its UTF-8 bytes divided by its tokens. Plain
    causal attention: a packed window may look across the end of a document.
    """

    def __init__(
        self,
        model: GPT,
        *,
        validation: TokenStream | None = None,
        bytes_per_token: float | None = None,
        context: int | None = None,
        batch_size: int = 8,
        eval_tokens: int = 16_384,
        sampler: Sampler | None = None,
    ) -> None:
        self.saved: nn.Module = model
        self.model = model
        self.groups: Mapping[str, Mapping[str, nn.Parameter]] = {"gpt": dict(model.named_parameters())}
        self.adamw_only = frozenset({"model.embed_tokens.weight", "lm_head.weight"})
        self.validation, self.bytes_per_token = validation, bytes_per_token
        self.context, self.batch_size = context or model.config.context, batch_size
        self.eval_tokens, self.sampler = eval_tokens, sampler

    def loss(self, group: str, batch: Any, rng: StepRng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Mean nats per target of (input_ids [B, T], targets [B, T])."""
        input_ids_BT, targets_BT = batch
        count = (targets_BT != IGNORE).sum().clamp(min=1)
        return sum_nats(self.model, self.model.hidden(input_ids_BT), targets_BT) / count, {}

    def validate(self, whole: bool) -> dict[str, float]:
        """val/loss_nats per token and val/bpb (bits per byte); the whole split is read in float32."""
        if self.validation is None or len(self.validation) < 2:
            return {}
        limit, nats, count = None if whole else self.eval_tokens, 0.0, 0
        with judging(self.model, whole) as device:
            rows = max(self.batch_size, VALIDATION_TOKENS // self.context)
            for inputs, targets in windows(self.validation, self.context, rows, limit):
                hidden = self.model.hidden(inputs.to(device))
                nats += float(sum_nats(self.model, hidden, targets.to(device)))
                count += int((targets != IGNORE).sum())
        if not count:
            return {}
        values = {"val/loss_nats": nats / count}
        if self.bytes_per_token:
            values["val/bpb"] = nats / count / math.log(2) / self.bytes_per_token
        return values

    def validation_tokens(self, whole: bool) -> int:
        """Tokens that `validate` reads."""
        count = max(0, len(self.validation) - 1) if self.validation is not None else 0
        return count if whole else min(count, self.eval_tokens)

    def samples(self) -> list[dict[str, Any]]:
        """[{"prompt", "text"}] from the sampler, [] without one."""
        return self.sampler(self.model) if self.sampler is not None else []
