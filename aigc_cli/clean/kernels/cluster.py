"""From band keys to clusters: pairs of one bucket, union-find over the similar ones, and who stays in each cluster."""

from __future__ import annotations

import numba
import numpy as np

from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_BYTES, OUT_I64, OUT_I64_2D, OUT_U64, U64, inner, kernel

MAX_KEPT = 64  # documents of one cluster that another is compared with: bounds the work on degenerate clusters
NEIGHBOURS = 3  # earlier members of its bucket that a document is paired with, beside the first

FLOAT = numba.float64
OUT_F64 = numba.types.Array(FLOAT, 1, "C")
PAIRS = numba.types.Array(numba.int64, 2, "C", readonly=True)


@kernel(U64, BYTES, INT64, OUT_U64, OUT_I64, INT64, returns=INT64)
def select(values, alive, start, keys, rows, count):  # type: ignore[no-untyped-def]
    """Append (value, row) of the rows from `start` on that are alive and not 0; gives the new count."""
    for i in range(len(values)):
        if alive[i] and values[i] != np.uint64(0):
            keys[count], rows[count] = values[i], start + i
            count += 1
    return count


@kernel(U64, OFFSETS, OUT_I64, OUT_BYTES, OUT_I64_2D, returns=INT64)
def propose(keys, rows, state, marks, pairs):  # type: ignore[no-untyped-def]
    """Fill `pairs` with (earlier, later) rows of equal keys and mark them; gives the number, 0 at the end.

    keys and rows are sorted. Each member of a bucket is paired with the first and with the NEIGHBOURS before it.
    `state` is [next position, first of its bucket]; it starts as zeros.
    """
    count, place, first = 0, state[0], state[1]
    while place < len(keys) and count + NEIGHBOURS < len(pairs):
        if keys[place] != keys[first]:
            first = place
        if place > first:
            marks[rows[place]] = marks[rows[first]] = 1
            pairs[count] = rows[first], rows[place]
            count += 1
            for near in range(max(first + 1, place - NEIGHBOURS), place):
                pairs[count] = rows[near], rows[place]
                count += 1
        place += 1
    state[0], state[1] = place, first
    return count


@kernel(U64, OFFSETS, U64, OUT_I64)
def same(high, rows, low, match):  # type: ignore[no-untyped-def]
    """match[row] = the first row with an equal key of 128 bits, for all but that one.

    `high` and `rows` are sorted; low[row] is the other half of the key.
    """
    first = 0
    for place in range(len(high)):
        if high[place] != high[first]:
            first = place
        for k in range(first, place):  # ends at once, unless halves of different keys are equal
            if low[rows[k]] == low[rows[place]]:
                match[rows[place]] = rows[k]
                break


@inner
def _root(parents, item):  # type: ignore[no-untyped-def]
    while parents[item] != item:
        parents[item] = parents[parents[item]]
        item = parents[item]
    return item


@inner
def _similarity(sets, starts, a, b, threshold):  # type: ignore[no-untyped-def]
    """The Jaccard similarity of two items; -1 where it is seen early that it is below the threshold."""
    i, i_end, j, j_end = starts[a], starts[a + 1], starts[b], starts[b + 1]
    size = i_end - i + j_end - j
    # Of two sets with similarity t, a share of (1 - t) / (1 + t) of all elements is in one of them only.
    spare = size * (1.0 - threshold) / (1.0 + threshold) + 0.5
    common, alone = 0, 0
    while i < i_end and j < j_end:
        x, y = sets[i], sets[j]
        i += x <= y
        j += y <= x
        if x == y:
            common += 1
        else:
            alone += 1
            if alone > spare:
                return -1.0
    return common / max(size - common, 1)


@kernel(PAIRS, OFFSETS, U64, OFFSETS, FLOAT, OUT_I64)
def join(pairs, slots, sets, starts, threshold, parents):  # type: ignore[no-untyped-def]
    """Join the clusters of the pairs of rows whose similarity reaches the threshold; slots[row] is the row's item.

    Pairs of one cluster need not be compared: it does not change.
    """
    for pair in range(len(pairs)):
        left, right = slots[pairs[pair, 0]], slots[pairs[pair, 1]]
        a, b = _root(parents, left), _root(parents, right)
        if a != b and _similarity(sets, starts, left, right, threshold) >= threshold:
            parents[max(a, b)] = min(a, b)


@kernel(PAIRS, OFFSETS, U64, OFFSETS, FLOAT, OUT_I64, OUT_F64)
def partners(pairs, slots, sets, starts, threshold, kept, similarity):  # type: ignore[no-untyped-def]
    """For both items of similar pairs the most similar other, the first of equals."""
    for pair in range(len(pairs)):
        left, right = slots[pairs[pair, 0]], slots[pairs[pair, 1]]
        found = _similarity(sets, starts, left, right, threshold)
        if found >= threshold:
            if found > similarity[left] or (found == similarity[left] and right < kept[left]):
                kept[left], similarity[left] = right, found
            if found > similarity[right] or (found == similarity[right] and left < kept[right]):
                kept[right], similarity[right] = left, found


@kernel(OUT_I64)
def flatten(parents):  # type: ignore[no-untyped-def]
    """Make every item's parent the root of its cluster, which is its smallest member."""
    for item in range(len(parents)):
        parents[item] = _root(parents, item)


@kernel(U64, OFFSETS, OFFSETS, U64, OFFSETS, FLOAT, OUT_I64, OUT_F64)
def resolve(roots, ranks, order, sets, starts, threshold, kept, similarity):  # type: ignore[no-untyped-def]
    """kept[item] = the item that makes it a duplicate, similarity[item] = how similar they are.

    roots is sorted; order[ranks[place]] is the item at that place, the one to prefer first in each cluster. An item
    goes only if its own similarity with one that stays reaches the threshold; a chain of others is not enough.
    """
    standing = np.empty(MAX_KEPT, np.int64)
    count = 0
    for place in range(len(roots)):
        if place == 0 or roots[place] != roots[place - 1]:
            count = 0
        member = order[ranks[place]]
        for k in range(count):
            found = _similarity(sets, starts, member, standing[k], threshold)
            if found >= threshold:
                kept[member], similarity[member] = standing[k], found
                break
        if kept[member] < 0 and count < MAX_KEPT:
            standing[count] = member
            count += 1


@kernel(U64, OFFSETS, OUT_U64, OUT_I64, returns=INT64)
def distinct(hashes, bounds, out, sizes):  # type: ignore[no-untyped-def]
    """Copy the sorted hashes[bounds[i]:bounds[i + 1]] without repeats to `out`; sizes[i] of them, the sum is given."""
    count = 0
    for i in range(len(bounds) - 1):
        begin = count
        for k in range(bounds[i], bounds[i + 1]):
            if k == bounds[i] or hashes[k] != hashes[k - 1]:
                out[count] = hashes[k]
                count += 1
        sizes[i] = count - begin
    return count


@kernel(OUT_I64, BYTES)
def follow(match, exact):  # type: ignore[no-untyped-def]
    """An exact copy of a document that goes itself points to what stays in that one's place."""
    for row in range(len(match)):
        if exact[row] and match[match[row]] >= 0:
            match[row] = match[match[row]]
