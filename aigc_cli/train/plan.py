"""How many steps a budget is."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_cli.core import console
from aigc_cli.core.device import missing_compiler, need_compiler

if TYPE_CHECKING:
    from aigc_cli.core.run import Journal
    from aigc_cli.train.objective import Data, Objective
    from aigc_cli.train.stepper import Stepper

# Reading a validation token costs the forward third of a training token.
# (Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1: 2N of 6N operations.)
FORWARD_SHARE = 1 / 3
MIN_STEPS = 10
MEASURE_FROM_STEPS = 1000  # shorter runs are not worth the few steps that a measurement takes

# What torch.compile costs, once, and how many times faster a step then is. CPU: measured on two Zen 4 cores at
# 4 layers of 128 (docs/train.md); CUDA: a cautious guess.
COMPILE_COST_S = {"cpu": 60.0, "cuda": 60.0}
COMPILE_GAIN = {"cpu": 1.2, "cuda": 1.2}
COMPILE_MARGIN = 2.0  # it must save this many times what it costs: both numbers differ between machines


def steps_of(budget: Mapping[str, Any], data: Data) -> int | None:
    """Steps of a budget of steps, tokens or epochs; None when it has none of them."""
    if "steps" in budget:
        return int(budget["steps"])
    if "tokens" in budget:
        return max(1, math.ceil(budget["tokens"] / data.tokens_per_step))
    if "epochs" in budget:
        return max(1, math.ceil(budget["epochs"] * data.tokens / data.tokens_per_step))
    return None


def validation_s(step_s: float, data: Data, objective: Objective, evals: int) -> float:
    """Seconds that all validations of a run take, guessed from the seconds of a step."""
    # The last one reads everything, in float32, which is about half as fast.
    read = evals * objective.validation_tokens(False) + 2 * objective.validation_tokens(True)
    return read / data.tokens_per_step * step_s * FORWARD_SHARE


def steps_in(seconds: float, step_s: float, data: Data, objective: Objective, evals: int) -> int:
    """Steps that fit into `seconds` beside the validations, at `step_s` seconds a step; at least MIN_STEPS.

    Where validation would take more than half of the time, training gets its half all the same.
    """
    left = max(seconds / 2, seconds - validation_s(step_s, data, objective, evals))
    return max(MIN_STEPS, int(left / step_s))


def compiling_saves_s(seconds: float, device_type: str) -> float:
    """Seconds that torch.compile saves of a run of `seconds`, its own cost deducted with a margin."""
    if device_type not in COMPILE_COST_S:
        return -math.inf
    return seconds * (1.0 - 1.0 / COMPILE_GAIN[device_type]) - COMPILE_MARGIN * COMPILE_COST_S[device_type]


def plan(journal: Journal, stepper: Stepper, started: float) -> int:
    """The number of steps, and whether to compile: journaled, so that a resumed run does not measure again.

    `started` is when the budget's clock began (time.monotonic). Raises ConfigError where --compile on cannot be done.
    """
    entry = next((entry for entry in journal.entries if entry.get("event") == "plan"), None)
    if entry is None:
        entry = _plan(stepper, started)
        journal.append(entry)
        step_s = entry["time_step_s"]
        about = f", about {console.duration(entry['steps'] * step_s)}" if step_s else ""
        compiled = ", compiled" if entry["compile"] else ""
        unit = getattr(stepper.data, "unit", "tokens")
        console.say(f"{entry['steps']} steps of {stepper.data.tokens_per_step} {unit}{about}{compiled}")
    if entry["compile"]:
        need_compiler()
        stepper.compile()
    return int(entry["steps"])


def _plan(stepper: Stepper, started: float) -> dict[str, Any]:
    """The plan as a journal entry."""
    options, budget, device_type = stepper.options, stepper.options.budget(), stepper.device.type
    if options.compile == "on":
        need_compiler()
    steps, step_s = steps_of(budget, stepper.data), None
    may_compile = options.compile == "auto" and device_type in COMPILE_COST_S and missing_compiler() is None
    if "minutes" in budget or (may_compile and (steps or 0) >= MEASURE_FROM_STEPS):
        step_s = stepper.seconds_per_step()
    if "minutes" in budget:
        assert step_s is not None
        seconds = budget["minutes"] * 60 - (time.monotonic() - started)
        fitting = steps_in(seconds, step_s, stepper.data, stepper.objective, options.evals)
        steps = min(steps, fitting) if steps else fitting
    assert steps is not None
    compiled = options.compile == "on"
    if may_compile and step_s and compiling_saves_s(steps * step_s, device_type) > 0:
        # The time saved is kept in hand, not filled with more steps: the gain is an expectation.
        compiled, step_s = True, step_s / COMPILE_GAIN[device_type]
    return {"event": "plan", "steps": steps, "time_step_s": step_s, "compile": compiled}
