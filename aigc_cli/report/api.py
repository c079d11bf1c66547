"""`report`: walk the lineage of some runs and write one page about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aigc_cli.core.console import Result
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.files import atomic_write
from aigc_cli.core.options import Common
from aigc_cli.report.markup import size
from aigc_cli.report.nodes import gather
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.page import page


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
    facts = {"stages": len(nodes), "bytes": len(text.encode())}
    return Result("report", target, {"facts": facts}, [f"{target}: {stages} ({size(facts['bytes'])})"])


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
