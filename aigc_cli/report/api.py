"""`report`: walk the lineage of some runs and write one page about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aigc_cli.core.console import Result, table
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.files import atomic_write
from aigc_cli.core.options import Common
from aigc_cli.report.markup import size
from aigc_cli.report.nodes import Node, gather
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.page import page

COLUMNS = {
    "model": "model",
    "mb": "MB",
    "nats": "nats/token",
    "bpb": "bits/byte",
    "perplexity": "perplexity",
    "kl": "KL nats",
    "top1": "top-1",
    "speed": "tokens/s",
}
MEASURED = {"nats": "val_nats", "bpb": "bpb", "perplexity": "perplexity", "kl": "kl_nats", "top1": "top1"}


def report(
    runs: Sequence[Path | str] | Path | str, options: ReportOptions | None = None, common: Common | None = None
) -> Result:
    """Write the page about `runs` and all behind them; the Result's path is the HTML file.

    The file is -o, else report.html in the only run directory (it is no part of its payload, so the run stays what it
    was), else report.html here. Raises DataError for a path without manifest.
    """
    options, common = options or ReportOptions(), common or Common()
    paths = [Path(run) for run in ([runs] if isinstance(runs, str | Path) else runs)]
    if not paths:
        raise ConfigError("there is nothing to report on", "name a run directory: aigc report runs/gpt")
    target = _target(paths, common.output)
    nodes = gather(paths)
    stages = ", ".join(dict.fromkeys(node.stage for node in nodes))
    if common.dry_run:
        return Result("report", target, {}, [f"would write {target} about {stages}"])
    text = page(paths, nodes, options)
    target.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(target, text)
    rows = models(nodes)
    facts = {"stages": len(nodes), "bytes": len(text.encode()), "models": rows}
    lines = [f"{target}: {stages} ({size(len(text.encode()))})"]
    if rows:
        lines.insert(0, table("models", list(COLUMNS.values()), [[row.get(k) for k in COLUMNS] for row in rows]))
    return Result("report", target, {"facts": facts}, lines)


def models(nodes: Sequence[Node]) -> list[dict[str, object]]:
    """One row a model that the runs of distill and quantize measured: size, quality, speed."""
    rows: list[dict[str, object]] = []
    for node in nodes:
        speeds = node.run.get("tokens_per_s")
        for row in [*node.facts.get("distillation", []), *node.facts.get("compression", [])]:
            name = str(row.get("model"))
            rows.append(
                {
                    **{shown: row.get(key) for shown, key in MEASURED.items()},
                    "model": f"{node.name}: {name}",
                    "mb": row["bytes"] / 1e6 if "bytes" in row else None,
                    "speed": speeds.get(name) if isinstance(speeds, dict) else None,
                }
            )
    return rows


def _target(paths: list[Path], output: Path | None) -> Path:
    if output is not None:
        if output.is_dir() or output.suffix.lower() not in (".html", ".htm"):
            raise ConfigError(
                f"-o {output} is no HTML file",
                f"write -o {output}/report.html" if output.is_dir() else "end it in .html",
            )
        return output
    if len(paths) > 1:
        return Path("report.html")
    return paths[0] / "report.html" if paths[0].is_dir() else paths[0].with_suffix(".html")
