"""Byte-pair merges within one word: the best-ranked pair first, the leftmost of equals.

A word is a row of symbols: ids of the vocabulary, numbers above them for characters that only parts of pieces have,
or -1 for characters that no piece has. `starts` are the bytes where symbols begin.
Source: Sennrich et al. 2016, Neural Machine Translation of Rare Words with Subword Units, algorithm 1.
"""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import inner
from aigc_cli.models.kernels.tables import find_pair

SHORT = 48  # symbols; up to here a scan for the best pair is faster than a heap
NO_RANK = np.int64(0x7FFFFFFF)


@inner
def _slot_of(keys, left, right):  # type: ignore[no-untyped-def]
    return find_pair(keys, left, right) if left >= 0 and right >= 0 else np.int64(-1)


@inner
def merge(symbols, starts, slots, n, keys, ranks, merged):  # type: ignore[no-untyped-def]
    """Merge symbols[:n] in place, with `slots` as room for n numbers; gives the number that is left."""
    if n <= SHORT:
        return _merge_short(symbols, starts, slots, n, keys, ranks, merged)
    return _merge_long(symbols, starts, slots, n, keys, ranks, merged)


@inner
def _merge_short(symbols, starts, slots, n, keys, ranks, merged):  # type: ignore[no-untyped-def]
    for i in range(n - 1):
        slots[i] = _slot_of(keys, symbols[i], symbols[i + 1])
    while n > 1:
        best, rank = -1, NO_RANK
        for i in range(n - 1):
            if slots[i] >= 0 and ranks[slots[i]] < rank:
                best, rank = i, np.int64(ranks[slots[i]])
        if best < 0:
            break
        symbols[best] = merged[slots[best]]
        n -= 1
        for i in range(best + 1, n):
            symbols[i], starts[i] = symbols[i + 1], starts[i + 1]
            slots[i - 1] = slots[i]
        if best > 0:
            slots[best - 1] = _slot_of(keys, symbols[best - 1], symbols[best])
        if best < n - 1:
            slots[best] = _slot_of(keys, symbols[best], symbols[best + 1])
    return n


@inner
def _sift_up(heap, size, key):  # type: ignore[no-untyped-def]
    place = size
    while place > 0 and heap[(place - 1) >> 1] > key:
        heap[place] = heap[(place - 1) >> 1]
        place = (place - 1) >> 1
    heap[place] = key


@inner
def _pop(heap, size):  # type: ignore[no-untyped-def]
    """The least key of heap[:size]; afterwards heap[: size - 1] is the heap."""
    top, key = heap[0], heap[size - 1]
    place, size = 0, size - 1
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = key
    return top


@inner
def _offer(heap, size, slots, left, slot, ranks):  # type: ignore[no-untyped-def]
    """Note the pair that begins at `left`, and put it into the heap if it can merge; the heap's new size."""
    slots[left] = slot
    if slot < 0:
        return size
    _sift_up(heap, size, np.int64(ranks[slot]) << 32 | left)
    return size + 1


@inner
def _merge_long(symbols, starts, slots, n, keys, ranks, merged):  # type: ignore[no-untyped-def]
    # Every merge takes one pair out and puts two in at most, so 3 n keys fit.
    heap = np.empty(3 * n, np.int64)
    after, before = np.arange(1, n + 1), np.arange(-1, n - 1)
    size = 0
    for i in range(n - 1):
        size = _offer(heap, size, slots, i, _slot_of(keys, symbols[i], symbols[i + 1]), ranks)
    slots[n - 1] = -1
    while size > 0:
        key = _pop(heap, size)
        size -= 1
        left = key & 0xFFFFFFFF
        slot = slots[left]
        if slot < 0 or np.int64(ranks[slot]) != key >> 32:
            continue  # one of its two symbols has changed since
        right = after[left]
        symbols[left], slots[right] = merged[slot], -1
        symbols[right] = -2  # gone
        after[left] = after[right]
        if after[left] < n:
            before[after[left]] = left
            size = _offer(heap, size, slots, left, _slot_of(keys, symbols[left], symbols[after[left]]), ranks)
        else:
            slots[left] = -1
        if before[left] >= 0:
            prior = before[left]
            size = _offer(heap, size, slots, prior, _slot_of(keys, symbols[prior], symbols[left]), ranks)
    count = 0
    for i in range(n):
        if symbols[i] != -2:
            symbols[count], starts[count] = symbols[i], starts[i]
            count += 1
    return count
