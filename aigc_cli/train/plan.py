"""How many steps a budget is."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_cli.core import console

if TYPE_CHECKING:
    from aigc_cli.core.run import Journal
    from aigc_cli.train.objective import Data, Objective
    from aigc_cli.train.stepper import Stepper

# Reading a validation token costs the forward third of a training token.
# (Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1: 2N of 6N operations.)
FORWARD_SHARE = 1 / 3
MIN_STEPS = 10
COMPILE_FROM_S = 600.0  # a compilation costs up to a minute and gains about a fifth


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


def plan(journal: Journal, stepper: Stepper, started: float) -> int:
    """The number of steps, and whether to compile: journaled, so that a resumed run does not measure again.

    `started` is when the budget's clock began (time.monotonic).
    """
    for entry in journal.entries:
        if entry.get("event") == "plan":
            if entry["compile"]:
                stepper.compile()
            return int(entry["steps"])
    options, budget = stepper.options, stepper.options.budget()
    steps, step_s = steps_of(budget, stepper.data), None
    if "minutes" in budget:
        step_s = stepper.seconds_per_step()
        seconds = budget["minutes"] * 60 - (time.monotonic() - started)
        fitting = steps_in(seconds, step_s, stepper.data, stepper.objective, options.evals)
        steps = min(steps, fitting) if steps else fitting
    assert steps is not None
    on_gpu = stepper.device.type == "cuda"
    if options.compile == "auto" and on_gpu and step_s is None:
        step_s = stepper.seconds_per_step()
    long = options.compile == "auto" and on_gpu and steps * (step_s or 0.0) >= COMPILE_FROM_S
    compiled = options.compile == "on" or long
    if compiled:
        stepper.compile()
    journal.append({"event": "plan", "steps": steps, "time_step_s": step_s, "compile": compiled})
    about = f", about {console.duration(steps * step_s)}" if step_s else ""
    console.say(f"{steps} steps of {stepper.data.tokens_per_step} tokens{about}")
    return steps
