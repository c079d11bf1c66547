"""Filter rules: one file each, one line in RULES each.

A rule's module has a dataclass `Options` and `make(options) -> check`, where check(text, number) gives a Finding for
the text of record `number` (from 0). A check may remember earlier texts, as `duplicates` does; one that has a method
`prepare(texts)` is shown all texts before the first, as `copied` is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from aigc_cli.core.errors import ConfigError, did_you_mean
from aigc_cli.core.options import from_mapping

RULES: dict[str, str] = {
    "length": "too short or too long",
    "repetition": "loops and repeated phrases",
    "language": "not in one of the wanted languages (needs keep)",
    "pii": "e-mail addresses, telephone, card and identity numbers",
    "profanity": "unambiguous English and Chinese swear words",
    "duplicates": "the same, or nearly the same, as an earlier text",
    "copied": "copies a long span of the training text (needs shards)",
}
DEFAULT = ("length", "repetition", "pii", "profanity", "duplicates")


@dataclass(frozen=True)
class Finding:
    """What a rule measured in a text, and why the text must go; an empty reason keeps it."""

    value: Any = None
    reason: str = ""


Check = Callable[[str, int], Finding]


def build(rules: Sequence[Any], extra: Mapping[str, Mapping[str, Any]], skip: Sequence[str]) -> dict[str, Check]:
    """Checks by rule name, in order, from the YAML list form (`- name` or `- name: {options}`).

    `extra` holds options that flags give; a rule named only there is added at the end. `skip` names rules to leave out.
    Raises ConfigError for unknown names and options.
    """
    wanted: dict[str, dict[str, Any]] = {}
    for item in rules or DEFAULT:
        name, options = _entry(item)
        if name in wanted:
            raise ConfigError(f"rules: '{name}' stands there twice", "name each rule once")
        wanted[name] = options
    for name, given in extra.items():
        wanted[name] = {**wanted.get(name, {}), **given}
    for name in skip:
        if name not in wanted:
            raise ConfigError(f"--skip {name}: there is no such rule in use", did_you_mean(name, wanted))
        del wanted[name]
    return {name: _make(name, options) for name, options in wanted.items()}


def _entry(item: Any) -> tuple[str, dict[str, Any]]:
    name: Any = item
    options: Any = None
    if isinstance(item, Mapping) and len(item) == 1:
        [(name, options)] = item.items()
    if not isinstance(name, str) or not isinstance(options, Mapping | None):
        raise ConfigError(f"rules: {item!r} is no rule", "write - length: {min_words: 5}")
    if name not in RULES:
        raise ConfigError(f"rules: unknown rule '{name}'", did_you_mean(name, RULES))
    return name, dict(options or {})


def _make(name: str, options: Mapping[str, Any]) -> Check:
    module = import_module(f"aigc_cli.postprocess.rules.{name}")
    check: Check = module.make(from_mapping(module.Options, options, f"rules: {name}"))
    return check
