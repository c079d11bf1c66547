"""Decoding strategies: one file and one line of the table each.

Every strategy is a plain function `name(logits_V, history, value) -> logits_V`: float64 logits of one
sequence, the int64 ids so far (prompt included) and the option's value; a token that may not follow
gets -inf. No strategy changes its input. The module carries the function's name and is imported when used.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

# Option name -> the value that changes nothing, in the order of application (that of transformers).
STRATEGIES: dict[str, Any] = {
    "repetition_penalty": 1.0,
    "no_repeat_ngram": 0,
    "temperature": 1.0,
    "top_k": None,
    "top_p": None,
    "min_p": None,
}
SAMPLING = ("temperature", "top_k", "top_p", "min_p")  # they shape a distribution: no meaning without sampling


def load(name: str) -> Callable[..., Any]:
    """The function of a strategy (imports numpy)."""
    return getattr(importlib.import_module(f"{__name__}.{name}"), name)


def active(options: Any) -> list[tuple[Callable[..., Any], Any]]:
    """(function, value) of every strategy that `options` turns on, in order of application."""
    values = {name: getattr(options, name) for name in STRATEGIES}
    return [(load(name), value) for name, value in values.items() if value is not None and value != STRATEGIES[name]]
