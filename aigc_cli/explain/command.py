"""`aigc explain`: one subcommand per question that can be put to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.explain.options import AnalogyOptions, AttentionOptions, FillOptions, NeighborOptions

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


@app.command("fill", cls=Command)
@options
def fill(
    model: Annotated[Path, typer.Argument(help=MODEL)],
    text: Annotated[str, typer.Argument(help="A text with [MASK] where a word is missing.")],
    shown: FillOptions,
    common: Common,
) -> None:
    """Say which words a BERT would put into the gaps of a text.

    \b
    Examples:
      aigc explain fill runs/bert "The [MASK] didn't cross the street because it was too [MASK]"
      aigc explain fill runs/bert "The cat [MASK] on the mat." --top 10 --json
    """
    from aigc_cli.core import console
    from aigc_cli.explain.fill import fill as run

    console.finish(run(model, text, shown), json=common.json)


@app.command("classify", cls=Command)
@options
def classify(
    model: Annotated[Path, typer.Argument(help=MODEL)],
    texts: Annotated[list[str], typer.Argument(help="One text or several.")],
    common: Common,
) -> None:
    """Say which label a text classifier gives to a text, and how sure it is.

    \b
    Examples:
      aigc explain classify runs/judge "I would buy it again." "Never again."
    """
    from aigc_cli.core import console
    from aigc_cli.explain.classify import classify as run

    console.finish(run(model, texts), json=common.json)


@app.command("neighbors", cls=Command)
@options
def neighbors(
    model: Annotated[Path, typer.Argument(help="Word vectors: the directory of a run.")],
    words: Annotated[list[str], typer.Argument(help="One word or several.")],
    shown: NeighborOptions,
    common: Common,
) -> None:
    """Show the words whose vectors lie nearest to that of a word.

    \b
    Examples:
      aigc explain neighbors runs/word2vec river
      aigc explain neighbors runs/glove river town --top 3 --json
    """
    from aigc_cli.core import console
    from aigc_cli.explain.words import neighbors as run

    console.finish(run(model, words, shown), json=common.json)


@app.command("analogy", cls=Command)
@options
def analogy(
    model: Annotated[Path, typer.Argument(help="Word vectors: the directory of a run.")],
    a: Annotated[str, typer.Argument(help="As this word ...")],
    b: Annotated[str, typer.Argument(help="... is to this one ...")],
    c: Annotated[str, typer.Argument(help="... so is this word to the answer.")],
    shown: AnalogyOptions,
    common: Common,
) -> None:
    """Answer "a is to b as c is to ?" with word vectors.

    \b
    Examples:
      aigc explain analogy runs/word2vec man woman king
    """
    from aigc_cli.core import console
    from aigc_cli.explain.words import analogy as run

    console.finish(run(model, a, b, c, shown), json=common.json)
