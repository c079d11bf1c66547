"""distill: a smaller GPT cut from its teacher, taught by it, and compared with itself trained from scratch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from aigc_cli.compress.options import DistillOptions
from aigc_cli.compress.recipe import DEFAULT_NAME, read_recipe, template
from aigc_cli.compress.sources import token_shards
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.device import resolve
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import atomic_write
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.packed import pack_pt

VERSION = 1


def distill(
    teacher: Path | str | None = None,
    student: Path | str | None = None,
    options: DistillOptions | None = None,
    common: Common | None = None,
) -> Result:
    """Trains the student of the recipe `student` on what `teacher` says, on the teacher's own token shards.

    With options.init, writes a commented recipe instead: at `student`, at `teacher` when that ends in .yaml, or as
    student.yaml.
    """
    options, common = options or DistillOptions(), common or Common()
    if options.init:
        return _write_template(teacher, student, common)
    if teacher is None or student is None:
        raise ConfigError(
            "distill needs a teacher and a recipe", "aigc distill teacher.pt student.yaml; --init writes one"
        )
    bundle = Bundle.open(teacher).require("distill", "distilling")
    console.say(bundle.describe())
    recipe = read_recipe(Path(student), bundle.config)
    recipe.train.budget()  # a conflict is told before any work
    shards = token_shards(bundle, options.shards)
    if shards is None:
        raise DataError(f"the token shards that {teacher} was trained on are not here", "name others with --shards DIR")
    device, dtype = resolve(recipe.train.device, recipe.train.dtype)
    if common.dry_run:
        millions = recipe.config.parameters() / 1e6
        return Result(
            "distill", common.output, lines=[f"would train a student of {millions:.3g} M parameters on {shards}"]
        )
    chosen = {"device": device.type, "dtype": str(dtype).removeprefix("torch.")}
    shape = dataclasses.asdict(recipe.config)
    settings = {**resolved(recipe.loss, recipe.train), **shape, **chosen, "seed": common.seed}
    run = Run(common.output, stage="distill", version=VERSION, options=settings, inputs=[bundle.path, shards],
              default=Path(student).stem, common=common, pack=pack_pt)  # fmt: skip
    with run:
        if run.up_to_date:
            return run.result()
        from aigc_cli.compress.teaching import Distilling  # imports torch
        from aigc_cli.train.tokens import open_tokens

        return Distilling(run, bundle, recipe, open_tokens(shards), device, dtype).work()


def _write_template(first: Path | str | None, second: Path | str | None, common: Common) -> Result:
    teacher, path = first, second
    if second is None and first is not None and Path(first).suffix in (".yaml", ".yml"):
        teacher, path = None, first
    path = Path(path or common.output or DEFAULT_NAME)
    if path.exists() and not common.force:
        raise ConfigError(f"{path} exists", "add --force to replace it, or name another file")
    atomic_write(path, template(Bundle.open(teacher).config if teacher is not None else None))
    return Result("distill", path, lines=[f"wrote {path}"], next=f"aigc distill {teacher or 'TEACHER'} {path}")
