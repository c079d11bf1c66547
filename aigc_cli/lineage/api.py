"""The lineage of a result as a tree, with its raw files and licences."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from aigc_cli.core.console import Result
from aigc_cli.core.lineage import walk
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards
from aigc_cli.lineage.options import LineageOptions

UNKNOWN = "unknown licence"


def lineage(path: Path | str, options: LineageOptions | None = None, common: Common | None = None) -> Result:
    """The chain of stages behind `path`; facts: "stages", "sources" ({file: licence}) and "licenses" (counts).

    Raises DataError when `path` has no manifest. A directory of the chain that is gone or was made anew since is
    said so, and what lies behind it is unknown.
    """
    options = options or LineageOptions()
    stages = walk(path)
    sources: dict[str, str] = {}
    lines = []
    for stage in stages:
        lines.append("  " * stage["depth"] + f"{stage['stage']:<10} {stage['path']}{_state(stage)}")
        if stage["stage"] == "collect" and stage["manifest"] is not None and not stage["changed"]:
            sources.update(_sources(Path(stage["path"])))
    licenses = Counter(sources.values())
    if sources:
        told = ", ".join(f"{count} {name}" for name, count in licenses.most_common())
        lines.append(f"{len(sources)} raw files: {told}")
    if options.files:
        lines += [f"  {name}  ({license})" for name, license in sorted(sources.items())]
    facts: dict[str, Any] = {
        "stages": [{k: v for k, v in stage.items() if k != "manifest"} for stage in stages],
        "licenses": dict(licenses),
        "sources": sources,
    }
    return Result("lineage", Path(path), facts, lines)


def _state(stage: dict[str, Any]) -> str:
    if stage["manifest"] is None:
        return "  (gone)"
    if stage["changed"]:
        return "  (made anew since: not what was used)"
    counts = stage["manifest"].get("counts", {})
    shown = ", ".join(f"{value:,} {name}" for name, value in counts.items() if isinstance(value, int))
    return f"  ({shown})" if shown else ""


def _sources(directory: Path) -> dict[str, str]:
    """Licence of each raw file in the document shards at `directory`."""
    found: dict[str, str] = {}
    for batch in Shards.open(directory).batches(["source", "license"]):
        for source, license in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            found.setdefault(source, license or UNKNOWN)
    return found
