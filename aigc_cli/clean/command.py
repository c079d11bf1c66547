"""`aigc clean`."""

from __future__ import annotations

from typing import Annotated

import typer

from aigc_cli.clean.options import CleanOptions
from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common

app = new_app()


@app.command(cls=Command)
@options
def clean(
    inputs: Annotated[
        list[str], typer.Argument(help="Files, directories, 'globs', a directory of shards, or - for stdin.")
    ],
    cleaning: CleanOptions,
    common: Common,
) -> None:
    """Clean documents: repair, filter, redact, deduplicate.

    Raw files are collected on the way. Every dropped document is counted with its reason.
    With - and without -o, cleaned documents go to stdout as JSON Lines.

    \b
    Examples:
      aigc clean raw/ -o shards/
      aigc clean docs/ --languages en,zh --keep-rejected -o clean/
      zcat dump.jsonl.gz | aigc clean - > clean.jsonl
    """
    from aigc_cli.clean.api import clean as run
    from aigc_cli.core import console

    console.finish(run(inputs, cleaning, common), json=common.json)
