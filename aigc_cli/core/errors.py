"""Errors that a user can act on: one line of fact, one line of remedy, one exit code."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

EXIT_INTERRUPTED = 130


class AigcError(Exception):
    """A failure with a remedy. `exit_code` 1: the work failed."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(AigcError):
    """Wrong options, recipe or output directory. Exit code 2."""

    exit_code = 2


class DataError(AigcError):
    """Input that cannot be read or used. Exit code 3."""

    exit_code = 3


class MissingExtra(AigcError):
    """An optional package is not installed. Exit code 4."""

    exit_code = 4


def need(module: str, extra: str, package: str | None = None) -> ModuleType:
    """The imported optional `module`; raises MissingExtra naming the pip line when it is absent."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = package or module.split(".")[0]
        raise MissingExtra(f"this needs the package {name} ({error})", f"pip install 'aigc-cli[{extra}]'") from error


MOST_NAMED = 40  # choices of a hint


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A sentence that names the nearest choice, or those that there are (of many, the first) when none is near.

    >>> did_you_mean("n_layr", ["n_layer", "n_head"])
    "did you mean 'n_layer'?"
    """
    names = sorted(choices)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return "choose from: " + ", ".join(names[:MOST_NAMED]) + more
