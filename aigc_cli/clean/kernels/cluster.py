"""Clusters of near-duplicates: union-find over pairs, and who stays in each."""

from __future__ import annotations

import numba
import numpy as np

from aigc_cli.clean.kernels.jit import OFFSETS, OUT_I64, U64, inner, kernel

MAX_KEPT = 64  # documents of one cluster that another is compared with: bounds the work on degenerate clusters


@inner
def _root(parents, item):  # type: ignore[no-untyped-def]
    while parents[item] != item:
        parents[item] = parents[parents[item]]
        item = parents[item]
    return item


@kernel(OFFSETS, OFFSETS, OUT_I64)
def _union(left, right, parents):  # type: ignore[no-untyped-def]
    for pair in range(len(left)):
        a, b = _root(parents, left[pair]), _root(parents, right[pair])
        parents[max(a, b)] = min(a, b)
    for item in range(len(parents)):
        parents[item] = _root(parents, item)


@inner
def _similarity(sets, starts, a, b):  # type: ignore[no-untyped-def]
    i, i_end, j, j_end = starts[a], starts[a + 1], starts[b], starts[b + 1]
    common, sizes = 0, i_end - i + j_end - j
    while i < i_end and j < j_end:
        x, y = sets[i], sets[j]
        common += x == y
        i += x <= y
        j += y <= x
    return common / max(sizes - common, 1)


@kernel(OFFSETS, OFFSETS, U64, OFFSETS, numba.float64, OUT_I64, numba.types.Array(numba.float64, 1, "C"))
def _resolve(members, bounds, sets, starts, threshold, kept, similarity):  # type: ignore[no-untyped-def]
    standing = np.empty(MAX_KEPT, np.int64)
    for cluster in range(len(bounds) - 1):
        count = 0
        for place in range(bounds[cluster], bounds[cluster + 1]):
            member = members[place]
            for k in range(count):
                found = _similarity(sets, starts, member, standing[k])
                if found >= threshold:
                    kept[member], similarity[member] = standing[k], found
                    break
            if kept[member] < 0 and count < MAX_KEPT:
                standing[count] = member
                count += 1


def union(left: np.ndarray, right: np.ndarray, count: int) -> np.ndarray:
    """The smallest member of each item's cluster, int64 [count], after joining left[i] with right[i]."""
    parents = np.arange(count, dtype=np.int64)
    _union(left, right, parents)
    return parents


def resolve(
    members: np.ndarray, bounds: np.ndarray, sets: np.ndarray, starts: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """(kept, similarity) of each item: which other item makes it a duplicate (-1: it stays), and how similar they are.

    members[bounds[c]:bounds[c + 1]] are the items of cluster c, the one to prefer first. An item goes only if its own
    similarity with one that stays reaches the threshold; being linked by a chain of others is not enough.
    """
    kept = np.full(len(starts) - 1, -1, dtype=np.int64)
    similarity = np.zeros(len(starts) - 1)
    _resolve(members, bounds, sets, starts, threshold, kept, similarity)
    return kept, similarity
