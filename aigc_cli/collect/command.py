"""`aigc collect`."""

from __future__ import annotations

from typing import Annotated

import typer

from aigc_cli.collect.options import CollectOptions
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common

app = new_app()


@app.command(cls=Command)
@options
def collect(
    inputs: Annotated[
        list[str], typer.Argument(help="Files, directories, 'globs', directories of shards, URLs, or - for stdin.")
    ],
    reading: CollectOptions,
    fetching: FetchOptions,
    common: Common,
) -> None:
    """Collect raw files into document shards.

    Reads .txt .md .html .json .jsonl .csv .tsv .parquet .arrow, web archives (.warc .wet), MediaWiki dumps (.xml)
    and source code, also inside .gz .bz2 .xz .zst .zip .tar.
    What cannot be read is counted with its reason; the rest is kept.

    \b
    Examples:
      aigc collect raw/ -o docs/
      aigc collect https://example.org/dump.jsonl.gz 's3://bucket/pages/*.html' -o docs/
      aigc collect project/ --licenses permissive -o code/
      zcat dump.jsonl.gz | aigc collect - --license CC0-1.0 -o docs/
    """
    from aigc_cli.collect.api import collect as run
    from aigc_cli.core import console

    console.finish(run(inputs, reading, common, fetching), json=common.json)
