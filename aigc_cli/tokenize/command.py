"""`aigc tokenize`."""

from __future__ import annotations

from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.tokenize.options import PictureOptions, TokenizeOptions

app = new_app()


@app.command(cls=Command)
@options
def tokenize(
    inputs: Annotated[list[str], typer.Argument(help="Document shards, or raw files: these are collected first.")],
    vocabulary: TokenizeOptions,
    pictures: PictureOptions,
    common: Common,
) -> None:
    """Train a tokenizer and pack documents into fixed-size records; or resize pictures into such records.

    Any text comes back unchanged. Documents are split by content into train and validation.
    The result opens with datasets.load_from_disk and transformers' AutoTokenizer (in tokenizer/).

    \b
    Examples:
      aigc tokenize docs/ -o tokens/
      aigc tokenize docs/ --kind bpe --vocab-size 8192 --length 1024 -o tokens/
      aigc tokenize pictures/ --size 32 -o records/
      aigc tokenize more/ --tokenizer tokens/tokenizer -o more-tokens/
    """
    from aigc_cli.core import console
    from aigc_cli.tokenize.api import tokenize as run

    console.finish(run(inputs, vocabulary, common, pictures), json=common.json)
