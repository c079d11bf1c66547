"""Where every head looks: a map of each, and arcs from the word that looks to the words that it looks at."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

from aigc_cli.core.errors import DataError
from aigc_cli.report.markup import Html, details, h, join
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions

FILE = "attention.json"
CELL, MOST_MAP = 10, 220  # pixels of a weight in a map, and of a map
LETTER, GAP = 7.2, 12.0  # width of a letter and of the space between tokens, in the units of the drawing
LINKS, WEAKEST = 3, 0.05  # arcs of a token: its strongest, none below
MOST_TOKENS = 96  # a longer text is shown as maps only


def one(node: Node, options: ReportOptions) -> Html:
    """The maps of all heads, and the arcs layer by layer (those of the last one open)."""
    path = node.directory / FILE
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
        parts = [h('<p class="text">{}</p>', loaded["text"])]
        parts += [_kind(maps) for maps in loaded["maps"]]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path} is damaged: {error}", "make that run again with --force") from error
    return join(parts)


def _kind(maps: dict[str, Any]) -> Html:
    queries, keys, layers = maps["queries"], maps["keys"], maps["weights"]
    note = (
        "One picture a head, one row of pictures a layer. Inside, a row is the token that looks, a column the token "
        "that it looks at; darker is more."
    )
    rows = [
        h('<div class="images">{}</div>', join(_map(w, f"layer {n}, head {m}") for m, w in enumerate(heads, start=1)))
        for n, heads in enumerate(layers, start=1)
    ]
    parts = [h("<h3>{} attention</h3>", maps["kind"].capitalize()), *rows, h('<p class="note">{}</p>', note)]
    if len(queries) + len(keys) <= 2 * MOST_TOKENS:
        draw = _arcs if queries == keys else _lines
        for n, heads in enumerate(layers, start=1):
            body = join(
                join([h("<h4>layer {}, head {}</h4>", n, m), draw(queries, keys, w)])
                for m, w in enumerate(heads, start=1)
            )
            parts.append(details(f"Arcs of layer {n}", body, opened=n == len(layers)))
    return join(parts)


def _map(weights: list[list[float]], name: str) -> Html:
    """One head's weights as a picture: white is 0, dark blue 1."""
    from PIL import Image

    height, width = len(weights), len(weights[0])
    image = Image.new("RGB", (width, height))
    image.putdata([_shade(value) for row in weights for value in row])
    factor = max(1, min(CELL, MOST_MAP // max(width, height)))
    buffer = io.BytesIO()
    image.resize((width * factor, height * factor), Image.Resampling.NEAREST).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return h('<img alt="{}" title="{}" src="data:image/png;base64,{}">', name, name, data)


def _shade(value: float) -> tuple[int, int, int]:
    # The square root lets small weights be seen.
    share = min(max(value, 0.0), 1.0) ** 0.5
    return round(255 - 218 * share), round(255 - 156 * share), round(255 - 54 * share)


def _strongest(weights: Sequence[Sequence[float]]) -> list[tuple[int, int, float]]:
    """(query, key, weight) of each query's strongest links."""
    links = []
    for query, row in enumerate(weights):
        best = sorted(range(len(row)), key=lambda k: (-row[k], k))[:LINKS]
        links += [(query, key, row[key]) for key in best if row[key] >= WEAKEST]
    return links


def _arcs(queries: list[str], keys: list[str], weights: list[list[float]]) -> Html:
    """Tokens on a line; arcs above look back, arcs below look ahead."""
    middles, x = [], GAP
    for token in queries:
        width = max(1, len(token.strip())) * LETTER
        middles.append(x + width / 2)
        x += width + GAP
    links = [(q, k, w) for q, k, w in _strongest(weights) if q != k]
    above = max((abs(middles[q] - middles[k]) for q, k, _ in links if k < q), default=0.0) / 4 + 14
    below = max((abs(middles[q] - middles[k]) for q, k, _ in links if k > q), default=0.0) / 4 + 8
    base = above + 10
    parts = []
    for q, k, w in links:
        y, bow = (base - 12, -1) if k < q else (base + 6, 1)
        height = abs(middles[q] - middles[k]) / 2 * bow
        path = (
            f"M{middles[q]:.1f} {y:.1f}Q{(middles[q] + middles[k]) / 2:.1f} {y + height:.1f} {middles[k]:.1f} {y:.1f}"
        )
        parts.append(_link(path, w, f"{queries[q]} → {keys[k]}: {w:.3f}"))
    for token, middle in zip(queries, middles, strict=True):
        text = f'<text class="name" x="{middle:.1f}" y="{base:.1f}" text-anchor="middle">{{}}</text>'
        parts.append(h(text, token.strip() or "␣"))
    return _drawing(x, base + below + 8, join(parts))


def _lines(queries: list[str], keys: list[str], weights: list[list[float]]) -> Html:
    """Queries on the left, keys on the right, lines between them."""
    row = 20.0
    left = max(len(t.strip()) for t in queries) * LETTER + GAP
    right = left + 160
    parts = []
    for q, k, w in _strongest(weights):
        path = f"M{left + 4:.1f} {(q + 0.7) * row:.1f}L{right - 4:.1f} {(k + 0.7) * row:.1f}"
        parts.append(_link(path, w, f"{queries[q]} → {keys[k]}: {w:.3f}"))
    for x, anchor, tokens in ((left, "end", queries), (right, "start", keys)):
        for i, token in enumerate(tokens):
            text = f'<text class="name" x="{x:.1f}" y="{(i + 0.9) * row:.1f}" text-anchor="{anchor}">{{}}</text>'
            parts.append(h(text, token.strip() or "␣"))
    width = right + max(len(t.strip()) for t in keys) * LETTER + GAP
    return _drawing(width, (max(len(queries), len(keys)) + 0.5) * row, join(parts))


def _link(path: str, weight: float, told: str) -> Html:
    style = f'style="--c:var(--c0);stroke-width:{0.6 + 3 * weight:.2f};opacity:{min(1.0, 0.15 + weight):.2f}"'
    return h(f'<path class="line" {style} d="{path}"><title>{{}}</title></path>', told)


def _drawing(width: float, height: float, body: Html) -> Html:
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" style="width:{width:.0f}px"'
    return h(f'<div class="scroll"><svg {size} role="img" aria-label="attention">{{}}</svg></div>', body)
