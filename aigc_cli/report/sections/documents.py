"""What collect and clean kept, and what they threw away and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_cli.report.charts import bars, histogram
from aigc_cli.report.markup import Html, clip, counted, details, h, join, number, plain, short, table, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.diff import marked
from aigc_cli.report.sections.passages import repeated

READ = {
    "rejected": "Could not be read",
    "skipped": "Skipped",
    "repaired": "Repaired",
}  # facts of collect: {reason: count}
EXAMPLE_CHARS = 400


def one(node: Node, options: ReportOptions) -> Html:
    """Counts, funnel, histograms and examples of a run of collect or clean."""
    facts = node.facts
    parts = [tiles(counted(node.counts))]
    if steps := facts.get("funnel"):
        parts += [
            h("<h3>Where documents went <small>rule by rule, in order</small></h3>"),
            funnel(steps, options.examples),
        ]
    for key, title in READ.items():
        if facts.get(key):
            parts += [h("<h3>{}</h3>", title), bars(largest_first(facts[key]), colour=7 if key == "rejected" else 2)]
    for key in ("examples", "skipped_examples"):
        if isinstance(facts.get(key), Mapping):
            parts.append(_where(facts[key], "skipped" if key != "examples" else "unreadable"))
    languages = facts.get("languages") or {}
    if languages.get("after"):
        parts += [
            h("<h3>Languages <small>of what stayed</small></h3>"),
            bars(largest_first(languages["after"]), colour=4),
        ]
    parts.append(_lengths(facts.get("lengths") or {}))
    parts.append(repeated(facts.get("passages") or {}))
    if facts.get("pii"):
        parts += [h("<h3>Personal data replaced by placeholders</h3>"), bars(largest_first(facts["pii"]), colour=1)]
    if isinstance(facts.get("examples"), list):
        parts.append(_repairs(facts["examples"][: options.examples]))
    parts.append(_clusters((facts.get("clusters") or [])[: options.examples]))
    return join(parts)


def largest_first(numbers: Mapping[str, int]) -> dict[str, int]:
    """The mapping by falling numbers (manifests sort their keys)."""
    return dict(sorted(numbers.items(), key=lambda item: (-item[1], item[0])))


def funnel(steps: list[dict[str, Any]], examples: int) -> Html:
    """One row a rule: what came in, what was dropped, as a bar; then reasons and examples in folds."""
    top = max((step["in"] for step in steps), default=1) or 1
    rows, folds = [], []
    for step in steps:
        kept, dropped = step["in"] - step["dropped"], step["dropped"]
        bar = join(
            h(f'<i style="width:{part / top * 100:.2f}%;--c:var(--{colour})"></i>')
            for part, colour in ((kept, "c2"), (dropped, "bad"))
        )
        name, loss = (
            step["rule"].replace("_", " "),
            h('<span class="why">−{}</span>', f"{dropped:,}") if dropped else "",
        )
        cells = h(
            "<td class=n>{}</td><td class=n>{}</td><td class=n>{}</td>", short(kept), loss, share(dropped, step["in"])
        )
        rows.append(h('<tr><th>{}</th><td class="split">{}</td>{}</tr>', name, bar, cells))
        if fold := _why(step, examples):
            folds.append(details(h("<b>{}</b> dropped {}: reasons and examples", step["rule"], f"{dropped:,}"), fold))
    chart = h(
        '<table class="bars">{}</table><p class="note">Green goes on to the next rule, red is dropped.</p>', join(rows)
    )
    return join([chart, *folds])


def share(part: int, whole: int) -> str:
    """A part as per cent; nothing for nothing."""
    return f"{part / whole:.1%}" if part and whole else ""


def _why(step: dict[str, Any], most: int) -> Html:
    parts = []
    if step.get("reasons"):
        parts.append(bars(largest_first(step["reasons"]), colour=7))
    parts += [example(entry) for entry in flatten(step.get("examples"))[:most]]
    return join(parts)


def flatten(examples: Any) -> list[dict[str, Any]]:
    """Examples as [{"text", "reason", ...}]: from such a list, from texts, or from {reason: examples}."""
    if isinstance(examples, Mapping):
        return [{"reason": reason, **entry} for reason, found in examples.items() for entry in flatten(found)]
    if not isinstance(examples, list):
        examples = [examples] if examples else []
    return [dict(entry) if isinstance(entry, Mapping) else {"text": str(entry)} for entry in examples]


def example(entry: Mapping[str, Any]) -> Html:
    """A text with the reason why it was dropped."""
    text = entry.get("text", entry.get("excerpt", entry.get("snippet", "")))
    where = entry.get("source", entry.get("id", ""))
    foot = [h('<span class="why">{}</span>', str(entry["reason"]).replace("_", " "))] if entry.get("reason") else []
    foot += [h("{}", clip(str(where), 90))] if where else []
    return h('<div class="text">{}<footer>{}</footer></div>', clip(str(text), EXAMPLE_CHARS), join(foot, " · "))


def _lengths(value: Mapping[str, Any]) -> Html:
    """Lengths in octaves, before and after cleaning."""
    if not value.get("from"):
        return Html("")
    edges = [*value["from"], value["from"][-1] * 2]
    unit = str(value.get("unit", "characters"))
    caption = "Each column is twice as long as the one before. Grey: what came in; blue: what stayed."
    chart = histogram(edges, value["after"], unit, behind=value.get("before"), caption=caption)
    return join([h("<h3>Lengths of the documents</h3>"), chart])


def _clusters(clusters: list[Mapping[str, Any]]) -> Html:
    """The largest groups of duplicates: the document that stayed, and how similar the others are."""
    made = []
    for cluster in clusters:
        others = ", ".join(f"{m.get('source')} ({m.get('similarity', 1):.0%})" for m in cluster.get("members", []))
        foot = f"{number(cluster.get('size'))} documents: {cluster.get('source')} stayed; {others}"
        made.append(
            h('<div class="text">{}<footer>{}</footer></div>', clip(str(cluster.get("text", "")), 240), clip(foot, 400))
        )
    return details("Largest groups of duplicates", join(made)) if made else Html("")


def _repairs(entries: list[Mapping[str, Any]]) -> Html:
    """Excerpts before and after repair or redaction, as red and green."""
    made = [
        h(
            '<div class="text">{}<footer>{} · {}</footer></div>',
            marked(str(e["before"]), str(e["after"])),
            e.get("rule", ""),
            e.get("source", ""),
        )
        for e in entries
        if "before" in e and "after" in e
    ]
    return details("Repairs and redactions, before and after", join(made), opened=True) if made else Html("")


def _where(examples: Mapping[str, Any], what: str) -> Html:
    """Places of what collect did not take, by reason."""
    rows = [[reason.replace("_", " "), plain(found, 300)] for reason, found in examples.items() if found]
    return details(f"Examples of {what} files", table(["reason", "where"], rows)) if rows else Html("")
