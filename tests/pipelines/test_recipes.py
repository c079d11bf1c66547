"""Recipes hold only options that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.recipe import rules_of
from aigc_cli.collect.options import CollectOptions
from aigc_cli.compress.options import QuantizeOptions
from aigc_cli.compress.recipe import read_recipe
from aigc_cli.core.options import from_mapping, load_yaml
from aigc_cli.evaluate.options import EvalOptions
from aigc_cli.generate.options import GenerateOptions
from aigc_cli.models.gpt.config import Config, Shape
from aigc_cli.postprocess.options import CorrectOptions, FilterOptions
from aigc_cli.tokenize.options import TokenizeOptions
from aigc_cli.train.options import TrainOptions

RECIPES = Path(__file__).parents[2] / "pipelines/recipes"
OPTIONS = {
    "collect": CollectOptions, "clean": CleanOptions, "tokenize": TokenizeOptions, "quantize": QuantizeOptions,
    "eval": EvalOptions, "generate": GenerateOptions, "filter": FilterOptions, "correct": CorrectOptions,
}  # fmt: skip
FOLDERS = [RECIPES, RECIPES / "tiny"]


@pytest.mark.parametrize("folder", FOLDERS, ids=["demo", "tiny"])
@pytest.mark.parametrize("name", OPTIONS)
def test_recipe_has_known_options(folder, name):
    from_mapping(OPTIONS[name], load_yaml(folder / f"{name}.yaml"), name)


@pytest.mark.parametrize("folder", FOLDERS, ids=["demo", "tiny"])
def test_rules_of_clean_exist(folder):
    rules_of(from_mapping(CleanOptions, load_yaml(folder / "clean.yaml"), "clean"))


@pytest.mark.parametrize("folder", FOLDERS, ids=["demo", "tiny"])
def test_gpt_and_student_fit(folder):
    shape_names, train_names = ({*cls.__dataclass_fields__} for cls in (Shape, TrainOptions))
    recipe = load_yaml(folder / "gpt.yaml")
    assert set(recipe) <= shape_names | train_names
    shape = from_mapping(Shape, {k: v for k, v in recipe.items() if k in shape_names}, "gpt")
    teacher = shape.config(4096, 256)
    assert isinstance(read_recipe(folder / "student.yaml", teacher).config, Config)


def test_both_folders_hold_the_same_files():
    demo, tiny = ({path.name for path in folder.iterdir() if path.is_file()} for folder in FOLDERS)
    assert demo == tiny
