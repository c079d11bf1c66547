"""Shingles (runs of n words), MinHash bands over them, and the true Jaccard similarity of two sets of them."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.text import DIGIT, HAN, LATIN, MARK, TABLE_SIZE, buffers, class_table
from aigc_cli.clean.kernels.words import CHARACTER_WORD, FNV_OFFSET, FNV_PRIME, decode, hash_bytes, mix, next_word
from aigc_cli.core.jit import BYTES, INT64, OFFSETS, OUT_I64, OUT_U64, OUT_U64_2D, U32, U64, inner, kernel

STEP = np.uint64(0x9E3779B97F4A7C15)
BASE = np.uint64(0xD6E8FEB86659FD93)  # of the rolling hash: odd, bits without a pattern
_TOP = np.uint32(0xFFFFFFFF)
_LANES = 16  # permutations are filled up to a multiple of this: whole vector registers


@inner
def _ascii_word(data, i, end, folded):  # type: ignore[no-untyped-def]
    """(hash, position after it) of the run of ASCII letters and digits at byte i; hash_bytes gives the same."""
    value = FNV_OFFSET
    low = folded[data[i]]
    while low != 0:
        value = (value ^ np.uint64(low)) * FNV_PRIME
        i += 1
        if i == end:
            break
        low = folded[data[i]]
    return mix(value), i


@inner
def next_hash(data, i, end, table, folded):  # type: ignore[no-untyped-def]
    """(hash, position after it) of the first word at or after byte i; position -1 where there is none.

    The words are next_word's. ASCII words and single Han characters, which are most, take a shorter way.
    """
    while i < end:
        first = data[i]
        if first < 0x80:
            if folded[first] == 0:
                i += 1
                continue
            value, stop = _ascii_word(data, i, end, folded)
            if stop == end or (data[stop] < 0x80 and data[stop] != 0x27):
                return value, stop
        elif 0xE0 <= first < 0xF0 and i + 2 < end:
            code = (np.int64(first) & 0x0F) << 12 | (np.int64(data[i + 1]) & 0x3F) << 6 | np.int64(data[i + 2]) & 0x3F
            kind = table[code]
            if kind >= HAN:
                return mix(np.uint64(code) + STEP), i + 3
            if kind < LATIN or kind == MARK:
                i += 3
                continue
        break
    begin, stop, characters, kind = next_word(data, i, end, table)
    if characters == 0:
        return np.uint64(0), -1
    if kind == CHARACTER_WORD:
        code, _ = decode(data, begin, end)
        return mix(np.uint64(code) + STEP), stop
    return hash_bytes(data, begin, stop, True), stop


@kernel(BYTES, OFFSETS, BYTES, BYTES, INT64, OUT_U64, OUT_I64)
def _shingles(data, offsets, table, folded, length, out, starts):  # type: ignore[no-untyped-def]
    words = np.zeros(length, np.uint64)  # a ring
    leaving = np.uint64(1)
    for _ in range(length):
        leaving *= BASE
    written = 0
    for document in range(len(offsets) - 1):
        starts[document] = written
        words[:] = np.uint64(0)
        rolling, count, slot = np.uint64(0), 0, 0
        i, end = offsets[document], offsets[document + 1]
        while True:
            value, i = next_hash(data, i, end, table, folded)
            if i < 0:
                break
            rolling = rolling * BASE + value - words[slot] * leaving
            words[slot] = value
            slot = slot + 1 if slot + 1 < length else 0
            count += 1
            if count >= length:
                out[written] = mix(rolling)
                written += 1
        if 0 < count < length:
            out[written] = mix(rolling)
            written += 1
    starts[len(offsets) - 1] = written


@kernel(U64, OFFSETS, U32, U32, INT64, OUT_U64_2D)
def _bands(shingles, starts, factors, terms, rows, out):  # type: ignore[no-untyped-def]
    count = len(factors)
    least = np.empty(count, np.uint32)
    for document in range(len(starts) - 1):
        i, last = starts[document], starts[document + 1] - 1
        if i > last:
            continue
        for k in range(count):
            least[k] = _TOP
        # Four shingles at a time: the loop over permutations becomes vector code. The last may be taken twice.
        while i <= last:
            a, b = np.uint32(shingles[i]), np.uint32(shingles[min(i + 1, last)])
            c, d = np.uint32(shingles[min(i + 2, last)]), np.uint32(shingles[min(i + 3, last)])
            for k in range(count):
                factor, term = factors[k], terms[k]
                one = min(np.uint32(factor * a + term), np.uint32(factor * b + term))
                two = min(np.uint32(factor * c + term), np.uint32(factor * d + term))
                least[k] = min(least[k], min(one, two))
            i += 4
        for band in range(out.shape[1]):
            key = np.uint64(band + 1)
            for k in range(band * rows, (band + 1) * rows):
                key = mix(key * STEP ^ np.uint64(least[k]))
            out[document, band] = key if key != np.uint64(0) else np.uint64(1)


@kernel(U64, OFFSETS, OFFSETS, OFFSETS, OUT_I64)
def _common(sets, starts, left, right, out):  # type: ignore[no-untyped-def]
    for pair in range(len(left)):
        i, j = starts[left[pair]], starts[right[pair]]
        i_end, j_end = starts[left[pair] + 1], starts[right[pair] + 1]
        common = 0
        while i < i_end and j < j_end:
            a, b = sets[i], sets[j]
            common += a == b
            i += a <= b
            j += b <= a
        out[pair] = common


@functools.cache
def folded_table() -> np.ndarray:
    """For each byte: the lower-case letter or the digit that it is, 0 for everything else and above ASCII."""
    folded = np.zeros(256, dtype=np.uint8)
    classes = class_table()
    for code in range(128):
        if LATIN <= classes[code] <= DIGIT:
            folded[code] = ord(chr(code).lower())
    folded.flags.writeable = False
    return folded


def shingles(column: pa.Array, length: int) -> tuple[np.ndarray, np.ndarray]:
    """(hashes uint64, starts int64 [documents + 1]): all shingles of each document, in order, ASCII case folded.

    A document of fewer than `length` words has one shingle of all its words; one without words has none.
    Source: the hash of a run is a polynomial in its words' hashes (Karp and Rabin 1987), mixed.
    """
    data, offsets = buffers(column)
    room = int(offsets[-1] - offsets[0]) // 2 + len(column) + 1
    out = np.empty(room, dtype=np.uint64)
    starts = np.zeros(len(column) + 1, dtype=np.int64)
    assert TABLE_SIZE > 0xFFFF  # every code of three bytes has a class
    _shingles(data, offsets, class_table(), folded_table(), length, out, starts)
    return out[: starts[-1]], starts


def bands(hashes: np.ndarray, starts: np.ndarray, *, bands: int, rows: int, seed: int) -> np.ndarray:
    """MinHash of each document as one key per band of `rows` minima, uint64 [documents, bands]; 0: no shingles.

    Source: Broder 1997; the hash functions are x -> a x + b mod 2^32 with odd a, over the shingles' low halves.
    """
    count = -(-bands * rows // _LANES) * _LANES
    generator = np.random.Generator(np.random.PCG64(seed))
    numbers = generator.integers(0, 2**32, size=(2, count), dtype=np.uint32)
    out = np.zeros((len(starts) - 1, bands), dtype=np.uint64)
    _bands(hashes, starts, numbers[0] | np.uint32(1), numbers[1], rows, out)
    return out


def jaccard(sets: np.ndarray, starts: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Similarity of documents left[i] and right[i], float64; their sets are sorted and without repeats in `sets`."""
    common = np.zeros(len(left), dtype=np.int64)
    _common(sets, starts, left, right, common)
    sizes = np.diff(starts)
    union = sizes[left] + sizes[right] - common
    return common / np.maximum(union, 1)
