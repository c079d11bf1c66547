"""`aigc doctor`."""

from __future__ import annotations

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common

app = new_app()


@app.command(cls=Command)
@options
def doctor(common: Common) -> None:
    """Show what this machine and installation can do: cores, memory, devices, packages, extras.

    \b
    aigc doctor
    aigc doctor --json
    """
    from aigc_cli.core import console
    from aigc_cli.doctor.api import doctor as run

    result = run(common)
    console.finish(result, json=common.json)
    if result.manifest["problems"]:
        raise typer.Exit(1)
