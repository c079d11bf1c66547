"""Hash tables that kernels read and write: pairs of numbers to two numbers, and words to the ids they gave before.

The memo of words has one row of four numbers a slot, half a cache line:
0  hash of the word, 0 where the slot is free
1  the word's first 8 bytes
2  place of all its bytes in the memo's bytes << 32 | their number << 16 | number of ids
3  up to two ids, or the place of more in the memo's ids
"""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import I32, OUT_I32, OUT_U64, inlined, inner, kernel

LONGEST_WORD = 255  # bytes; longer ones are encoded anew each time
FULL_SHARE = 0.6  # of the slots
USED_SLOTS, USED_BYTES, USED_IDS = range(3)  # in a memo's state

ZERO = np.uint64(0)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)


@inlined
def mixed(value):  # type: ignore[no-untyped-def]
    """A well-spread permutation of 64-bit numbers. Source: the finaliser of splitmix64 (Steele et al. 2014)."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


@inlined
def find_pair(keys, left, right):  # type: ignore[no-untyped-def]
    """The slot of (left, right), both >= 0, or -1."""
    key = np.uint64(left) << np.uint64(32) | np.uint64(right + 1)
    mask = np.uint64(len(keys) - 1)
    slot = (key * _GOLDEN) >> np.uint64(20) & mask
    while keys[slot] != np.uint64(0):
        if keys[slot] == key:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@kernel(I32, I32, I32, I32, OUT_U64, OUT_I32, OUT_I32)
def fill_pairs(lefts, rights, firsts, seconds, keys, first, second):  # type: ignore[no-untyped-def]
    """Put (left, right) -> (first, second) into an empty table; of equal pairs the first stays."""
    mask = np.uint64(len(keys) - 1)
    for i in range(len(lefts)):
        key = np.uint64(lefts[i]) << np.uint64(32) | np.uint64(rights[i] + 1)
        slot = (key * _GOLDEN) >> np.uint64(20) & mask
        while keys[slot] != np.uint64(0) and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == np.uint64(0):
            keys[slot], first[slot], second[slot] = key, firsts[i], seconds[i]


@inlined
def pair_bit(left, right, bits):  # type: ignore[no-untyped-def]
    """The place of two characters in a set of `bits` bits, a power of two."""
    key = np.uint64(left) << np.uint64(32) | np.uint64(right)
    return (key * _GOLDEN) >> np.uint64(24) & np.uint64(bits - 1)


@inlined
def has_pair(left, right, bits):  # type: ignore[no-untyped-def]
    """Whether the bit of a pair is set: at times a needless yes, never a wrong no."""
    bit = pair_bit(left, right, len(bits) * 64)
    return bits[bit >> np.uint64(6)] >> (bit & np.uint64(63)) & np.uint64(1) != np.uint64(0)


@kernel(I32, I32, OUT_U64)
def fill_pair_bits(lefts, rights, bits):  # type: ignore[no-untyped-def]
    """Set the bit of every pair."""
    for i in range(len(lefts)):
        bit = pair_bit(lefts[i], rights[i], len(bits) * 64)
        bits[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))


@inlined
def word_hash(data, start, stop):  # type: ignore[no-untyped-def]
    """(64-bit hash of the bytes, never 0; the first 8 bytes as a number)."""
    first = word = np.uint64(0)
    value = np.uint64(stop - start) * _GOLDEN
    shift = np.uint64(0)
    for i in range(start, stop):
        word |= np.uint64(data[i]) << shift
        shift += np.uint64(8)
        if shift == np.uint64(64):
            if i - start == 7:
                first = word
            value = mixed(value ^ word)
            word = shift = np.uint64(0)
    if stop - start < 8:
        first = word
    return mixed(value ^ word) | np.uint64(1), first


@inlined
def find_word(slots, memo_bytes, data, start, stop, value, first):  # type: ignore[no-untyped-def]
    """The slot of a word, or -1 - the free slot where it belongs."""
    mask = np.uint64(len(slots) - 1)
    slot = value >> np.uint64(8) & mask
    size = stop - start
    while slots[slot, 0] != np.uint64(0):
        if slots[slot, 0] == value and slots[slot, 1] == first:
            where = slots[slot, 2]
            if np.int64(where >> np.uint64(16) & np.uint64(0xFFFF)) == size:
                place = np.int64(where >> np.uint64(32))
                k = 8
                while k < size and memo_bytes[place + k] == data[start + k]:
                    k += 1
                if k >= size:
                    return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1) - np.int64(slot)


@inlined
def recall(slots, memo_ids, slot, out, n):  # type: ignore[no-untyped-def]
    """Write a known word's ids at out[n:]; gives the place after them."""
    count = np.int64(slots[slot, 2] & np.uint64(0xFFFF))
    held = slots[slot, 3]
    if count <= 2:
        out[n] = np.uint32(held & _LOW)
        if count == 2:
            out[n + 1] = np.uint32(held >> np.uint64(32))
    else:
        place = np.int64(held)
        for k in range(count):
            out[n + k] = memo_ids[place + k]
    return n + count


@inner
def remember(  # type: ignore[no-untyped-def]
    slots, memo_bytes, memo_ids, state, slot, data, start, stop, value, first, out, n, end
):
    """Keep the ids out[n:end] of a word in the free slot; a full memo is emptied instead."""
    size, count = stop - start, end - n
    used = state[USED_SLOTS] + 1
    if (
        used > FULL_SHARE * len(slots)
        or state[USED_BYTES] + size > len(memo_bytes)
        or state[USED_IDS] + count > len(memo_ids)
    ):
        slots[:, 0] = np.uint64(0)
        state[:] = 0
        return
    place, held = state[USED_BYTES], np.uint64(out[n])
    if size > 8:
        for k in range(8, size):
            memo_bytes[place + k] = data[start + k]
        state[USED_BYTES] += size
    if count == 2:
        held |= np.uint64(out[n + 1]) << np.uint64(32)
    elif count > 2:
        held = np.uint64(state[USED_IDS])
        for k in range(count):
            memo_ids[state[USED_IDS] + k] = out[n + k]
        state[USED_IDS] += count
    slots[slot, 0], slots[slot, 1], slots[slot, 3] = value, first, held
    slots[slot, 2] = np.uint64(place) << np.uint64(32) | np.uint64(size) << np.uint64(16) | np.uint64(count)
    state[USED_SLOTS] = used
