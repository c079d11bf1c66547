"""How text became tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aigc_cli.report.charts import bars, histogram
from aigc_cli.report.markup import Html, details, h, join, number, size, table, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.documents import share
from aigc_cli.report.sections.pieces import coloured, visible, vocabulary

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
NAMES = {"und": "not told", "und-Hani": "not told, with Han characters"}


def one(node: Node, options: ReportOptions) -> Html:
    """Vocabulary, bytes per token, splits, packing, coloured samples and the pieces."""
    facts = node.facts
    parts = [tiles([
        ("bytes per token", facts.get("bytes_per_token") or _ratio(facts)), ("kind of vocabulary", facts.get("kind")),
        ("pieces", facts.get("vocab_size")), ("of them used", facts.get("used_pieces")),
        ("of tokens are bytes", _percent(facts.get("byte_share"))), ("tokens in a record", facts.get("length")),
    ])]  # fmt: skip
    parts += [_splits(facts), _packing(node), _languages(facts.get("languages") or {})]
    parts += [_sizes(facts.get("sizes") or {}), _ratios(facts.get("ratios") or {})]
    parts.append(_passages(facts.get("sample") or [], max(options.examples, 1)))
    if top := facts.get("top"):
        counts = {visible(str(piece)): count for piece, count in top[:30]}
        parts.append(details("Most frequent tokens", bars(counts, colour=4, most=30)))
    parts.append(vocabulary(facts.get("vocabulary") or {}))
    return join(parts)


def _splits(facts: Mapping[str, Any]) -> Html:
    tokens = facts.get("tokens")
    if not isinstance(tokens, dict):
        return Html("")
    n_bytes, documents, records = (facts.get(key, {}) for key in ("bytes", "documents", "records"))
    rows = [
        [name, documents.get(name), count, records.get(name), size(n_bytes.get(name, 0))]
        for name, count in tokens.items()
    ]
    body = table(["split", "documents", "tokens", "records", "text"], rows)
    return h('<div class="packing">{}</div>', body)


def _packing(node: Node) -> Html:
    """What the records hold, and what other ways of packing would have lost."""
    facts = node.facts
    tokens, keys = facts.get("tokens"), ("padding", "cropped", "cut")
    if not isinstance(tokens, dict) or not all(isinstance(facts.get(key), dict) for key in keys):
        return Html("")
    total, documents = sum(tokens.values()), sum(facts.get("documents", {}).values())
    mine = {key: sum(facts[key].values()) for key in keys}
    ways = dict(facts.get("ways") or {})
    taken = str(node.options.get("pack", "this run"))
    everything = total + mine["cropped"]
    rows = []
    for name, way in {taken: mine, **ways}.items():
        held = everything - way["cropped"]
        named = f"{name} (this run)" if name == taken != "this run" else name
        rows.append([
            named, _shares(held, way["padding"], way["cropped"]),
            _of(way["padding"], held + way["padding"]), _of(way["cropped"], everything), _of(way["cut"], documents),
        ])  # fmt: skip
    note = "Green is text, grey is padding (positions that teach nothing), red is text that was cropped away."
    head = h("<h3>Packing <small>what records of {} tokens hold</small></h3>", number(facts.get("length")))
    body = table(["way", "", "padding", "cropped", "documents in several records"], rows)
    return join([head, h('<div class="packing">{}</div>', body), h('<p class="note">{}</p>', note)])


def _shares(held: int, padding: int, cropped: int) -> Html:
    whole = held + padding + cropped or 1
    parts = ((held, "c2"), (padding, "muted"), (cropped, "bad"))
    bar = join(h(f'<i style="width:{n / whole * 100:.2f}%;--c:var(--{colour})"></i>') for n, colour in parts if n)
    return h('<div class="split wide">{}</div>', bar)


def _of(part: int, whole: int) -> str:
    return share(part, whole) or "0%"


def _languages(found: Mapping[str, Mapping[str, int]]) -> Html:
    """Bytes per token and tokens that are bytes, by language."""
    order = sorted(found.items(), key=lambda item: -item[1]["bytes"])
    most = max((_per(entry) for _, entry in order), default=0) or 1
    rows = [
        [NAMES.get(name, name), _bar(_per(e) / most), round(_per(e), 2),
         _of(e["byte_tokens"], e["tokens"]), e["documents"], size(e["bytes"])]
        for name, e in order
    ]  # fmt: skip
    if not rows:
        return Html("")
    columns = ["language", "", "bytes per token", "of tokens are bytes", "documents", "text"]
    return join([h("<h3>Bytes per token, by language</h3>"), h('<div class="packing">{}</div>', table(columns, rows))])


def _bar(part: float) -> Html:
    return h(f'<div class="bar"><i style="width:{part * 100:.1f}%;--c:var(--c4)"></i></div>')


def _sizes(found: Mapping[str, Any]) -> Html:
    """Bytes per token by the size of documents."""
    named = {}
    for k, low in enumerate(found.get("from") or []):
        tokens, documents = found["tokens"][k], found["documents"][k]
        if tokens:
            unit = f"{size(low)} to {size(2 * low)}: {documents:,} document{'s' if documents != 1 else ''}"
            named[unit] = found["bytes"][k] / tokens
    title = h("<h3>Bytes per token, by size of document</h3>")
    return join([title, bars(named, colour=6, most=40, form=".2f")]) if named else Html("")


def _ratios(found: Mapping[str, Any]) -> Html:
    counts = list(found.get("counts") or [])
    if not counts:
        return Html("")
    edges = [k * float(found["step"]) for k in range(len(counts) + 1)]
    chart = histogram(edges, counts, "bytes per token", caption="Documents by how many bytes a token of theirs holds.")
    return join([h("<h3>How documents differ</h3>"), chart]) if chart else Html("")


def _passages(sample: list[Any], most: int) -> Html:
    """Passages in turning colours; those of one language together."""
    made = []
    for entry in sample[:most]:
        entry = entry if isinstance(entry, Mapping) else {"tokens": entry}
        tokens = entry.get("tokens")
        if not isinstance(tokens, list) or not tokens:
            continue
        language = str(entry.get("language") or "")
        spoken = h(' lang="{}"', language) if LANGUAGE.fullmatch(language) else Html("")
        told = [NAMES.get(language, language), str(entry.get("source") or ""), f"{len(tokens)} tokens"]
        foot = h("<footer>{}</footer>", " · ".join(part for part in told if part))
        made.append(h('<div class="text tokens"{}>{}{}</div>', spoken, coloured(tokens), foot))
    if not made:
        return Html("")
    note = "One colour, one token; the id shows on hovering. Dotted: single bytes of characters that have no piece."
    return join([h("<h3>Text as the model sees it</h3>"), h('<p class="note">{}</p>', note), *made])


def _percent(value: Any) -> str | None:
    return f"{value:.2%}" if isinstance(value, int | float) else None


def _per(entry: Mapping[str, int]) -> float:
    return entry["bytes"] / max(entry["tokens"], 1)


def _ratio(facts: dict[str, Any]) -> float | None:
    tokens, n_bytes = facts.get("tokens"), facts.get("bytes")
    if not isinstance(tokens, dict) or not isinstance(n_bytes, dict) or not sum(tokens.values()):
        return None
    return float(sum(n_bytes.values()) / sum(tokens.values()))
