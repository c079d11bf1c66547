"""`aigc doctor`."""

from __future__ import annotations

import typer

from aigc_cli.core.options import Common, options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
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
