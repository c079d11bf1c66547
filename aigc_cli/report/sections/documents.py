"""What clean kept, and what it threw away and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_cli.report.charts import bars, histogram
from aigc_cli.report.markup import Html, clip, counted, details, h, join, number, short, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.collected import largest_first, side
from aigc_cli.report.sections.diff import excerpted, marked
from aigc_cli.report.sections.passages import repeated

EXAMPLE_CHARS = 400


def one(node: Node, options: ReportOptions) -> Html:
    """Counts, funnel, histograms and examples of a run of clean."""
    facts = node.facts
    parts = [tiles(counted(node.counts))]
    if steps := facts.get("funnel"):
        parts += [
            h("<h3>Where documents went <small>rule by rule, in order</small></h3>"),
            funnel(steps, options.examples),
        ]
    languages = facts.get("languages") or {}
    if languages.get("after"):
        parts += [
            h("<h3>Languages <small>of what stayed; grey: of what went</small></h3>"),
            _kept(languages.get("before") or {}, languages["after"]),
        ]
    parts.append(_lengths(facts.get("lengths") or {}))
    parts.append(repeated(facts.get("passages") or {}))
    if facts.get("pii"):
        parts += [h("<h3>Personal data replaced by placeholders</h3>"), bars(largest_first(facts["pii"]), colour=1)]
    parts.append(_counted(facts))
    if isinstance(facts.get("examples"), list):
        parts.append(_repairs(facts["examples"], options.examples))
    parts.append(clusters((facts.get("clusters") or [])[: options.examples]))
    return join(parts)


def _counted(facts: Mapping[str, Any]) -> Html:
    """What rules counted besides documents, and what documents were matched with most."""
    found = dict(facts.get("counted") or {})
    if most := (facts.get("matched") or {}).get("most"):
        found["matched"] = most
    parts = [
        h(
            "<h3>{}</h3>{}",
            f"Counted by {name}" if name != "matched" else "Matched most",
            bars(largest_first(n), colour=6),
        )
        for name, n in found.items()
        if isinstance(n, Mapping) and n
    ]
    return side(parts)


def _kept(before: Mapping[str, int], after: Mapping[str, int]) -> Html:
    """A bar for each language: what stayed, and behind it what went."""
    whole = {name: max(before.get(name, 0), after.get(name, 0)) for name in {**before, **after}}
    top, rows = max(whole.values()) or 1, []
    for name, count in list(largest_first(whole).items())[:20]:
        stayed = after.get(name, 0)
        bar = join(
            h(f'<i style="width:{part / top * 100:.2f}%;--c:var(--{colour})"></i>')
            for part, colour in ((stayed, "c4"), (count - stayed, "line"))
            if part
        )
        cells = h("<td class=n>{}</td><td class=n>{}</td>", f"{stayed:,}", f"of {count:,}" if count > stayed else "")
        rows.append(h('<tr><th scope="row">{}</th><td class="split">{}</td>{}</tr>', name, bar, cells))
    return h('<table class="bars">{}</table>', join(rows))


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
    """Each reason with its number and up to `most` examples of its own."""
    found = flatten(step.get("examples"))
    numbers = step.get("reasons") or {}
    parts = []
    for reason, count in largest_first(numbers).items():
        parts.append(h("<h4>{} <small>{}</small></h4>", str(reason).replace("_", " "), f"{count:,}"))
        parts += [example({**entry, "reason": ""}) for entry in found if entry.get("reason") == reason][:most]
    parts += [example(entry) for entry in found if entry.get("reason") not in numbers][:most]
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
    foot += [h("matched {}", clip(str(entry["matched"]), 90))] if entry.get("matched") else []
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


def clusters(found: list[Mapping[str, Any]]) -> Html:
    """The largest groups of duplicates: what stayed, what went, and where the most similar one differs."""
    made = []
    for cluster in found:
        gone = [
            f"{clip(str(m.get('source')), 120)} ({_alike(m.get('similarity', 1))})" for m in cluster.get("members", [])
        ]
        more = cluster.get("size", 0) - len(gone) - 1
        foot = f"went for it: {', '.join(gone)}" + (f" and {more:,} more" if more > 0 else "")
        size, kept = number(cluster.get("size")), cluster.get("source")
        parts = [
            h("<h4>{} documents, one stayed: <small>{}</small></h4>", size, kept),
            h('<div class="text">{}<footer>{}</footer></div>', clip(str(cluster.get("text", "")), 240), foot),
        ]
        if pair := cluster.get("nearest"):
            parts.append(_pair(pair))
        made.append(h('<div class="cluster">{}</div>', join(parts)))
    return details("Largest groups of duplicates", join(made), opened=True) if made else Html("")


def _alike(similarity: float) -> str:
    return f"{similarity:.0%} alike" if similarity < 1 else "equal"


def _pair(pair: Mapping[str, Any]) -> Html:
    """The place where a document that went differs from the one that stayed."""
    foot = f"{pair.get('source')}: red stood in what went, green in what stayed"
    return h('<div class="text">{}<footer>{}</footer></div>', excerpted(str(pair["gone"]), str(pair["kept"])), foot)


def _repairs(entries: list[Mapping[str, Any]], most: int) -> Html:
    """Excerpts before and after repair or redaction, as red and green: up to `most` of each rule."""
    by_rule: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        if "before" in entry and "after" in entry:
            by_rule.setdefault(str(entry.get("rule", "")), []).append(entry)
    made = []
    for rule, found in sorted(by_rule.items()):
        if found[:most]:
            made.append(h("<h4>{}</h4>", rule.replace("_", " ")))
        for e in found[:most]:
            text = marked(str(e["before"]), str(e["after"]), whole=False)
            made.append(h('<div class="text">{}<footer>{}</footer></div>', text, e.get("source", "")))
    return details("Repairs and redactions, before and after", join(made), opened=True) if made else Html("")
