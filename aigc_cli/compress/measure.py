"""What quantising costs and gives: perplexity, KL from fp32, top-1 agreement, decoding speed.

Shapes: N records, T tokens of a record, V vocabulary.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from aigc_cli.compress.onnx_run import Graph
from aigc_cli.core.errors import DataError
from aigc_cli.core.shards import Shards
from aigc_cli.generate.engine_onnx import OnnxEngine

ROUNDS = 5  # of the speed measurement, the models taking turns
STEPS, PROMPT = 32, 16  # tokens of one round, and before it


def validation_windows(shards: Path, count: int, length: int, vocab: int) -> np.ndarray:
    """The first `length` tokens of up to `count` validation records, evenly spaced, int64 [N, T].

    Raises DataError when the records are none of a model with `vocab` tokens.
    """
    opened = Shards.open(shards)
    split = "validation" if "validation" in opened.splits else None
    views = [view for view in opened.fixed("input_ids", split, below=vocab) if len(view)]
    total = sum(len(view) for view in views)
    if not total:
        raise DataError(f"{shards} has no validation records", "tokenize with a larger --val-fraction")
    rows = np.unique(np.linspace(0, total - 1, min(count, total)).astype(np.int64))
    starts = np.cumsum([0, *(len(view) for view in views)])
    parts = np.searchsorted(starts, rows, side="right") - 1
    return np.stack([views[p][row - starts[p]][:length] for p, row in zip(parts, rows, strict=True)]).astype(np.int64)


def sampled_windows(graph: Graph, count: int, length: int, seed: int) -> np.ndarray:
    """Text that the model writes itself (temperature 1), int64 [N, T]: for a model whose data is not here."""
    rng = np.random.default_rng(seed)
    ids_NT = rng.integers(0, graph.arch.vocab, (count, 1))
    new, cache = ids_NT, graph.empty_cache(count)
    while ids_NT.shape[1] < length:
        logits, cache = graph(new, np.ones(ids_NT.shape, np.int64), cache)
        probabilities = np.exp(log_softmax(logits[:, -1])).cumsum(-1)
        draws = rng.random((count, 1)) * probabilities[:, -1:]
        new = np.minimum((probabilities < draws).sum(-1, keepdims=True), graph.arch.vocab - 1)
        ids_NT = np.concatenate([ids_NT, new], 1)
    return ids_NT


def quality(windows_NT: np.ndarray, reference: Graph, graph: Graph) -> dict[str, float]:
    """{"perplexity", "kl_nats", "top1"} of `graph` over all predicted tokens; KL(reference || graph), a mean per token.

    Rounded to four digits: threads and instruction sets change the last ones.
    """
    nats = kl = agree = 0.0
    for row in windows_NT:
        wanted, found = (log_softmax(g.logits(row[None])[0, :-1]) for g in (reference, graph))
        nats -= found[np.arange(len(row) - 1), row[1:]].sum()
        kl += (np.exp(wanted) * (wanted - found)).sum()
        agree += (wanted.argmax(-1) == found.argmax(-1)).sum()
    tokens = windows_NT.shape[0] * (windows_NT.shape[1] - 1)
    values = {"perplexity": np.exp(nats / tokens), "kl_nats": max(kl / tokens, 0.0), "top1": agree / tokens}
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def cache_kl(graph: Graph, ids_T: np.ndarray) -> float:
    """Mean KL in nats between the tokens of one record read at once and read singly through the cache.

    Not zero for integer weights: the kernels for one row and for many round differently.
    """
    whole = log_softmax(graph.logits(ids_T[None])[0])
    cache, singly = graph.empty_cache(1), []
    for position in range(len(ids_T)):
        mask = np.ones((1, position + 1), np.int64)
        logits, cache = graph(ids_T[None, position : position + 1], mask, cache)
        singly.append(log_softmax(logits[0, -1]))
    return float((np.exp(whole) * (whole - np.stack(singly))).sum(-1).mean())


def decode_rates(directories: dict[str, Path], prompt: np.ndarray) -> dict[str, float]:
    """Greedy tokens per second of batch 1 with the engine of `aigc generate`, by name of the ONNX directory.

    Medians of rounds in which the models take turns; {} when their context is too short for a round.
    """
    engines = {name: OnnxEngine(directory) for name, directory in directories.items()}
    context = min(engine.context for engine in engines.values())
    before = max(1, min(PROMPT, len(prompt), context - STEPS))
    steps = min(STEPS, context - before)
    if steps < 1:
        return {}
    rates: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            token = engine.prefill([prompt[:before].tolist()]).argmax(-1)
            start = time.perf_counter()
            for _ in range(steps):
                token = engine.step(token).argmax(-1)
            rates[name].append(steps / (time.perf_counter() - start))
    return {name: median(values) for name, values in rates.items()}


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities along the last axis, in float64."""
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def row(name: str, size_bytes: int, facts: dict[str, float]) -> dict[str, Any]:
    """One line of the compression table as the manifest keeps it."""
    return {"model": name, "bytes": size_bytes, **facts}
