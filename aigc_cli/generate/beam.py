"""Beam search.

Shapes: R running beams, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aigc_cli.generate.engine import Engine, begin, room
from aigc_cli.generate.sample import Continuation, Plan
from aigc_cli.generate.stream import TextStream


@dataclass
class _Beam:
    tokens: list[int]
    score: float  # sum of (processed) log-probabilities
    logprob: float  # sum of the model's own
    finish: str = ""
    final: float = -np.inf  # score / length ** length_penalty, once finished


def beam_search(engine: Engine, prompt: Sequence[int], plan: Plan, n: int = 1) -> list[Continuation]:
    """The n best continuations that a beam of width plan.beams finds, best first.

    A hypothesis scores sum(log p) / length ** length_penalty (length: its new tokens, end token included).
    Each step extends every beam by every token and keeps the best 2 * beams: those among the first `beams`
    that end are finished, the best `beams` that do not end run on. The search ends when `beams` are finished
    and the best running one, at its present length, beats none of them; with a positive length penalty that is
    a heuristic, the one transformers calls early_stopping=False.
    Source: Graves 2012, "Sequence Transduction with Recurrent Neural Networks", section 2.5; length penalty
    after Wu et al. 2016, "Google's Neural Machine Translation System", section 7.
    """
    logits_RV = engine.prefill([prompt])
    prompt = begin(engine, prompt)
    limit = min(plan.max_new_tokens, room(engine) - len(prompt))
    running, finished = [_Beam([], 0.0, 0.0)], list[_Beam]()
    for length in range(1, limit + 1):
        ranked = _extend(running, logits_RV, prompt, plan)
        for _, beam in ranked:
            beam.finish = _ending(beam, plan, length == limit)
        for _, beam in ranked[: plan.beams]:
            if beam.finish:
                beam.final = beam.score / length**plan.length_penalty
                finished.append(beam)
        finished = sorted(finished, key=lambda b: -b.final)[: plan.beams]
        survivors = [(parent, beam) for parent, beam in ranked if not beam.finish][: plan.beams]
        if not survivors or _decided(survivors[0][1], finished, length, plan):
            break
        running = [beam for _, beam in survivors]
        engine.reorder(np.array([parent for parent, _ in survivors]))
        logits_RV = engine.step(np.array([beam.tokens[-1] for beam in running]))
    for beam in [] if finished else running[:1]:  # the strategies forbade every token
        beam.finish, beam.final = "length", beam.score / max(len(beam.tokens), 1) ** plan.length_penalty
        finished.append(beam)
    return [_continuation(beam, plan) for beam in finished[:n]]


def _extend(
    running: Sequence[_Beam], logits_RV: np.ndarray, prompt: Sequence[int], plan: Plan
) -> list[tuple[int, _Beam]]:
    """(parent row, beam) of the 2 * beams best one-token extensions, best first; ties by row, then id."""
    logits_RV = logits_RV.astype(np.float64)
    top_R1 = logits_RV.max(axis=1, keepdims=True)
    logs_RV = logits_RV - top_R1 - np.log(np.exp(logits_RV - top_R1).sum(axis=1, keepdims=True))
    scores_RV = logs_RV.copy()
    for row, beam in enumerate(running):
        history = np.array([*prompt, *beam.tokens], dtype=np.int64)
        for strategy, value in plan.strategies:
            scores_RV[row] = strategy(scores_RV[row], history, value)
        scores_RV[row] += beam.score
    scores, vocab_size = scores_RV.ravel(), scores_RV.shape[1]
    n = min(2 * plan.beams, scores.size)
    best = np.flatnonzero(scores >= np.partition(scores, scores.size - n)[scores.size - n])
    best = best[np.argsort(-scores[best], kind="stable")][:n]
    extended = []
    for place in best[scores[best] > -np.inf].tolist():
        row, token = divmod(place, vocab_size)
        parent = running[row]
        beam = _Beam([*parent.tokens, token], float(scores[place]), parent.logprob + float(logs_RV[row, token]))
        extended.append((row, beam))
    return extended


def _ending(beam: _Beam, plan: Plan, last: bool) -> str:
    if beam.tokens[-1] == plan.eos:
        return "eos"
    if plan.stop and _text(beam, plan).stopped:
        return "stop"
    return "length" if last else ""


def _decided(best: _Beam, finished: Sequence[_Beam], length: int, plan: Plan) -> bool:
    return len(finished) == plan.beams and best.score / length**plan.length_penalty <= finished[-1].final


def _text(beam: _Beam, plan: Plan) -> TextStream:
    stream = TextStream(plan.decode, plan.stop)
    for token in beam.tokens:
        if token != plan.eos:
            stream.feed(token)
    return stream


def _continuation(beam: _Beam, plan: Plan) -> Continuation:
    return Continuation(_text(beam, plan).text, beam.tokens, beam.logprob, beam.finish, beam.final)
