"""The page: head, summary, navigation, and one section for each stage."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module, resources
from itertools import groupby
from pathlib import Path

from aigc_cli.report.markup import Html, counted, details, h, join, pairs, size, table, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections import EXPLAINED, SECTIONS
from aigc_cli.report.sections.training import NAMES

# Nothing may run and nothing may be fetched, whatever a document's text holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(roots: Sequence[Path], nodes: Sequence[Node], options: ReportOptions) -> str:
    """The whole page as text; equal runs give equal text."""
    title = options.title or " and ".join(path.as_posix() for path in roots)
    style = Html(resources.files("aigc_cli.report").joinpath("style.css").read_text(encoding="utf-8"))
    groups = [(stage, list(found)) for stage, found in groupby(nodes, key=lambda node: node.stage)]
    parts = [_header(title, roots, nodes), _nav([stage for stage, _ in groups])]
    if len(roots) > 1:
        parts.append(_compared(roots, nodes))
    parts += [_section(stage, found, options) for stage, found in groups]
    parts.append(_lineage(roots, nodes))
    return h(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{}</title>\n'
        "<style>{}</style></head>\n<body><main>{}</main></body></html>\n",
        title, style, join(parts, "\n"),
    )  # fmt: skip


def _header(title: str, roots: Sequence[Path], nodes: Sequence[Node]) -> Html:
    stages = len({node.stage for node in nodes})
    lead = (
        f"Every stage that led here, from the raw files on: {len(nodes)} runs of {stages} stages. "
        "Each section says what the stage did, what it threw away and why, and what came out."
    )
    return h("<header><h1>{}</h1><p>{}</p></header>", title, lead)


def _nav(stages: list[str]) -> Html:
    links = [h('<a href="#{}">{}</a>', stage, stage) for stage in stages]
    arrow = Html(" <span>→</span> ")
    return h('<nav aria-label="Stages">{} <span>·</span> <a href="#lineage">lineage</a></nav>', join(links, arrow))


def _section(stage: str, nodes: list[Node], options: ReportOptions) -> Html:
    name = SECTIONS.get(stage)
    lead, parts = EXPLAINED.get(stage, ""), []
    if name is not None:
        module = import_module(f"aigc_cli.report.sections.{name}")
        if hasattr(module, "together"):
            parts.append(module.together(nodes, options))
    for node in nodes:
        heading = h("<h3>{} <small>{}</small></h3>", node.name, _when(node)) if len(nodes) > 1 else Html("")
        if not node.manifest:
            body = h(
                '<p class="gone">{}</p>', "made anew since: not what was used" if node.changed else "no longer there"
            )
        elif name is not None:
            body = module.one(node, options)
        else:
            body = tiles(counted(node.counts))
        parts.append(join([heading, body, _more(node)]))
    where = nodes[0].name if len(nodes) == 1 else f"{len(nodes)} runs"
    extra = f" · {_when(nodes[0])}" if len(nodes) == 1 and _when(nodes[0]) else ""
    head = h("<h2>{} <small>{}</small></h2>", stage.capitalize(), where + extra)
    return h('<section id="{}">{}<p class="lead">{}</p>{}</section>', stage, head, lead, join(parts))


def _when(node: Node) -> str:
    """How long the run took, where it is known."""
    seconds = node.run.get("time_s")
    return f"took {seconds:.1f} s" if isinstance(seconds, int | float) and seconds < 120 else (
        f"took {seconds / 60:.1f} min" if isinstance(seconds, int | float) else "")  # fmt: skip


def _more(node: Node) -> Html:
    """Folds with the options and files of a run."""
    if not node.manifest:
        return Html("")
    files = [[name, size(entry["bytes"])] for name, entry in sorted(node.manifest.get("files", {}).items())]
    options = {k: v for k, v in node.options.items() if v not in (None, [], "")}
    body = join([h("<h3>Options</h3>"), pairs(options), h("<h3>Files</h3>"), table(["file", "size"], files)])
    return details("Options and files", body)


def _compared(roots: Sequence[Path], nodes: Sequence[Node]) -> Html:
    """The runs named on the command line side by side: their own numbers, and the files' size."""
    mine = [next((n for n in nodes if n.path == path and n.manifest), None) for path in roots]
    columns: list[dict[str, object]] = []
    for node in mine:
        values: dict[str, object] = {}
        if node is not None:
            values = {"stage": node.stage, **dict(counted(node.counts))}
            for key, value in node.facts.items():
                if isinstance(value, int | float | str) and len(str(value)) <= 24:
                    values[key] = value
                elif key == "final" and isinstance(value, dict):
                    values.update({NAMES.get(str(k), str(k)): v for k, v in value.items()})
            values["size on disk"] = size(sum(f["bytes"] for f in node.manifest.get("files", {}).values()))
        columns.append(values)
    names = dict.fromkeys(name for values in columns for name in values)
    rows = [[name, *[values.get(name) for values in columns]] for name in names]
    head = ["", *[path.as_posix() for path in roots]]
    return h('<section id="compared"><h2>Side by side</h2>{}</section>', table(head, rows))


def _lineage(roots: Sequence[Path], nodes: Sequence[Node]) -> Html:
    from aigc_cli.report.sections import lineage

    lead = "What was made from what, back to the raw files. The eight letters begin each result's digest."
    template = '<section id="lineage"><h2>Lineage</h2><p class="lead">{}</p>{}</section>'
    return h(template, lead, lineage.trees(roots, nodes))
