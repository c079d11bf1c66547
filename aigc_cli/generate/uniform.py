"""Uniform random numbers that depend on nothing but where they are used."""

from __future__ import annotations

import numpy as np


def uniform(seed: int, sequence: int, position: int, draw: int = 0) -> float:
    """A number in [0, 1), a pure function of its four arguments (whole numbers from 0).

    The same token of the same sequence gets the same number in any batch, in any order, on any engine.
    Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3" (Philox 4x64, 10 rounds).

    >>> uniform(0, 0, 0) == uniform(0, 0, 0) != uniform(0, 0, 1)
    True
    """
    generator = np.random.Philox(key=_words(seed, sequence), counter=_words(position, draw, 0, 0))
    return float(int(generator.random_raw()) >> 11) * 2.0**-53


def sequence_number(index: int, copy: int) -> int:
    """The `sequence` of copy `copy` of prompt `index`: independent of how many copies the others have."""
    return (index << 32) + copy


def _words(*values: int) -> np.ndarray:
    return np.array([value & 0xFFFFFFFFFFFFFFFF for value in values], dtype=np.uint64)
