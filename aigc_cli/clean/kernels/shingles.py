"""Shingles (runs of n words), MinHash bands over them, and the true Jaccard similarity of two sets of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.jit import BYTES, INT64, OFFSETS, OUT_I64, OUT_U64, OUT_U64_2D, U64, inner, kernel
from aigc_cli.clean.kernels.text import buffers, class_table
from aigc_cli.clean.kernels.words import hash_bytes, mix, next_word

_STEP = np.uint64(0x9E3779B97F4A7C15)
_TOP = np.uint64(0xFFFFFFFF)


@inner
def _shingle(words, count, length):  # type: ignore[no-untyped-def]
    """Hash of the `length` newest of `count` words; `words` is a ring."""
    value = np.uint64(length)
    for k in range(count - length, count):
        value = mix(value * _STEP ^ words[k % len(words)])
    return value


@kernel(BYTES, OFFSETS, BYTES, INT64, OUT_U64, OUT_I64)
def _shingles(data, offsets, table, length, out, starts):  # type: ignore[no-untyped-def]
    words = np.zeros(length, np.uint64)
    written = 0
    for document in range(len(offsets) - 1):
        starts[document] = written
        count = 0
        i, end = offsets[document], offsets[document + 1]
        while True:
            begin, i, characters, _ = next_word(data, i, end, table)
            if characters == 0:
                break
            words[count % length] = hash_bytes(data, begin, i, True)
            count += 1
            if count >= length:
                out[written] = _shingle(words, count, length)
                written += 1
        if 0 < count < length:
            out[written] = _shingle(words, count, count)
            written += 1
    starts[len(offsets) - 1] = written


@kernel(U64, OFFSETS, U64, U64, INT64, OUT_U64_2D)
def _bands(shingles, starts, factors, terms, rows, out):  # type: ignore[no-untyped-def]
    least = np.empty(len(factors), np.uint64)
    for document in range(len(starts) - 1):
        if starts[document] == starts[document + 1]:
            continue
        least[:] = _TOP
        for i in range(starts[document], starts[document + 1]):
            shingle = shingles[i]
            for k in range(len(factors)):
                value = (factors[k] * shingle + terms[k]) >> np.uint64(32)
                least[k] = min(least[k], value)
        for band in range(out.shape[1]):
            key = np.uint64(band + 1)
            for k in range(band * rows, (band + 1) * rows):
                key = mix(key * _STEP ^ least[k])
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


def shingles(column: pa.Array, length: int) -> tuple[np.ndarray, np.ndarray]:
    """(hashes uint64, starts int64 [documents + 1]): all shingles of each document, in order, ASCII case folded.

    A document of fewer than `length` words has one shingle of all its words; one without words has none.
    """
    data, offsets = buffers(column)
    room = int(offsets[-1] - offsets[0]) // 2 + len(column) + 1
    out = np.empty(room, dtype=np.uint64)
    starts = np.zeros(len(column) + 1, dtype=np.int64)
    _shingles(data, offsets, class_table(), length, out, starts)
    return out[: starts[-1]], starts


def bands(hashes: np.ndarray, starts: np.ndarray, *, bands: int, rows: int, seed: int) -> np.ndarray:
    """MinHash of each document as one key per band of `rows` minima, uint64 [documents, bands]; 0: no shingles.

    Source: Broder 1997; the hash functions are multiply-shift (Dietzfelbinger et al. 1997).
    """
    numbers = np.random.Generator(np.random.PCG64(seed)).integers(0, 2**64, size=(2, bands * rows), dtype=np.uint64)
    out = np.zeros((len(starts) - 1, bands), dtype=np.uint64)
    _bands(hashes, starts, numbers[0] | np.uint64(1), numbers[1], rows, out)
    return out


def jaccard(sets: np.ndarray, starts: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Similarity of documents left[i] and right[i], float64; their sets are sorted and without repeats in `sets`."""
    common = np.zeros(len(left), dtype=np.int64)
    _common(sets, starts, left, right, common)
    sizes = np.diff(starts)
    union = sizes[left] + sizes[right] - common
    return common / np.maximum(union, 1)
