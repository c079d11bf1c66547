"""Results of `aigc eval`: perplexity, bits per byte, and the n-gram model that a network must beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_cli.report.charts import bars
from aigc_cli.report.markup import Html, h, join, plain, table
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions


def one(node: Node, options: ReportOptions) -> Html:
    """The numbers of one evaluation, and the comparison with its n-gram model."""
    rows = [[k.replace("_", " "), plain(v)] for k, v in node.facts.items() if not isinstance(v, Mapping)]
    parts = [table(["", "value"], rows)]
    if isinstance(node.facts.get("ngram"), Mapping):
        parts.append(_ngram(node.name, node.facts["ngram"], node.facts.get("ngram_order")))
    return join(parts)


def _ngram(name: str, rows: Mapping[str, Any], order: Any) -> Html:
    """Bits per byte of the model and of the n-gram model, by language."""
    shown = {}
    for language, row in rows.items():
        shown[f"{language}: the model"] = row.get("model_bpb", 0.0)
        shown[f"{language}: {order}-gram model"] = row.get("ngram_bpb", 0.0)
    note = "Bits per byte: lower is better. A network that does not beat counting has not learned to read yet."
    title = h("<h3>Against a {}-gram model <small>{}</small></h3>", order, name)
    return join([title, bars(shown, form=".4g", colour=4), h('<p class="note">{}</p>', note)])
