"""Loss curves, final numbers and samples of training runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from aigc_cli.report.charts import Series, lines
from aigc_cli.report.markup import Html, clip, details, h, join, number, plain, size, table, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.words import word_map

NAMES = {"val/loss_nats": "validation loss", "val/bpb": "bits per byte", "val/perplexity": "perplexity",
         "grad_norm": "gradient norm", "lr": "learning rate"}  # fmt: skip
HIDDEN = ("step", "tokens", "time_s", "time_tokens_per_s")
SMOOTHING_POINTS = 60  # training losses are averaged to about as many points


def together(nodes: Sequence[Node], options: ReportOptions) -> Html:
    """Training and validation loss of all runs in one chart, by step and by time."""
    logs = {node.digest: _numbers(node) for node in nodes if node.manifest}
    by_step: list[Series] = []
    by_time: list[Series] = []
    for colour, node in enumerate(n for n in nodes if n.manifest):
        records = logs[node.digest]
        for key in _losses(records):
            points = [(r["step"], r.get("time_s"), r[key]) for r in records if isinstance(r.get(key), int | float)]
            name = f"{node.name}: " if len(nodes) > 1 else ""
            validation = key.startswith("val/")
            name += NAMES.get(key, key) if validation else key.replace("/", " ").replace("loss", "training loss")
            for series, column in ((by_step, 0), (by_time, 1)):
                known = [p for p in points if isinstance(p[column], int | float)]
                if known:
                    x, y = [float(p[column] or 0) for p in known], [float(p[2]) for p in known]
                    series += _smooth(name, x, y, colour if len(nodes) > 1 else int(validation), validation)
    levels = {k: v for n in nodes for k, v in _levels(n).items()}
    caption = (
        "Loss in nats per token: 0 would be certainty. When the validation loss (dashed, on text the model never "
        "trains on) stops falling while the training loss falls on, the model begins to learn by heart."
    )
    charts = [lines(by_step, "step", "loss", levels=levels, caption=caption)]
    if by_time:
        charts.append(details("The same against time", lines(by_time, "seconds", "loss", levels=levels)))
    return join(charts)


def one(node: Node, options: ReportOptions) -> Html:
    """Final numbers, other curves, and samples over training."""
    facts, counts = node.facts, node.counts
    final = {NAMES.get(k, k): v for k, v in facts.get("final", {}).items()}
    speed = node.run.get("tokens_per_s")
    numbers = [("parameters", facts.get("parameters")), ("steps", counts.get("steps"))]
    numbers += [("tokens seen", counts.get("tokens")), *final.items()]
    numbers.append(("tokens a second", round(speed) if isinstance(speed, int | float) else None))
    parts = [tiles(numbers)]
    records = _numbers(node)
    for key in sorted({k for r in records for k in r} - set(HIDDEN) - set(_losses(records))):
        points = [(r["step"], float(r[key])) for r in records if isinstance(r.get(key), int | float)]
        if len(points) > 1:
            series = Series(key, [p[0] for p in points], [p[1] for p in points])
            parts.append(details(NAMES.get(key, key), lines([series], "step", NAMES.get(key, key))))
    parts.append(word_map(node))
    parts.append(_samples(node.log("samples.jsonl"), options.examples))
    parts.append(facts_table("distillation", facts.get("distillation")))
    parts.append(facts_table("rollbacks", facts.get("rollbacks")))
    return join(parts)


def _numbers(node: Node) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl that hold numbers; the others tell events."""
    return [record for record in node.log("metrics.jsonl") if "event" not in record]


def facts_table(title: str, value: Any) -> Html:
    """A fact that is a mapping or a list of mappings, as a table."""
    if isinstance(value, dict) and value:
        return join(
            [h("<h3>{}</h3>", title.capitalize()), table(["", "value"], [[k, plain(v)] for k, v in value.items()])]
        )
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        columns = list(dict.fromkeys(k for row in value for k in row))
        columns.sort(key=lambda c: c not in ("model", "name"))
        rows = [[size(row[c]) if c == "bytes" and row.get(c) else plain(row.get(c)) for c in columns] for row in value]
        return join([h("<h3>{}</h3>", title.capitalize()), table([c.replace("_", " ") for c in columns], rows)])
    return Html("")


def _losses(records: list[dict[str, Any]]) -> list[str]:
    """Keys of losses in nats: */loss and val/loss_nats."""
    keys = dict.fromkeys(k for r in records for k in r)
    return [k for k in keys if k.split("/")[-1] in ("loss", "loss_nats")]


def _levels(node: Node) -> dict[str, float]:
    """What a student is compared with, as horizontal lines: its teacher and the control trained from scratch."""
    rows = [row for row in node.facts.get("distillation") or [] if isinstance(row, dict)]
    return {
        str(row["model"]): float(row["val_nats"])
        for row in rows
        if row.get("model") in ("teacher", "control") and isinstance(row.get("val_nats"), int | float)
    }


def _smooth(name: str, x: list[float], y: list[float], colour: int, validation: bool) -> list[Series]:
    """The points as they are, or, where there are many, faint below their running mean."""
    if validation or len(x) <= 2 * SMOOTHING_POINTS:
        return [Series(name, x, y, colour, dashed=validation)]
    weight = 1 - 1 / max(2.0, len(x) / SMOOTHING_POINTS)
    mean, norm, smooth = 0.0, 0.0, []
    for value in y:
        mean, norm = weight * mean + (1 - weight) * value, weight * norm + 1 - weight
        smooth.append(mean / norm)
    return [Series(name, x, y, colour, faint=True), Series(name, x, smooth, colour)]


def _samples(records: list[dict[str, Any]], most: int) -> Html:
    """What the model wrote at each validation: the first prompt open, the others in folds."""
    by_prompt: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_prompt.setdefault(str(record.get("prompt", "")), []).append(record)
    if not by_prompt or not most:
        return Html("")
    parts = [h("<h3>Samples <small>same prompt, same random numbers, more and more training</small></h3>")]
    for i, (prompt, found) in enumerate(list(by_prompt.items())[:most]):
        steps = [list(group)[-1] for _, group in groupby(found, key=lambda r: r.get("step"))]
        chosen = spread(steps, min(most, 5))
        body = h('<div class="film">{}</div>', join(_text(prompt, r) for r in chosen))
        parts.append(body if i == 0 else details(f"Prompt: {clip(prompt, 70)}", body))
    return join(parts)


def spread(items: list[Any], n: int) -> list[Any]:
    """At most `n` items, evenly spread, with the first and the last."""
    if len(items) <= n:
        return items
    return [items[round(i * (len(items) - 1) / (n - 1))] for i in range(n)] if n > 1 else items[-1:]


def _text(prompt: str, record: dict[str, Any]) -> Html:
    step, text = f"step {number(record.get('step'))}", re.sub(r"\n{3,}", "\n\n", str(record.get("text", "")))
    return h(
        '<b>{}</b><div class="text"><span class="prompt">{}</span>{}</div>', step, clip(prompt, 300), clip(text, 600)
    )
