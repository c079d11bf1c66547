"""Steps of word vectors on one thread or several, results in the order of the steps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np


def run_steps(
    step: Callable[[int], np.ndarray], first: int, steps: int, threads: int, each: Callable[[int, np.ndarray], None]
) -> None:
    """Calls step(first), ..., step(steps - 1); `each(steps done, what the step gave)` after every one, in order."""
    if threads == 1:
        for number in range(first, steps):
            each(number + 1, step(number))
        return
    with ThreadPoolExecutor(threads) as pool:
        todo = iter(range(first, steps))
        running = [pool.submit(step, number) for number in islice(todo, 2 * threads)]
        while running:
            result = running.pop(0).result()
            running += [pool.submit(step, number) for number in islice(todo, 1)]
            first += 1
            each(first, result)
