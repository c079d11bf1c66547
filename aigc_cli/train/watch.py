"""Is training still healthy: numbers that are not finite, and losses that jump up and stay there.

The rule for a loss, from the values of the steps so far. Let m and s be the median and 1.4826 x the median absolute
deviation of the WINDOW_STEPS values before the last RECENT_STEPS (s is a standard deviation where the values are
normal; s is at least FLOOR x |the median of the first MIN_STEPS values|). It is a spike when

    the median of the last RECENT_STEPS values > m + SUSTAINED x s    (up, and it stays up)

Source: Leys et al. 2013, "Detecting outliers: Do not use standard deviation around the mean, use absolute deviation
around the median"; skipping data and going back are those of Chowdhery et al. 2022, "PaLM", section 5.1.

The medians are there because single batches are odd: one wrong label in a small batch can cost a good classifier a
hundred times its usual loss. The floor is there because a model that has learned its text by heart has an s of next
to nothing.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping
from typing import Any

WINDOW_STEPS = 128
MIN_STEPS = 32  # fewer values make no judgement: the loss of the first steps falls too fast to have a level
RECENT_STEPS = 8
SUSTAINED = 5.0
FLOOR = 0.02
NORMAL = 1.4826  # standard deviation / median absolute deviation of a normal distribution


class Watch:
    """Judges a run's steps one after the other."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[float]] = {}
        self._level: dict[str, float] = {}  # |median of the first MIN_STEPS values|

    def trouble(self, numbers: Mapping[str, float], norm: float) -> str | None:
        """What is wrong after a step with these numbers and this norm of all parameters, or None."""
        for name, value in {**numbers, "the norm of the weights": norm}.items():
            if not math.isfinite(value):
                return f"{name} is {value}"
        for name, value in numbers.items():
            if name.rpartition("/")[2] == "loss" and (fact := self._spike(name, value)):
                return fact
        return None

    def _spike(self, name: str, value: float) -> str | None:
        values = self._recent.setdefault(name, deque(maxlen=WINDOW_STEPS + RECENT_STEPS))
        values.append(value)
        if name not in self._level:
            if len(values) < MIN_STEPS:
                return None
            self._level[name] = abs(statistics.median(values))
        found = list(values)
        before, recent = found[:-RECENT_STEPS], found[-RECENT_STEPS:]
        if len(before) < MIN_STEPS:
            return None
        middle = statistics.median(before)
        spread = NORMAL * statistics.median(abs(v - middle) for v in before)
        spread = max(spread, FLOOR * self._level[name])
        level = statistics.median(recent)
        if level > middle + SUSTAINED * spread:
            return f"{name} rose from {middle:.4g} to {level:.4g}"
        return None

    def state(self) -> dict[str, Any]:
        """What later judgements depend on, as plain values."""
        return {"recent": {name: list(values) for name, values in self._recent.items()}, "level": dict(self._level)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over a state of `state()`."""
        self._level = dict(state["level"])
        self._recent = {
            name: deque(values, maxlen=WINDOW_STEPS + RECENT_STEPS) for name, values in state["recent"].items()
        }
