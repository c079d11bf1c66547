"""`aigc eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.evaluate.options import EvalOptions

app = new_app()
MODEL = "Run directory, .pt file, Hugging Face directory or ONNX directory; default: the newest model."


@app.command(cls=Command)
@options
def evaluate(
    rules: EvalOptions, common: Common, model: Annotated[Path | None, typer.Argument(help=MODEL)] = None
) -> None:
    """Perplexity and bits per byte of a model on its validation data, on other shards or on text files.

    \b
    Examples:
      aigc eval runs/gpt --ngram 5
      aigc eval runs/student-int8 --shards book.txt --json
    """
    from aigc_cli.core import console
    from aigc_cli.evaluate.api import evaluate as run

    console.finish(run(model, rules, common), json=common.json)
