"""`aigc report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.report.options import ReportOptions

app = new_app()


@app.command(cls=Command)
@options
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories or .pt files; several are compared.")],
    settings: ReportOptions,
    common: Common,
) -> None:
    """Write one HTML page about a run and every stage behind it.

    The page holds all it shows: no scripts, nothing from elsewhere. It goes to DIR/report.html, or to -o FILE.html.

    \b
    Examples:
      aigc report runs/gpt
      aigc report runs/gpt runs/student -o compare.html
    """
    from aigc_cli.core import console
    from aigc_cli.report.api import report as run

    console.finish(run(runs, settings, common), json=common.json)
