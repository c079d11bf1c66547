"""Options: precedence, recipes, typo hints, ranges."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from typer.main import get_command

from aigc_cli.core.command import options
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common, from_mapping, load_yaml, opt, resolved


@dataclasses.dataclass
class Train:
    """Training options."""

    rate: float = opt(0.1, "Rate.", min=0)
    kind: Literal["a", "b"] = opt("a", "Kind.")
    names: list[str] = opt([], "Names.")
    steps: int | None = opt(None, "Steps.", unit="steps", min=1)
    rules: list = opt([], "Rules.", recipe_only=True)
    threads: int = opt(1, "Threads.", affects_output=False)

    def __post_init__(self) -> None:
        if self.rate == 7:
            raise ValueError("rate 7 is unlucky; try --rate 8")


seen: list = []
app = typer.Typer()


@app.command()
@options
def go(inputs: Annotated[list[Path] | None, typer.Argument()] = None, *, train: Train, common: Common) -> None:
    seen[:] = [inputs, train, common]


def call(*args, env=None):
    # As in cli.py: the prefix that makes AIGC_* variables count.
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        get_command(app).main(list(args), standalone_mode=False, auto_envvar_prefix="AIGC")
    return seen[1]


def test_precedence_default_config_environment_flag(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("rate: 2\n")
    assert call().rate == 0.1
    assert call("--config", str(recipe)).rate == 2
    assert call("--config", str(recipe), env={"AIGC_RATE": "3"}).rate == 3
    assert call("--config", str(recipe), "--rate", "4", env={"AIGC_RATE": "3"}).rate == 4


def test_a_recipe_takes_lists_rules_and_one_nested_level(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("rules: [x, {y: {z: 1}}]\nnames: [p, q]\ntrain: {kind: b}\nsteps: 5\n")
    got = call("--config", str(recipe))
    assert (got.rules, got.names, got.kind, got.steps) == (["x", {"y": {"z": 1}}], ["p", "q"], "b", 5)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("rat: 1", "'rate'"), ("train: {kin: b}", "'kind'"), ("- 1", "recipes"), ("a: [", "recipes")],
)
def test_bad_recipes_say_what_to_type(tmp_path, text, hint):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(text)
    with pytest.raises(ConfigError) as error:
        call("--config", str(recipe))
    assert hint in error.value.hint


def test_a_wrong_value_in_a_recipe_names_the_recipe(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("steps: many")
    with pytest.raises(ConfigError, match=r"r.yaml: steps is 'many'") as error:
        call("--config", str(recipe))
    assert error.value.hint == "give a whole number"


def test_a_missing_recipe(tmp_path):
    with pytest.raises(ConfigError):
        load_yaml(tmp_path / "none.yaml")


def test_ranges_and_validation():
    with pytest.raises(ConfigError, match="--rate is -1"):
        call("--rate", "-1")
    with pytest.raises(ConfigError) as error:
        call("--rate", "7")
    assert error.value.hint == "try --rate 8"


@pytest.mark.parametrize("values", [{"rate": "x"}, {"steps": 1.5}, {"kind": "c"}, {"names": "p"}, {"rate": True}])
def test_from_mapping_checks_types(values):
    with pytest.raises(ConfigError):
        from_mapping(Train, values, "r.yaml")


def test_from_mapping_converts():
    got = from_mapping(Train, {"rate": 2, "steps": None, "names": ["a"]}, "r.yaml")
    assert got.rate == 2.0 and isinstance(got.rate, float) and got.steps is None


def test_resolved_is_sorted_and_leaves_out_what_does_not_matter():
    assert list(resolved(Train(), Common())) == ["kind", "names", "rate", "rules", "seed", "steps"]


def test_two_groups_with_one_name_are_refused_when_built():
    @dataclasses.dataclass
    class Other:
        """Other."""

        rate: int = opt(1, "x")

    def bad(train: Train, other: Other) -> None: ...

    bad.__annotations__ = {"train": Train, "other": Other}
    with pytest.raises(TypeError, match="rate"):
        options(bad)
