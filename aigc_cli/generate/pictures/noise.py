"""Normal random numbers that depend on nothing but where they are used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def normal(seed: int, numbers: Sequence[int], draw: int, shape: tuple[int, ...]) -> np.ndarray:
    """float32 [len(numbers), *shape] of N(0, 1): row i is a pure function of (seed, numbers[i], draw, shape).

    So picture `n` of a seed is the same in any batch and on any engine; `draw` is 0 for the start and counts the steps
    of random samplers from 1. Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3" (Philox).

    >>> bool((normal(0, [3, 4], 0, (2,))[1] == normal(0, [4], 0, (2,))[0]).all())
    True
    """
    rows = []
    for number in numbers:
        key = np.array([seed & 0xFFFFFFFFFFFFFFFF, number & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64)
        # The counter's upper words are the draw: 2^128 numbers lie between two draws.
        counter = np.array([0, 0, draw, 0], dtype=np.uint64)
        random = np.random.Generator(np.random.Philox(key=key, counter=counter))
        rows.append(random.standard_normal(shape, dtype=np.float32))
    return np.stack(rows) if rows else np.zeros((0, *shape), np.float32)
