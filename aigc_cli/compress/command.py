"""`aigc export`, `aigc quantize` and `aigc distill`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigc_cli.compress.options import DistillOptions, ExportOptions, QuantizeOptions
from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common

export_app = new_app()
quantize_app = new_app()
distill_app = new_app()

MODEL = "Run directory, .pt file, Hugging Face directory or exported ONNX directory."


@export_app.command(cls=Command)
@options
def export(model: Annotated[Path, typer.Argument(help=MODEL)], rules: ExportOptions, common: Common) -> None:
    """Write a model as ONNX, Hugging Face directory or .pt, and compare the copy with the model.

    \b
    Examples:
      aigc export runs/gpt --to onnx -o onnx/
      aigc export teacher.pt --to hf -o hf/
    """
    from aigc_cli.compress.exporting import export as run
    from aigc_cli.core import console

    console.finish(run(model, rules, common), json=common.json)


@quantize_app.command(cls=Command)
@options
def quantize(model: Annotated[Path, typer.Argument(help=MODEL)], rules: QuantizeOptions, common: Common) -> None:
    """Make a model small: int8 weights in ONNX, measured against fp32 (size, perplexity, KL, speed).

    \b
    Examples:
      aigc quantize runs/student --to int8
      aigc quantize teacher.pt --to int8 --max-kl 0.001 -o int8/
    """
    from aigc_cli.compress.quantizing import quantize as run
    from aigc_cli.core import console

    console.finish(run(model, rules, common), json=common.json)


@distill_app.command(cls=Command)
@options
def distill(
    rules: DistillOptions,
    common: Common,
    teacher: Annotated[Path | None, typer.Argument(help=f"The large model. {MODEL}")] = None,
    student: Annotated[Path | None, typer.Argument(help="Recipe of the small one, e.g. student.yaml.")] = None,
) -> None:
    """Teach a smaller model what a larger one knows.

    \b
    Examples:
      aigc distill --init
      aigc distill teacher.pt student.yaml
    """
    from aigc_cli.compress.distilling import distill as run
    from aigc_cli.core import console

    console.finish(run(teacher, student, rules, common), json=common.json)
