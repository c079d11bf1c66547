"""What the filter dropped and why."""

from __future__ import annotations

from typing import Any

from aigc_cli.report.charts import histogram
from aigc_cli.report.markup import Html, counted, details, h, join, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.documents import funnel
from aigc_cli.report.sections.texts import text

COPY_EDGES = [0, 1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 50, 100, 1000]  # words
MOST_RECORDS = 20_000  # whose copied spans are counted


def one(node: Node, options: ReportOptions) -> Html:
    """Counts, the funnel with examples, copied spans, and the first texts that stayed."""
    parts = [tiles(counted(node.counts))]
    parts.append(funnel(node.facts.get("funnel", []), options.examples))
    kept = node.log("kept.jsonl", MOST_RECORDS)
    parts.append(_copies(kept))
    if kept and options.examples:
        parts.append(details("The first texts that stayed", join(text(record) for record in kept[: options.examples]
                                                                  if isinstance(record.get("text"), str))))  # fmt: skip
    return join(parts)


def _copies(records: list[dict[str, Any]]) -> Html:
    """How long the longest span copied from the training text is, for the texts that stayed."""
    checks = [r.get("checks") for r in records]
    words = [c["copied"]["words"] for c in checks if isinstance(c, dict) and isinstance(c.get("copied"), dict)]
    if not words:
        return Html("")
    counts = [sum(low <= w < high for w in words) for low, high in zip(COPY_EDGES, COPY_EDGES[1:], strict=False)]
    caption = "Long spans mean that the model recites its training text instead of writing."
    return join([h("<h3>Copied from the training text <small>longest span of each text that stayed</small></h3>"),
                 histogram(COPY_EDGES, counts, "words", caption=caption)])  # fmt: skip
