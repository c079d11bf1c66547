"""`aigc generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.generate.options import DrawOptions, GenerateOptions

app = new_app()
MODEL = "Run directory, .pt file, Hugging Face directory or ONNX directory; default: the newest model."


@app.command(cls=Command)
@options
def generate(
    rules: GenerateOptions,
    drawing: DrawOptions,
    common: Common,
    model: Annotated[Path | None, typer.Argument(help=MODEL)] = None,
) -> None:
    """Write text or draw pictures with a model: the continuation of each prompt on stdout, with --json as JSON lines.

    -o DIR writes a run (generated.jsonl, lineage to the model, resumable), -o FILE.jsonl only the JSON lines.

    Prompts come from --prompt, a file or stdin; with none of them the text starts from nothing. Models of pictures
    draw --n of them into a run.

    \b
    Examples:
      aigc generate --top-p 0.9 --prompt "Once upon a time"
      aigc generate runs/diffusion --n 16 --label cat --guidance 2 -o cats
      aigc generate runs/gpt --prompts prompts.txt --n 3 -o runs/texts
    """
    from aigc_cli.core import console
    from aigc_cli.generate.api import generate as run

    console.finish(run(model, rules, common, drawing), json=common.json and common.output is not None)
