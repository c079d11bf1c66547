"""The decoding loop: greedy and sampled continuations of a batch of sequences.

Shapes: B sequences, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aigc_cli.generate.engine import Engine, begin, room
from aigc_cli.generate.stream import Decode, TextStream
from aigc_cli.generate.uniform import uniform

Strategies = Sequence[tuple[Callable[..., np.ndarray], Any]]


@dataclass
class Plan:
    """How to decode: what of the options and the tokenizer the loops need."""

    decode: Decode
    eos: int | None
    max_new_tokens: int = 200
    greedy: bool = False
    strategies: Strategies = ()
    stop: Sequence[str] = ()
    seed: int = 0
    beams: int = 1
    length_penalty: float = 1.0


@dataclass
class Continuation:
    """One continuation. `logprob` is in nats under the model itself, before any strategy, end token included.

    `finish`: "eos" (the model ended the text), "stop" (a stop string), "length" (the budget or the context).
    """

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    logprob: float = 0.0
    finish: str = ""
    score: float | None = None


class _Row:
    """A sequence while it is decoded."""

    def __init__(self, prompt: Sequence[int], sequence: int, plan: Plan, limit: int) -> None:
        self.ids = np.empty(limit, dtype=np.int64)  # prompt (or start token) and continuation
        self.ids[: len(prompt)] = prompt
        self.length, self.limit, self.sequence = len(prompt), limit, sequence
        self.stream = TextStream(plan.decode, plan.stop)
        self.result = Continuation()

    def append(self, token: int, logprob: float, eos: int | None) -> str:
        """Takes the next token; gives the text to show and sets `result.finish` at the end."""
        self.ids[self.length] = token
        self.length += 1
        self.result.tokens.append(token)
        self.result.logprob += logprob
        text = "" if token == eos else self.stream.feed(token)
        if token == eos:
            self.result.finish = "eos"
        elif self.stream.stopped:
            self.result.finish = "stop"
        elif self.length == self.limit:
            self.result.finish = "length"
        return text + self.end() if self.result.finish else text

    def end(self) -> str:
        """Closes the text; gives what was held back."""
        rest = self.stream.close()
        self.result.text = self.stream.text
        return rest


def sample(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    sequences: Sequence[int],
    plan: Plan,
    show: Callable[[str], None] | None = None,
) -> list[Continuation]:
    """One continuation per prompt, decoded as one batch.

    prompts: ids, each shorter than the context; equal ones (the same object) are read once. sequences: the
    numbers that key the random draws. show: called with the new text of row 0 while it is written.
    """
    begun = [begin(engine, prompt) for prompt in prompts]
    rows = [
        _Row(prefix, number, plan, min(len(prefix) + plan.max_new_tokens, room(engine)))
        for prefix, number in zip(begun, sequences, strict=True)
    ]
    logits_BV = _prefill(engine, prompts)
    live = list(rows)
    while live:
        tokens, logprobs = _choose(logits_BV, live, plan)
        for row, token, logprob in zip(live, tokens, logprobs, strict=True):
            if token < 0:  # the strategies forbid every token
                row.result.finish, text = "length", row.end()
            else:
                text = row.append(token, logprob, plan.eos)
            if show is not None and row is rows[0] and text:
                show(text)
        kept = [i for i, row in enumerate(live) if not row.result.finish]
        if len(kept) < len(live):
            live = [live[i] for i in kept]
            if live:
                engine.reorder(np.array(kept))
        if live:
            logits_BV = engine.step(np.array([row.ids[row.length - 1] for row in live]))
    return [row.result for row in rows]


def log_softmax_at(logits_BV: np.ndarray, tokens_B: np.ndarray) -> np.ndarray:
    """Log-probabilities [B] (float64, nats) of one token a row."""
    top_B1 = logits_BV.max(axis=1, keepdims=True)
    total_B = np.exp(logits_BV - top_B1).sum(axis=1, dtype=np.float64)
    chosen_B = logits_BV[np.arange(len(tokens_B)), tokens_B].astype(np.float64)
    return chosen_B - top_B1[:, 0] - np.log(total_B)


def draw(logits_V: np.ndarray, number: float) -> int:
    """The token whose share of the cumulative distribution holds `number` in [0, 1); -1 when none may follow."""
    allowed = np.flatnonzero(logits_V > -np.inf)
    if allowed.size == 0:
        return -1
    cumulative = np.cumsum(np.exp(logits_V[allowed] - logits_V[allowed].max()))
    place = int(np.searchsorted(cumulative, number * cumulative[-1], side="right"))
    return int(allowed[min(place, allowed.size - 1)])


def _prefill(engine: Engine, prompts: Sequence[Sequence[int]]) -> np.ndarray:
    unique: dict[int, int] = {}
    for prompt in prompts:
        unique.setdefault(id(prompt), len(unique))
    rows = np.array([unique[id(prompt)] for prompt in prompts])
    first = [int(np.argmax(rows == number)) for number in range(len(unique))]
    logits_BV = engine.prefill([prompts[i] for i in first])
    if len(first) == len(prompts):
        return logits_BV
    engine.reorder(rows)
    return logits_BV[rows]


def _choose(logits_BV: np.ndarray, rows: Sequence[_Row], plan: Plan) -> tuple[list[int], list[float]]:
    """The next token of every row and its log-probability."""
    if plan.greedy and not plan.strategies:
        tokens_B = logits_BV.argmax(axis=1)
    else:
        tokens_B = np.array([_choose_one(logits_V, row, plan) for logits_V, row in zip(logits_BV, rows, strict=True)])
    return tokens_B.tolist(), log_softmax_at(logits_BV, tokens_B).tolist()


def _choose_one(logits_V: np.ndarray, row: _Row, plan: Plan) -> int:
    shaped_V = logits_V.astype(np.float64)
    for strategy, value in plan.strategies:
        shaped_V = strategy(shaped_V, row.ids[: row.length], value)
    if plan.greedy:
        best = int(shaped_V.argmax())
        return best if shaped_V[best] > -np.inf else -1
    return draw(shaped_V, uniform(plan.seed, row.sequence, row.length))
