"""Commands made from dataclasses: their flags, their recipe, their help in panels."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from aigc_cli.core.errors import ConfigError, did_you_mean
from aigc_cli.core.options import Common, build, coerce, load_yaml

COMMON_PANEL = "Common"


def new_app(**settings: Any) -> typer.Typer:
    """An empty Typer app for a stage; its commands take cls=Command."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, **settings)


class Command(TyperCommand):
    """A command whose help lists the options panel by panel, without loading Rich (which takes 0.1 s)."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments first, then each panel; the common options last."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        for parameter in self.get_params(ctx):
            # AIGC_<COMMAND>_<OPTION> exists for all of them: said once, in the docs.
            parameter.show_envvar = False  # type: ignore[attr-defined]
            record = parameter.get_help_record(ctx)
            if record is not None:
                default = "Arguments" if parameter.param_type_name == "argument" else COMMON_PANEL
                names = re.sub(r"<list\[(\w+)\]>", r"<\1> ...", record[0])
                panel = getattr(parameter, "rich_help_panel", None) or default
                panels.setdefault(panel, []).append((names, record[1]))
        panels[COMMON_PANEL] = panels.pop(COMMON_PANEL, [])
        for name, records in panels.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn each dataclass-typed parameter of a command into its fields' options, plus --config.

    The other parameters stay as Typer reads them. Precedence: default < --config < AIGC_* < flag.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    groups = {name: hints[name] for name in signature.parameters if dataclasses.is_dataclass(hints[name])}
    parameters = [
        parameter.replace(annotation=hints[name])
        for name, parameter in signature.parameters.items()
        if name not in groups and name != "context"
    ]
    owners: dict[str, str] = {parameter.name: "" for parameter in parameters}
    for group, cls in groups.items():
        for field in dataclasses.fields(cls):
            if field.name in owners:
                raise TypeError(f"option '{field.name}' is declared by both '{owners[field.name]}' and '{group}'")
            owners[field.name] = group
            if not field.metadata.get("recipe_only"):
                parameters.append(_parameter(cls, field))
    recipe_only = {f.name for cls in groups.values() for f in dataclasses.fields(cls) if f.metadata.get("recipe_only")}

    def read_config(context: typer.Context, path: Path | None) -> Path | None:
        if path is not None:
            recipe = flatten(load_yaml(path), groups, set(owners), str(path))
            for name in recipe:
                if owners.get(name):
                    hint = typing.get_type_hints(groups[owners[name]])[name]
                    recipe[name] = coerce(recipe[name], hint, f"{path}: {name}")
            context.meta["aigc.recipe_only"] = {k: recipe.pop(k) for k in list(recipe) if k in recipe_only}
            context.default_map = {**(context.default_map or {}), **recipe}
        return path

    config = typer.Option(
        "--config", metavar="FILE.yaml", help="Recipe: option names and values.", is_eager=True, callback=read_config,
        rich_help_panel=COMMON_PANEL, show_envvar=False,
    )  # fmt: skip
    keyword = inspect.Parameter.KEYWORD_ONLY
    arguments = [p.replace(kind=keyword) for p in parameters]
    arguments.append(
        inspect.Parameter("config", keyword, default=None, annotation=typing.Annotated[Path | None, config])
    )
    arguments.append(inspect.Parameter("context", keyword, annotation=typer.Context))

    @functools.wraps(function)
    def command(**values: Any) -> Any:
        values.pop("config")
        context = values.pop("context")
        values.update(context.meta.get("aigc.recipe_only", {}))
        instances = {}
        for group, cls in groups.items():
            names = [field.name for field in dataclasses.fields(cls) if field.name in values]
            instances[group] = build(cls, {name: values.pop(name) for name in names})
        if "context" in signature.parameters:
            values["context"] = context
        common = next((g for g in instances.values() if isinstance(g, Common)), None)
        if common is not None:
            from aigc_cli.core import console

            console.setup(quiet=common.quiet, verbose=common.verbose, debug=common.debug)
        return function(**values, **instances)

    command.__signature__ = inspect.Signature(arguments)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in arguments}
    return command


def flatten(recipe: Mapping[str, Any], groups: Mapping[str, type], known: set[str], where: str) -> dict[str, Any]:
    """Recipe keys as parameter names; a group's own name may nest its fields one level deep."""
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        name = str(key).replace("-", "_")
        if name in groups and isinstance(value, Mapping):
            flat.update(flatten(value, {}, {f.name for f in dataclasses.fields(groups[name])}, f"{where}: {key}"))
        elif name in known:
            flat[name] = value
        else:
            raise ConfigError(f"{where}: unknown key '{key}'", did_you_mean(name, known | set(groups)))
    return flat


def _parameter(cls: type, field: dataclasses.Field[Any]) -> inspect.Parameter:
    """One dataclass field as a keyword-only Typer option in the panel of its class."""
    meta = field.metadata
    hint = typing.get_type_hints(cls)[field.name]
    default = field.default if field.default is not dataclasses.MISSING else list(field.default_factory())  # type: ignore[operator,misc]
    flag = "--" + field.name.replace("_", "-")
    names = [f"{flag}/--no-{flag[2:]}" if hint is bool and cls is not Common else flag]
    if meta.get("short"):
        names.append(meta["short"])
    text = meta.get("help", "") + (f" [{meta['unit']}]" if meta.get("unit") else "")
    panel = COMMON_PANEL if cls is Common else (cls.__doc__ or cls.__name__).splitlines()[0].rstrip(".")
    option = typer.Option(
        *names, help=text, rich_help_panel=panel, show_envvar=False, show_default=default not in (None, False, [], "")
    )
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=typing.Annotated[hint, option]
    )
