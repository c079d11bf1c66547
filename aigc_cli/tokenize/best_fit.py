"""Which segments share a record so that none is cut and little is left over."""

from __future__ import annotations

import numpy as np


def best_fit(sizes: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """(bin, free) for each segment of 1 ... `capacity` tokens and for each bin, int64.

    Best-fit decreasing: the longest segment first, each into the bin with the least room that still holds it; equal
    ones in their order. At most 11/9 of the fewest bins possible, plus one. Source: Johnson et al. 1974; for packing
    language-model records Ding et al. 2024, "Fewer Truncations Improve Language Modeling".

    >>> [v.tolist() for v in best_fit(np.array([3, 5, 2, 6]), 8)]
    [[1, 1, 0, 0], [0, 0]]
    """
    bins = np.empty(len(sizes), np.int64)
    free: list[int] = []
    open_bins: list[list[int]] = [[] for _ in range(capacity + 1)]  # by room, in order of becoming so
    rooms = 0  # bit r: there is an open bin with room r; the lowest set bit from a size on is the best fit
    for segment in np.argsort(-sizes, kind="stable").tolist():
        size = int(sizes[segment])
        fitting = rooms >> size
        if fitting:
            room = size + (fitting & -fitting).bit_length() - 1
            place = open_bins[room].pop()
            if not open_bins[room]:
                rooms ^= 1 << room
        else:
            room, place = capacity, len(free)
            free.append(capacity)
        left = room - size
        bins[segment], free[place] = place, left
        if left:
            open_bins[left].append(place)
            rooms |= 1 << left
    return bins, np.array(free, np.int64)
