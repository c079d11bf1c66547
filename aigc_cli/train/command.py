"""`aigc train`: one subcommand per model family."""

from __future__ import annotations

from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.models.gpt.config import Shape
from aigc_cli.train.options import TrainOptions

app = new_app()


@app.callback()
def train() -> None:
    """Train a model. Each family is a command of its own: aigc train gpt --help."""


@app.command("gpt", cls=Command)
@options
def gpt(
    shards: Annotated[
        list[str], typer.Option(help="Token shards, document shards or raw files.", rich_help_panel="Data")
    ],
    shape: Shape,
    training: TrainOptions,
    common: Common,
) -> None:
    """Train a GPT: a decoder-only Transformer that transformers opens as Qwen3ForCausalLM.

    \b
    Examples:
      aigc train gpt --shards shards/
      aigc train gpt --shards tokens/ --depth 6 --minutes 10 -o runs/large
      aigc train gpt --shards shards/ -o teacher.pt
    """
    from aigc_cli.core import console
    from aigc_cli.train.api import train as run

    console.finish(run("gpt", shards, shape, training, common), json=common.json)
