"""`aigc lineage`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.lineage.options import LineageOptions

app = new_app()


@app.command(cls=Command)
@options
def lineage(
    path: Annotated[Path, typer.Argument(help="A directory or .pt file that a stage wrote.")],
    shown: LineageOptions,
    common: Common,
) -> None:
    """Show the chain from a result back to every raw file and its licence.

    \b
    aigc lineage runs/gpt
    aigc lineage runs/gpt --files --json
    """
    from aigc_cli.core import console
    from aigc_cli.lineage.api import lineage as run

    console.finish(run(path, shown, common), json=common.json)
