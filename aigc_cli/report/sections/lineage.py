"""What was made from what, as a tree, with raw inputs and licences."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import AigcError
from aigc_cli.report.charts import bars
from aigc_cli.report.markup import Html, details, h, join, number, table
from aigc_cli.report.nodes import Node

MOST_SOURCES = 500


def trees(roots: Sequence[Path], nodes: Sequence[Node]) -> Html:
    """One tree for each root, then the raw files' licences."""
    by_digest = {node.digest: node for node in nodes}
    parts = []
    for i, path in enumerate(roots):
        first = next(n for n in nodes if i in n.roots and _same(n.path, path))
        parts.append(h('<ul class="tree">{}</ul>', _branch(first, by_digest, set())))
    return join([*parts, _licences(nodes)])


def _same(a: Path, b: Path) -> bool:
    return os.path.abspath(a) == os.path.abspath(b)


def _branch(node: Node, by_digest: dict[str, Node], seen: set[str]) -> Html:
    link = h('<b><a href="#{}">{}</a></b>', node.stage, node.stage)
    if not node.manifest:
        state = "made anew since" if node.changed else "no longer there"
        return h('<li>{} {} <span class="gone">{}</span></li>', link, node.name, state)
    counts = ", ".join(f"{number(v)} {k}" for k, v in list(node.counts.items())[:3] if isinstance(v, int | float))
    line = h("{} {} <code>{}</code> <small>{}</small>", link, node.name, node.digest[:8], counts)
    if node.digest in seen:
        return h("<li>{} <small>(see above)</small></li>", line)
    seen.add(node.digest)
    below = []
    for parent in node.manifest.get("parents", []):
        known = by_digest.get(parent["digest"])
        below.append(_branch(known, by_digest, seen) if known else _gone(parent))
    below += [_raw(entry) for entry in node.manifest.get("raw", [])]
    return h("<li>{}<ul>{}</ul></li>", line, join(below)) if below else h("<li>{}</li>", line)


def _gone(parent: dict[str, Any]) -> Html:
    return h(
        '<li><b>{}</b> {} <span class="gone">no longer there</span></li>',
        parent.get("stage", "?"),
        parent.get("path", ""),
    )


def _raw(entry: dict[str, Any]) -> Html:
    if "directory" in entry:
        return h("<li><b>folder</b> {} <small>{} files</small></li>", entry["directory"], number(entry.get("files")))
    if "file" in entry:
        return h("<li><b>file</b> {} <small>{} bytes</small></li>", entry["file"], number(entry.get("bytes")))
    [(name, value), *_] = [*entry.items(), ("input", "")]
    return h("<li><b>{}</b> {}</li>", name, str(value)[:120])


def _licences(nodes: Sequence[Node]) -> Html:
    """How many raw files there are of each licence, and the files themselves in a fold."""
    sources: dict[str, str] = {}
    problems = []
    for node in nodes:
        if node.stage == "collect" and node.manifest:
            try:
                sources.update(_sources(node.path))
            except AigcError as error:
                problems.append(h('<p class="gone">{}</p>', error.message))
    if not sources:
        return join(problems)
    counts = Counter(sources.values())
    rows = sorted(sources.items())
    cut = f" (the first {MOST_SOURCES:,})" if len(rows) > MOST_SOURCES else ""
    return join([
        h("<h3>Licences <small>of {} raw files</small></h3>", number(len(sources))),
        bars(dict(counts.most_common()), unit="files", colour=2),
        details(f"All files{cut}", table(["file", "licence"], rows[:MOST_SOURCES])),
        *problems,
    ])  # fmt: skip


def _sources(directory: Path) -> dict[str, str]:
    """Licence of each raw file in the document shards at `directory`."""
    from aigc_cli.core.shards import Shards

    found: dict[str, str] = {}
    for batch in Shards.open(directory).batches(["source", "license"]):
        for source, licence in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            found.setdefault(source, licence or "unknown licence")
    return found
