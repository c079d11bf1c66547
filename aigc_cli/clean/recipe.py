"""From options to the list of rules: the default one, or the recipe's."""

from __future__ import annotations

import importlib
from dataclasses import asdict, fields
from itertools import pairwise
from types import ModuleType
from typing import Any

from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.parity.setting import HONOURED, check
from aigc_cli.clean.rules import GLOBAL, PASSAGES, RULES
from aigc_cli.core.errors import ConfigError, did_you_mean
from aigc_cli.core.options import from_mapping

SHORTEST = 10  # words: a poem of 20 characters or a question with its answer is a document

Rule = tuple[str, Any]  # (name, an instance of its module's Options)


def module(name: str) -> ModuleType:
    """The module of a rule."""
    return importlib.import_module(RULES[name])


def judge(name: str, parity: str | None) -> ModuleType:
    """The module whose `apply` decides for a rule: its own, or with --parity the one with the peer's decisions."""
    if parity and name in HONOURED:
        return importlib.import_module(f"aigc_cli.clean.parity.rules.{name}")
    return module(name)


def rules_of(options: CleanOptions) -> list[Rule]:
    """The rules to apply, in order, with checked options. Raises ConfigError for names and keys that do not exist."""
    if options.rules:
        flags = {
            "--languages": options.languages is not None,
            "--min-words": options.min_words is not None,
            "--no-dedup": not options.dedup,
        }
        for flag, given in flags.items():
            if given:
                raise ConfigError(f"{flag} and a recipe with rules exclude each other", "say it in the recipe's rules")
        entries = options.rules
    else:
        entries = _default(options)
    rules = [_rule(entry) for entry in entries]
    names = [name for name, _ in rules]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"rules: '{name}' stands there twice", "name each rule once")
    _check_order(names)
    if options.parity is not None:
        check(options.parity, rules)
    if options.against and "against" not in names:
        place = min((i for i, name in enumerate(names) if name in ("exact", "minhash")), default=len(names))
        rules.insert(place, _rule("against"))
    elif "against" in names and not options.against:
        raise ConfigError("rules: 'against' has nothing to compare with", "name an index: --against DIR")
    return rules


def _check_order(names: list[str]) -> None:
    """Raise ConfigError unless the rules that compare documents come last, in the order that makes sense."""
    for before, after in pairwise(names):
        if before not in GLOBAL or (before in PASSAGES and after in GLOBAL):
            continue
        if after not in GLOBAL:
            hint = "what compares documents comes last, in this order: " + ", ".join(GLOBAL)
        elif GLOBAL.index(after) > GLOBAL.index(before):
            continue
        else:
            hint = "put exact first: it is cheaper" if after == "exact" else "the order is " + ", ".join(GLOBAL)
        raise ConfigError(f"rules: '{after}' stands after '{before}'", hint)


def described(rules: list[Rule]) -> list[dict[str, dict[str, Any]]]:
    """The rules as plain values, as manifests hold them; what names files is described by their content, too."""
    found = []
    for name, options in rules:
        values = asdict(options)
        for field in fields(options):
            describe = field.metadata.get("described")
            if describe is not None and values[field.name]:
                values[field.name] = describe(values[field.name])
        found.append({name: values})
    return found


def prepare(rules: list[Rule]) -> None:
    """Let rules read the files that their options name, before any work: what is damaged is an error now."""
    for name, options in rules:
        ready = getattr(module(name), "prepare", None)
        if ready is not None:
            ready(options)


def _default(options: CleanOptions) -> list[Any]:
    """The rules without a recipe: Gopher's limits, with exceptions that suit a user's own files better than the web.

    Books have no largest length; poems, questions and answers are short; a few lines may all be bullets; below the 50
    words that the paper asks for, repetition is style (refrains, lists); manuals or tables with many equal short
    lines pass as long as those hold few of the characters; and marks are no words, or manuals with code would go. The
    rules of C4 and FineWeb are not among them: they look for what is wrong with pages of the web.
    """
    least = SHORTEST if options.min_words is None else options.min_words
    few = {"min_words": least, "min_characters": least}
    keep = [code for code in (options.languages or "").split(",") if code.strip()]
    if options.languages is not None and not keep:
        raise ConfigError("--languages is empty", "give codes, e.g. --languages en,zh")
    rules: list[Any] = [
        "unicode", "whitespace", {"language": {"keep": keep}}, {"length": few},
        {"gopher_quality": {**few, "max_words": None, "max_characters": None, "min_lines": 4,
                            "count_marks": False}},
        {"gopher_repetition": {"min_words": 50, "dup_lines": 0.5, "dup_paragraphs": 0.5, "count_marks": False}}, "pii",
    ]  # fmt: skip
    if options.parity is not None:  # the exceptions are none of the peer's
        rules[4:6] = ["gopher_quality", "gopher_repetition"]
    return [*rules, "exact", "minhash"] if options.dedup else rules


def _rule(entry: Any) -> Rule:
    values: Any = {}
    if isinstance(entry, str):
        name = entry
    elif isinstance(entry, dict) and len(entry) == 1:
        name, values = next(iter(entry.items()))
        name, values = str(name), {} if values is None else values
    else:
        raise ConfigError(f"rules: {entry!r} is no rule", "write '- name' or '- name: {option: value}'")
    if name not in RULES:
        raise ConfigError(f"there is no rule '{name}'", did_you_mean(name, RULES))
    if not isinstance(values, dict):
        raise ConfigError(f"rules: {name} is {values!r}", "give its options as {option: value}")
    options = from_mapping(module(name).Options, values, f"rules: {name}")
    check = getattr(module(name), "check", None)
    if check is not None:
        check(options)
    return name, options
