"""Does the exported graph say what the model says? Logits against torch, at several shapes, after writing.

Shapes: B rows, P tokens in the cache, S new tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from aigc_cli.compress.onnx_run import Graph
from aigc_cli.core.errors import AigcError

# (batch, sequence, past): the first prompt, single steps, several tokens after a cache, one token from nothing.
CASES = ((1, 16, 0), (1, 1, 7), (3, 5, 9), (1, 1, 1), (1, 1, 0), (2, 1, 12))
RAGGED = ((7, 4, 1), 3)  # lengths of the rows of a padded prompt, and how many steps follow it

Reference = Callable[[np.ndarray], np.ndarray]  # ids int64 [B, T] -> logits float32 [B, T, V], without any cache


def check_parity(graph: Graph, reference: Reference, tolerance: float, seed: int = 0) -> list[dict[str, Any]]:
    """One row per case with the largest difference; AigcError when one is above `tolerance` or not a number."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for batch, sequence, past in CASES:
        if past + sequence <= graph.arch.context:
            ids_BT = rng.integers(0, graph.arch.vocab, (batch, past + sequence))
            difference = _cached(graph, reference, ids_BT, past)
            rows.append({"batch": batch, "sequence": sequence, "past": past, "max_abs_diff": difference})
    lengths, steps = RAGGED
    if max(lengths) + steps <= graph.arch.context:
        ids_BT = rng.integers(0, graph.arch.vocab, (len(lengths), max(lengths) + steps))
        difference = _ragged(graph, reference, ids_BT, lengths, steps)
        rows.append({"batch": len(lengths), "sequence": 1, "past": "ragged", "max_abs_diff": difference})
    if not rows:
        raise AigcError(f"a context of {graph.arch.context} tokens is too short to verify", "give a model with more")
    for row in rows:
        if not row["max_abs_diff"] <= tolerance:  # also true for NaN
            shape = f"batch {row['batch']}, sequence {row['sequence']}, past {row['past']}"
            raise AigcError(
                f"the exported graph differs from the model by {row['max_abs_diff']:.3g} ({shape})",
                f"nothing was published; at most {tolerance:g} passes (--tolerance)",
            )
    return rows


def worst(rows: list[dict[str, Any]]) -> float:
    """The largest difference of all cases, rounded to two digits so that it is the same on every machine."""
    return float(f"{max(row['max_abs_diff'] for row in rows):.1e}")


def _cached(graph: Graph, reference: Reference, ids_BT: np.ndarray, past: int) -> float:
    """Difference at the last tokens when the first `past` ones went through the cache."""
    mask, cache = np.ones(ids_BT.shape, np.int64), graph.empty_cache(len(ids_BT))
    if past:
        _, cache = graph(ids_BT[:, :past], mask[:, :past], cache)
    logits_BSV, _ = graph(ids_BT[:, past:], mask, cache)
    return _difference(logits_BSV, reference(ids_BT)[:, past:])


def _ragged(graph: Graph, reference: Reference, ids_BT: np.ndarray, lengths: tuple[int, ...], steps: int) -> float:
    """Difference over single steps after a prompt whose rows are padded on the right to the longest."""
    columns = np.arange(max(lengths))
    mask = (columns[None] < np.array(lengths)[:, None]).astype(np.int64)
    wanted = [reference(ids_BT[row : row + 1, : length + steps])[0] for row, length in enumerate(lengths)]
    logits_BSV, cache = graph(ids_BT[:, : max(lengths)] * mask, mask, graph.empty_cache(len(lengths)))
    found = [_difference(logits_BSV[row, :n], wanted[row][:n]) for row, n in enumerate(lengths)]
    for step in range(steps):
        mask = np.concatenate([mask, np.ones((len(lengths), 1), np.int64)], 1)
        new = np.array([[ids_BT[row, length + step]] for row, length in enumerate(lengths)])
        logits_BSV, cache = graph(new, mask, cache)
        found += [_difference(logits_BSV[row, -1], wanted[row][n + step]) for row, n in enumerate(lengths)]
    return float(np.max(found))  # NaN stays NaN


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64))))


def torch_reference(model: Any) -> Reference:
    """The torch model as a Reference."""
    import torch

    def logits(ids_BT: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(np.ascontiguousarray(ids_BT))).float().numpy()

    return logits
