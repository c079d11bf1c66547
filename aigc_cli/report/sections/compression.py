"""What quantising and exporting saved, and what it cost."""

from __future__ import annotations

from typing import Any

from aigc_cli.report.charts import bars
from aigc_cli.report.markup import Html, h, join, plain, size, table, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.training import facts_table

MEANING = {
    "perplexity": "among how many tokens the model wavers; lower is better",
    "kl_nats": "how far its answers are from the original's, in nats; 0 is equal",
    "top1": "how often its first choice is the original's",
}


def one(node: Node, options: ReportOptions) -> Html:
    """The compression table, size and speed as bars, and other facts."""
    facts = node.facts
    rows = [row for row in facts.get("compression") or [] if isinstance(row, dict)]
    speed = node.run.get("tokens_per_s")
    speeds = {k: float(v) for k, v in speed.items() if isinstance(v, int | float)} if isinstance(speed, dict) else {}
    parts = [tiles(_tiles(node, rows, speeds))]
    if rows:
        columns = list(dict.fromkeys(["model", *(k for row in rows for k in row)]))
        names = [c.replace("_", " ") for c in columns] + (["tokens/s"] if speeds else [])
        body = [[size(row[c]) if c == "bytes" and c in row else plain(row.get(c)) for c in columns]
                + ([speeds.get(str(row.get("model")))] if speeds else []) for row in rows]  # fmt: skip
        parts.append(table(names, body, str(facts.get("measured_on", ""))))
        notes = "; ".join(f"{k.replace('_', ' ')}: {v}" for k, v in MEANING.items() if k in columns)
        parts.append(h('<p class="note">{}</p>', notes))
        sizes = {str(row.get("model")): row["bytes"] / 1e6 for row in rows if isinstance(row.get("bytes"), int | float)}
        parts += [h("<h3>Size on disk</h3>"), bars(sizes, unit="MB", colour=0, form=".4g")]
    if speeds:
        parts += [
            h("<h3>Speed <small>one text at a time</small></h3>"),
            bars(speeds, unit="tokens/s", colour=2, form=".4g"),
        ]
    parts += [facts_table(key, facts.get(key)) for key in ("export", "parity") if facts.get(key)]
    return join(parts)


def _tiles(node: Node, rows: list[dict[str, Any]], speeds: dict[str, float]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [("parameters", node.counts.get("parameters"))]
    n_bytes = node.counts.get("bytes")
    found.append(("on disk", size(n_bytes) if isinstance(n_bytes, int | float) else None))
    if len(rows) > 1 and rows[0].get("bytes") and rows[-1].get("bytes"):
        found.append(("smaller than fp32", f"{rows[0]['bytes'] / rows[-1]['bytes']:.2g}×"))
        names = [str(rows[0].get("model")), str(rows[-1].get("model"))]
        if all(name in speeds for name in names) and speeds[names[0]] > 0:
            found.append(("its speed", f"{speeds[names[1]] / speeds[names[0]]:.2g}×"))
    return found
