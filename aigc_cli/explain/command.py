"""`aigc explain`: one subcommand per question that can be put to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.explain.options import AttentionOptions

app = new_app()

MODEL = "Run directory, .pt file or Hugging Face directory."


@app.callback()
def explain() -> None:
    """Look into a trained model: what it knows, and where it looks."""


@app.command("attention", cls=Command)
@options
def attention(
    model: Annotated[Path, typer.Argument(help=MODEL)],
    text: Annotated[str, typer.Argument(help="What the model reads.")],
    shown: AttentionOptions,
    common: Common,
) -> None:
    """Show where every head looks while the model reads a text.

    \b
    Examples:
      aigc explain attention runs/gpt "The animal didn't cross the street because it was too tired" --word it
      aigc explain attention runs/gpt "The animal slept." -o attention && aigc report attention
    """
    from aigc_cli.core import console
    from aigc_cli.explain.attention import attention as run

    console.finish(run(model, text, shown, common), json=common.json)
