"""What was corrected, in red and green."""

from __future__ import annotations

from aigc_cli.report.charts import bars
from aigc_cli.report.markup import Html, counted, h, join, number, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.diff import edited


def one(node: Node, options: ReportOptions) -> Html:
    """Counts, edits by rule, and the first changed texts."""
    parts = [tiles(counted(node.counts))]
    rules = node.facts.get("rules")
    if isinstance(rules, dict) and rules:
        parts += [h("<h3>Edits by rule</h3>"), bars(dict(sorted(rules.items(), key=lambda item: -item[1])), colour=2)]
    changes = node.log("corrections.jsonl", options.examples)
    if changes:
        parts.append(h("<h3>Changes <small>point at one to see its rule</small></h3>"))
        template = '<div class="text">{}<footer>record {}</footer></div>'
        parts += [h(template, edited(c["before"], c["edits"]), number(c["record"])) for c in changes]
    return join(parts)
