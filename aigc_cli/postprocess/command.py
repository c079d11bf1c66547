"""`aigc postprocess`."""

from __future__ import annotations

from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.postprocess.options import CorrectOptions, FilterOptions

app = new_app(help="Filter and correct generated text.")
Source = Annotated[str, typer.Argument(help="JSONL or text file, directory of a run, or - for stdin.")]


@app.command("filter", cls=Command)
@options
def filter_command(source: Source, rules: FilterOptions, common: Common) -> None:
    """Drop bad texts: too short, looping, private, profane, duplicate, or copied from the training text.

    Each dropped text goes to rejected.jsonl with the rule and the reason. With - the kept records go to stdout.

    \b
    Examples:
      aigc postprocess filter runs/generate -o runs/kept --shards shards/
      aigc postprocess filter - --language en < texts.jsonl > kept.jsonl
    """
    from aigc_cli.core import console
    from aigc_cli.postprocess.api import filter as run

    result = run(source, rules, common)
    if result is not None:
        console.finish(result, json=common.json)


@app.command("correct", cls=Command)
@options
def correct_command(source: Source, rules: CorrectOptions, common: Common) -> None:
    """Correct English spelling and English and Chinese punctuation; code, links and names are left alone.

    Every change is listed in corrections.jsonl. With - the corrected records go to stdout.

    \b
    Examples:
      aigc postprocess correct runs/kept -o runs/corrected --diff
      aigc postprocess correct - --pangu < texts.txt > corrected.jsonl
    """
    from aigc_cli.core import console
    from aigc_cli.postprocess.api import correct as run

    result = run(source, rules, common)
    if result is not None:
        console.finish(result, json=common.json)
