"""What collect and clean kept, and what they threw away and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_cli.report.charts import bars, histogram
from aigc_cli.report.markup import Html, clip, details, h, join, number, plain, short, size, table, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.diff import marked

CHARTS = {  # facts that are {name: count}, and their titles
    "languages": "Languages", "sources": "Sources", "licenses": "Licences", "kinds": "Kinds of files",
    "readers": "Kinds of files", "encodings": "Encodings", "rejected": "Could not be read", "skipped": "Skipped",
    "repaired": "Repaired", "pii": "Personal data replaced", "redacted": "Personal data replaced",
}  # fmt: skip
EXAMPLE_CHARS = 400


def one(node: Node, options: ReportOptions) -> Html:
    """Counts, funnel, histograms and examples of a run of collect or clean."""
    facts = node.facts
    parts = [tiles((k.replace("_", " "), size(v) if k == "bytes" else v) for k, v in node.counts.items()
                   if isinstance(v, int | float))]  # fmt: skip
    if steps := funnel_steps(facts.get("funnel")):
        parts += [h("<h3>Where documents went <small>rule by rule, in order</small></h3>"), funnel(steps, options.examples)]
    for key, title in CHARTS.items():
        value = facts.get(key)
        if isinstance(value, Mapping) and value and all(isinstance(v, int | float) for v in value.values()):
            parts += [h("<h3>{}</h3>", title), bars(dict(sorted(value.items(), key=lambda i: -i[1])), colour=2)]
    parts.append(_lengths(facts.get("lengths")))
    parts.append(_clusters(facts.get("clusters"), options.examples))
    parts.append(_changes(next((facts[k] for k in ("diffs", "changes", "before_after") if facts.get(k)), None), options))
    parts.append(_examples(facts.get("examples"), "Examples of what could not be read"))
    return join(parts)


def funnel_steps(value: Any) -> list[dict[str, Any]]:
    """The steps of a funnel as [{"rule", "seen", "dropped", "reasons", "examples"}], from a list or a mapping."""
    if isinstance(value, Mapping):
        value = [{"rule": k, **v} if isinstance(v, Mapping) else {"rule": k, "dropped": v} for k, v in value.items()]
    steps = []
    for entry in value or []:
        seen = entry.get("seen", entry.get("in", entry.get("documents")))
        dropped = entry.get("dropped")
        kept = entry.get("kept", entry.get("out"))
        if dropped is None and seen is not None and kept is not None:
            dropped = seen - kept
        steps.append({"rule": entry.get("rule", entry.get("name", "?")), "seen": seen, "dropped": dropped or 0,
                      "changed": entry.get("changed"), "reasons": entry.get("reasons", {}),
                      "examples": entry.get("examples", [])})  # fmt: skip
    for i, step in enumerate(steps):
        if step["seen"] is None:
            step["seen"] = steps[i - 1]["seen"] - steps[i - 1]["dropped"] if i else sum(s["dropped"] for s in steps)
    return steps


def funnel(steps: list[dict[str, Any]], examples: int) -> Html:
    """One row a rule: what came in, what was dropped, as a bar; then reasons and examples in folds."""
    top = max((step["seen"] for step in steps), default=1) or 1
    rows, folds = [], []
    for step in steps:
        kept, dropped = step["seen"] - step["dropped"], step["dropped"]
        bar = f'<i style="width:{kept / top * 100:.2f}%;--c:var(--c2)"></i><i style="width:{dropped / top * 100:.2f}%;--c:var(--bad)"></i>'
        share = f"{dropped / step['seen']:.1%}" if step["seen"] and dropped else ""
        rows.append(h(f'<tr><th>{{}}</th><td class="split">{bar}</td><td class=n>{{}}</td><td class=n><span class="why">{{}}</span></td>'
                      "<td class=n>{}</td></tr>", step["rule"], short(kept), f"−{dropped:,}" if dropped else "", share))  # fmt: skip
        if fold := _why(step, examples):
            folds.append(details(h("<b>{}</b> dropped {}: reasons and examples", step["rule"], f"{dropped:,}"), fold))
    chart = h('<table class="bars">{}</table><p class="note">Green goes on to the next rule, red is dropped.</p>', join(rows))
    return join([chart, *folds])


def _why(step: dict[str, Any], most: int) -> Html:
    parts = []
    if isinstance(step["reasons"], Mapping) and step["reasons"]:
        parts.append(bars(dict(sorted(step["reasons"].items(), key=lambda i: -i[1])), colour=7))
    parts += [example(entry) for entry in flatten(step["examples"])[:most]]
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


def _lengths(value: Any) -> Html:
    """Lengths as {"edges", "counts"} or as {name: count}."""
    if not isinstance(value, Mapping) or not value:
        return Html("")
    title = h("<h3>Lengths of the documents</h3>")
    if "edges" in value and "counts" in value:
        edges, counts = list(value["edges"]), list(value["counts"])
        if len(edges) == len(counts):
            edges.append(edges[-1] * 2 if edges[-1] else 1)
        return join([title, histogram(edges, counts, str(value.get("unit", "characters")))])
    if all(isinstance(v, int | float) for v in value.values()):
        return join([title, bars(value, colour=0)])
    return join([title, table(["", "value"], [[k, plain(v)] for k, v in value.items()])])


def _clusters(value: Any, most: int) -> Html:
    """The largest groups of duplicates."""
    if not isinstance(value, list) or not value:
        return Html("")
    parts = []
    for entry in value[:most]:
        if isinstance(entry, Mapping):
            count = entry.get("size", entry.get("count", len(entry.get("ids", entry.get("members", [])))))
            text = entry.get("text", entry.get("excerpt", entry.get("kept", "")))
            members = entry.get("sources", entry.get("members", []))
            foot = f"{number(count)} documents" + (": " + plain(members, 240) if isinstance(members, list) and members else "")
            parts.append(h('<div class="text">{}<footer>{}</footer></div>', clip(str(text), 240), foot))
        else:
            parts.append(h('<div class="text">{}</div>', plain(entry, 240)))
    return details("Largest groups of duplicates", join(parts))


def _changes(value: Any, options: ReportOptions) -> Html:
    """Documents before and after repair, as red and green."""
    entries = flatten(value)
    made = []
    for entry in entries[: options.examples]:
        if "before" in entry and "after" in entry:
            foot = " · ".join(str(entry[k]) for k in ("rule", "source", "id") if entry.get(k))
            made.append(h('<div class="text">{}<footer>{}</footer></div>', marked(str(entry["before"]), str(entry["after"])), foot))
    return details("Repairs and redactions, before and after", join(made), opened=True) if made else Html("")


def _examples(value: Any, title: str) -> Html:
    entries = flatten(value)
    if not entries:
        return Html("")
    rows = [[str(e.get("reason", "")).replace("_", " "), clip(str(e.get("text", plain(e))), 160)] for e in entries[:50]]
    return details(title, table(["reason", "where"], rows))
