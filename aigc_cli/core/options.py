"""One dataclass is one group of options: flags, recipe keys, help and validation come from its fields."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from aigc_cli.core.errors import ConfigError, DataError, did_you_mean

T = TypeVar("T")


def opt(
    default: Any,
    help: str,
    *,
    unit: str = "",
    short: str = "",
    min: float | None = None,
    max: float | None = None,
    affects_output: bool = True,
    recipe_only: bool = False,
    described: Callable[[Any], Any] | None = None,
) -> Any:
    """A dataclass field with help, unit and range.

    affects_output=False keeps the field out of fingerprints (threads, verbosity); recipe_only=True
    gives it a recipe key but no flag (lists of rules and the like). `described` turns what names files into what
    a fingerprint holds of them: their content.
    """
    metadata = {
        "help": help, "unit": unit, "short": short, "min": min, "max": max,
        "affects_output": affects_output, "recipe_only": recipe_only,
        "described": described,
    }  # fmt: skip
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass
class Common:
    """Options of every command."""

    output: Path | None = opt(None, "Where the result goes.", short="-o", affects_output=False)
    seed: int = opt(0, "Seed of every random choice.", min=0)
    force: bool = opt(False, "Discard an unfinished or older result and start anew.", affects_output=False)
    dry_run: bool = opt(False, "Say what would be done and stop.", affects_output=False)
    json: bool = opt(False, "Print the result as one JSON object on stdout.", affects_output=False)
    workers: int | None = opt(None, "Processes; default: all cores.", min=1, affects_output=False)
    quiet: bool = opt(False, "Only errors on stderr.", short="-q", affects_output=False)
    verbose: bool = opt(False, "More detail on stderr.", short="-v", affects_output=False)
    debug: bool = opt(False, "Show a traceback for every error.", affects_output=False)


def resolved(*groups: Any) -> dict[str, Any]:
    """The options that affect the output, JSON-ready and sorted: what a fingerprint and a manifest hold."""
    values: dict[str, Any] = {}
    for group in groups:
        for field in dataclasses.fields(group):
            if field.metadata.get("affects_output", True):
                values[field.name] = _plain(getattr(group, field.name))
    return dict(sorted(values.items()))


def from_mapping(cls: type[T], mapping: Mapping[str, Any], where: str) -> T:
    """An instance of the dataclass `cls` from recipe keys; unknown keys and wrong types raise ConfigError.

    `where` names the recipe in messages, e.g. "student.yaml". Keys may use - or _.
    """
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    values = {}
    for key, value in mapping.items():
        name = str(key).replace("-", "_")
        if name not in names:
            raise ConfigError(f"{where}: unknown key '{key}'", did_you_mean(name, names))
        values[name] = coerce(value, hints[name], f"{where}: {key}")
    return build(cls, values, where)


def build(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """cls(**values) with ranges checked; a ValueError of __post_init__ becomes a ConfigError.

    `where` the values stand, for messages; without it they are flags.
    """
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        value, low, high = values.get(field.name), field.metadata.get("min"), field.metadata.get("max")
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        if (low is not None and value < low) or (high is not None and value > high):
            flag = field.name if where else "--" + field.name.replace("_", "-")
            raise ConfigError(f"{where}: {flag} is {value}".removeprefix(": "), f"{flag} takes {_range(low, high)}")
    try:
        return cls(**values)
    except ValueError as error:
        raise refused(error) from error


def refused(error: ValueError) -> ConfigError:
    """A dataclass's "fact; remedy" as the error that a user sees."""
    fact, _, remedy = str(error).partition("; ")
    return ConfigError(fact, remedy)


def load_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file (safe_load). Raises ConfigError for anything else."""
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}", "name a YAML file that exists") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", "check the file") from error
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}", "see pipelines/recipes") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path} holds a {type(loaded).__name__}, not keys and values", "see pipelines/recipes")
    return loaded


def coerce(value: Any, hint: Any, where: str) -> Any:
    """`value` as the annotated type; YAML has ints, floats, strings, booleans, lists and null."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if type(None) in args:
        if value is None:
            return None
        rest = [a for a in args if a is not type(None)]
        return coerce(value, rest[0] if len(rest) == 1 else Any, where)
    if origin is typing.Literal:
        if value in args:
            return value
        raise ConfigError(f"{where} is {value!r}", did_you_mean(str(value), map(str, args)))
    if origin is list or hint is list:
        if not isinstance(value, list):
            raise ConfigError(f"{where} is {value!r}", "give a list")
        return [coerce(v, args[0], where) for v in value] if args else value
    if origin is dict or hint is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{where} is {value!r}", "give keys and values")
        return value
    if hint is bool and not isinstance(value, bool):
        raise ConfigError(f"{where} is {value!r}", "give true or false")
    if hint in (int, float) and (isinstance(value, bool) or not isinstance(value, int | float | str)):
        raise ConfigError(f"{where} is {value!r}", f"give {'a whole number' if hint is int else 'a number'}")
    try:
        converted = hint(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{where} is {value!r}", "give " + {int: "a whole number", float: "a number"}.get(hint, "text")
        ) from error
    if hint is int and isinstance(value, float) and converted != value:
        raise ConfigError(f"{where} is {value!r}", "give a whole number")
    return converted


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return resolved(value)
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in sorted(value.items())}
    return value


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return f"{low} or more"
    return f"{high} or less" if low is None else f"{low} to {high}"
