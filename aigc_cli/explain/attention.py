"""`explain attention`: where every head looks while a model reads a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.files import atomic_write
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.explain.maps import Maps, attention_maps
from aigc_cli.explain.options import AttentionOptions
from aigc_cli.models.bundle import Bundle

VERSION = 1
FILE = "attention.json"
DIGITS = 6
MOST_ROWS = 64  # of the table on a terminal


def attention(
    model: str | Path, text: str, options: AttentionOptions | None = None, common: Common | None = None
) -> Result:
    """The attention of every layer and head; with common.output a run whose report draws it.

    manifest (a run: attention.json): {"text", "maps": [{"kind", "queries", "keys", "weights" [L][H][T][S]}]}.
    Source: Vaswani et al. 2017, "Attention Is All You Need", equation 1.
    """
    options, common = options or AttentionOptions(), common or Common()
    bundle = Bundle.open(model)
    console.detail(bundle.describe())
    if common.dry_run:
        return Result("attention", None, {}, [f"would read {len(text)} characters with {bundle.describe()}"])
    if common.output is None:
        found = _chosen(attention_maps(bundle, text, options.target), options)
        return Result("attention", None, _values(text, found), _lines(bundle, found, options))
    asked = {"text": text, **resolved(options, common)}
    with Run(
        common.output, stage="attention", version=VERSION, options=asked, inputs=[bundle.path], common=common
    ) as run:
        hint = f"aigc report {run.path}"
        if run.up_to_date:
            return run.result(next=hint)
        found = _chosen(attention_maps(bundle, text, options.target), options)
        atomic_write(run.dir / FILE, json.dumps(_values(text, found), ensure_ascii=False) + "\n")
        counts = {"maps": sum(m.weights_LHTS.shape[0] * m.weights_LHTS.shape[1] for m in found)}
        return run.publish(counts=counts, lines=_lines(bundle, found, options), next=hint)


def _chosen(found: list[Maps], options: AttentionOptions) -> list[Maps]:
    """Only the layer and the head asked for."""
    kept = []
    for maps in found:
        n_layer, n_head = maps.weights_LHTS.shape[:2]
        for name, value, count in (("layer", options.layer, n_layer), ("head", options.head, n_head)):
            if value is not None and value > count:
                raise ConfigError(f"there is no {name} {value}", f"the model has {count}: --{name} 1 to {count}")
        layers = slice(None) if options.layer is None else slice(options.layer - 1, options.layer)
        heads = slice(None) if options.head is None else slice(options.head - 1, options.head)
        kept.append(Maps(maps.kind, maps.queries, maps.keys, maps.weights_LHTS[layers, heads]))
    return kept


def _values(text: str, found: list[Maps]) -> dict[str, Any]:
    maps = [
        {"kind": m.kind, "queries": m.queries, "keys": m.keys,
         "weights": np.round(m.weights_LHTS.astype(float), DIGITS).tolist()}
        for m in found
    ]  # fmt: skip
    return {"text": text, "maps": maps}


def _lines(bundle: Bundle, found: list[Maps], options: AttentionOptions) -> list[str]:
    """One table per kind of attention: a row a head."""
    return [_table(f"{bundle.path}, {maps.kind} attention", maps, options) for maps in found]


def _table(title: str, maps: Maps, options: AttentionOptions) -> str:
    first_layer, first_head = options.layer or 1, options.head or 1
    rows = []
    asked = _positions(maps.queries, options.word) if options.word else None
    for layer, heads in enumerate(maps.weights_LHTS, start=first_layer):
        for head, weights_TS in enumerate(heads, start=first_head):
            links = _links(maps, weights_TS, asked, options.top)
            rows.append([layer, head, float(_entropy(weights_TS)), links])
    hidden = len(rows) - MOST_ROWS
    if hidden > 0:
        title += f" ({hidden} heads more: choose with --layer and --head, or write all with -o DIR)"
    what = f"'{options.word}' looks at" if options.word else "strongest links"
    return console.table(title, ["layer", "head", "entropy (nats)", what], rows[:MOST_ROWS])


def _links(maps: Maps, weights_TS: np.ndarray, asked: list[int] | None, top: int) -> str:
    """The strongest links; without a word, links of a token with itself or with the first one tell little."""
    if asked is not None:
        row_S = weights_TS[asked].mean(0)
        best = np.argsort(-row_S, kind="stable")[:top]
        return ", ".join(f"{maps.keys[k].strip() or '_'} {row_S[k]:.2f}" for k in best)
    shown = weights_TS.copy()
    if maps.queries == maps.keys:
        np.fill_diagonal(shown, 0.0)
        shown[:, 0] = 0.0
    best = np.argsort(-shown, axis=None, kind="stable")[:top]
    pairs = [divmod(int(i), shown.shape[1]) for i in best if shown.flat[i] > 0]
    return ", ".join(f"{maps.queries[q].strip()}→{maps.keys[k].strip()} {shown[q, k]:.2f}" for q, k in pairs)


def _positions(queries: list[str], word: str) -> list[int]:
    """The tokens of the first place where `word` stands; ConfigError when it does not."""
    joined, starts = "", []
    for piece in queries:
        starts.append(len(joined))
        joined += piece
    starts.append(len(joined))
    place = joined.find(word)
    if place < 0:
        raise ConfigError(f"'{word}' does not stand in the text", "give --word one of its words")
    end = place + len(word)
    return [i for i in range(len(queries)) if starts[i] < end and starts[i + 1] > place]


def _entropy(weights_TS: np.ndarray) -> np.floating:
    """Mean entropy of the rows in nats: 0 looks at one token only, ln S at all alike."""
    w = np.maximum(weights_TS.astype(float), 1e-12)
    return -(weights_TS * np.log(w)).sum(-1).mean()
