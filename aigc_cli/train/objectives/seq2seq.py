"""From a source to a target: the objective of encoder-decoder models.

Shapes: B sequences, S source tokens, T target tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import nn

from aigc_cli.evaluate.translation import bleu, chrf, exact_match
from aigc_cli.generate.engine_seq2seq import Seq2seqEngine
from aigc_cli.generate.sample import Plan, sample
from aigc_cli.train.batches.spans import Batch
from aigc_cli.train.data import IGNORE
from aigc_cli.train.judging import judging
from aigc_cli.train.objective import StepRng
from aigc_cli.train.objectives.lm import LOGITS_BYTES, sum_nats

if TYPE_CHECKING:
    from aigc_cli.models.seq2seq.model import Seq2seq
    from aigc_cli.models.tokenizer import Tokenizer

DECODED_TOGETHER = 32
ADAMW_ONLY = frozenset(
    {"shared.weight", "lm_head.weight",
     *(f"{s}.block.0.layer.0.SelfAttention.relative_attention_bias.weight" for s in ("encoder", "decoder"))}
)  # fmt: skip


class Validation(Protocol):
    """Sources and targets that are not trained on."""

    tokens: int

    def batches(self, limit_tokens: int | None = None) -> Iterator[Batch]:
        """All of them, or about `limit_tokens` tokens, the same every time."""
        ...


class Writer:
    """Greedy texts while a model trains: for samples, and at the end to be compared with what was wanted.

    `shown` and `judged` are pairs of id lists (source, target).
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        shown: Sequence[tuple[Sequence[int], Sequence[int]]] = (),
        judged: Sequence[tuple[Sequence[int], Sequence[int]]] = (),
        sample_tokens: int = 64,
    ) -> None:
        self.tokenizer, self.shown, self.judged, self.sample_tokens = tokenizer, shown, judged, sample_tokens

    def samples(self, model: Seq2seq) -> list[dict[str, Any]]:
        """[{"prompt", "text", "wanted"}]."""
        if not self.shown or self.sample_tokens < 1:
            return []
        written = self.write(model, [source for source, _ in self.shown], self.sample_tokens)
        return [
            {"prompt": self._plain(source), "text": self._plain(ids), "wanted": self._plain(target)}
            for (source, target), ids in zip(self.shown, written, strict=True)
        ]

    def judge(self, model: Seq2seq) -> dict[str, float]:
        """val/exact_match, val/bleu and val/chrf of greedy texts, in percent."""
        if not self.judged:
            return {}
        found = [self.tokenizer.decode(ids) for ids in self.write(model, [source for source, _ in self.judged])]
        wanted = [self.tokenizer.decode(target) for _, target in self.judged]
        return {
            "val/exact_match": exact_match(found, wanted), "val/bleu": bleu(found, wanted),
            "val/chrf": chrf(found, wanted),
        }  # fmt: skip

    def write(self, model: Seq2seq, sources: Sequence[Sequence[int]], limit: int | None = None) -> list[list[int]]:
        """The ids of the greedy text for each source; without `limit` at most twice as long as it and some."""
        device = next(model.parameters()).device
        engine = Seq2seqEngine(model.config, model.state_dict(), device, torch.float32)
        found: list[list[int]] = [[] for _ in sources]
        order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
        for begin in range(0, len(order), DECODED_TOGETHER):
            rows = order[begin : begin + DECODED_TOGETHER]
            most = min(2 * len(sources[rows[-1]]) + 16, model.config.context) if limit is None else limit
            plan = Plan(self.tokenizer.decode_bytes, self.tokenizer.eos, most, greedy=True)
            for row, one in zip(rows, sample(engine, [list(sources[r]) for r in rows], rows, plan), strict=True):
                found[row] = one.tokens
        return found

    def _plain(self, ids: Sequence[int]) -> str:
        """Text with the marks of cut spans as people know them."""
        marks = {token: f"<{number}>" for number, token in enumerate(self.tokenizer.sentinels)}
        parts, run = [], list[int]()
        for token in [*ids, -1]:
            if token in marks or token == -1:
                parts += [self.tokenizer.decode(run), marks.get(token, "")]
                run = []
            else:
                run.append(int(token))
        return "".join(parts)


class Seq2seqObjective:
    """Objective (see train/objective.py) of an encoder-decoder: cross-entropy of the target, given the source."""

    def __init__(
        self,
        model: Seq2seq,
        *,
        validation: Validation | None = None,
        eval_tokens: int = 16_384,
        writer: Writer | None = None,
    ) -> None:
        self.saved: nn.Module = model
        self.model: Any = model
        self.groups: Mapping[str, Mapping[str, nn.Parameter]] = {"seq2seq": dict(model.named_parameters())}
        self.adamw_only = ADAMW_ONLY
        # Scores are not divided by sqrt(D), so a step of a query matrix would move them sqrt(D) times as far.
        scale = model.config.head_dim**-0.5
        self.lr_scales = {name: scale for name in self.groups["seq2seq"] if name.endswith(".q.weight")}
        self.validation, self.eval_tokens, self.writer = validation, eval_tokens, writer

    def loss(self, group: str, batch: Batch, rng: StepRng) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Mean nats per target token."""
        source, mask, given, targets = batch
        count = (targets != IGNORE).sum().clamp(min=1)
        return sum_nats(self.model, self.model.hidden(source, given, mask), targets) / count, {}

    def validate(self, whole: bool) -> dict[str, float]:
        """val/loss_nats and val/token_accuracy (percent) per target token, on given targets; at the end, in float32,
        also what the writer judges."""
        if self.validation is None:
            return {}
        model, sums = self.model, np.zeros(3)
        with judging(model, whole) as device:
            for source, mask, given, targets in self.validation.batches(None if whole else self.eval_tokens):
                mask = mask if mask is None else mask.to(device)
                hidden = model.hidden(source.to(device), given.to(device), mask)
                sums += _sums(model, hidden, targets.to(device))
            values = self.writer.judge(model) if whole and self.writer is not None else {}
        if not sums[2]:
            return {}
        nats, right, count = (float(value) for value in sums)
        return {"val/loss_nats": nats / count, "val/token_accuracy": 100 * right / count, **values}

    def validation_tokens(self, whole: bool) -> int:
        """Tokens that `validate` reads."""
        count = self.validation.tokens if self.validation is not None else 0
        return count if whole else min(count, self.eval_tokens)

    def samples(self) -> list[dict[str, Any]]:
        """Greedy texts for a few sources of the validation split."""
        return self.writer.samples(self.model) if self.writer is not None else []


def _sums(model: Seq2seq, hidden: torch.Tensor, targets: torch.Tensor) -> np.ndarray:
    """[nats, right tokens, tokens]."""
    real = targets != IGNORE
    kept, wanted = hidden[real], targets[real]
    rows = max(1, LOGITS_BYTES // (4 * model.config.vocab_size))
    nats = right = 0.0
    for part, goal in zip(kept.split(rows), wanted.split(rows), strict=True):
        logits = model.head(part).float()
        nats += float(nn.functional.cross_entropy(logits, goal, reduction="sum"))
        right += int((logits.argmax(-1) == goal).sum())
    return np.array([nats, right, len(wanted)])
