"""How text became tokens."""

from __future__ import annotations

from typing import Any

from aigc_cli.report.charts import bars
from aigc_cli.report.markup import Html, clip, details, h, join, size, table, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.documents import share

MOST_PIECES = 400  # of one excerpt


def one(node: Node, options: ReportOptions) -> Html:
    """Vocabulary, bytes per token, splits, coloured samples and the most frequent pieces."""
    facts = node.facts
    parts = [tiles([
        ("bytes per token", facts.get("bytes_per_token") or _ratio(facts)), ("kind of vocabulary", facts.get("kind")),
        ("pieces", facts.get("vocab_size")), ("of them used", facts.get("used_pieces")),
        ("tokens in a record", facts.get("length")),
    ])]  # fmt: skip
    tokens = facts.get("tokens")
    if isinstance(tokens, dict):
        n_bytes, documents = facts.get("bytes", {}), facts.get("documents", {})
        padding, cropped, cut = (facts.get(key, {}) for key in ("padding", "cropped", "cut"))
        rows = [
            [name, documents.get(name), count, size(n_bytes.get(name, 0)), _part(padding, name, count),
             _part(cropped, name, count), share(cut.get(name, 0), documents.get(name, 0))]
            for name, count in tokens.items()
        ]  # fmt: skip
        parts.append(table(["split", "documents", "tokens", "text", "padding", "cropped", "cut documents"], rows))
    sample = [pieces for pieces in facts.get("sample") or [] if isinstance(pieces, list)]
    if sample:
        parts.append(h("<h3>Text as the model sees it <small>one colour, one token</small></h3>"))
        parts += [coloured(pieces) for pieces in sample[: max(options.examples, 1)]]
    if top := facts.get("top"):
        counts = {visible(str(piece)): count for piece, count in top[:30]}
        parts.append(details("Most frequent tokens", bars(counts, colour=4, most=30)))
    return join(parts)


def coloured(pieces: list[Any]) -> Html:
    """Tokens side by side in turning colours."""
    spans = [h('<span title="{}">{}</span>', visible(str(piece)), str(piece)) for piece in pieces[:MOST_PIECES]]
    return h('<div class="text tokens">{}</div>', join(spans))


def visible(piece: str) -> str:
    """A piece with its spaces and line breaks as signs."""
    return clip(piece.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥"), 40)


def _part(lost: dict[str, int], name: str, count: int) -> str:
    """Positions that hold no text, or tokens that were lost, as a share of those with them."""
    return share(lost.get(name, 0), lost.get(name, 0) + count)


def _ratio(facts: dict[str, Any]) -> float | None:
    tokens, n_bytes = facts.get("tokens"), facts.get("bytes")
    if not isinstance(tokens, dict) or not isinstance(n_bytes, dict) or not sum(tokens.values()):
        return None
    return float(sum(n_bytes.values()) / sum(tokens.values()))
