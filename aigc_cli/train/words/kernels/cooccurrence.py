"""GloVe's counts and updates.

Source: Pennington, Socher and Manning 2014, "GloVe: Global Vectors for Word Representation", sections 3 and 4.2
(counts weighted by 1 / distance; AdaGrad; the weighting function, equation 9).
"""

from __future__ import annotations

import math

import numpy as np

from aigc_cli.core.jit import F32, FLOAT64, I32, INT64, OUT_F32, OUT_F32_2D, OUT_F64, OUT_U64, U64, inlined, kernel

ODD, INVERSE = 0x9E3779B97F4A7C15, 0xF1DE83E19937733D  # ODD * INVERSE = 1 (mod 2^64)


@inlined
def _scattered(key):  # type: ignore[no-untyped-def]
    """A reversible scattering of 64 bits: sorting by it is shuffling."""
    key = key * np.uint64(ODD)
    return key ^ (key >> np.uint64(32))


@kernel(I32, INT64, INT64, INT64, OUT_U64, OUT_F32, returns=INT64)
def pairs(ids, begin, end, window, keys, weights):  # type: ignore[no-untyped-def]
    """The pairs of ids[begin:end] with words up to `window` before them (in the same text), in both orders."""
    n = 0
    for i in range(begin, end):
        if ids[i] < 0:
            continue
        for distance in range(1, window + 1):
            j = i - distance
            if j < 0 or ids[j] < 0:
                break
            a, b = np.uint64(ids[i]), np.uint64(ids[j])
            weight = np.float32(1.0 / distance)
            keys[n], weights[n] = _scattered(a << np.uint64(32) | b), weight
            keys[n + 1], weights[n + 1] = _scattered(b << np.uint64(32) | a), weight
            n += 2
    return n


@kernel(U64, F32, OUT_F32_2D, OUT_F32_2D, OUT_F32_2D, OUT_F32_2D, FLOAT64, FLOAT64, FLOAT64, OUT_F64, fastmath=True)
def train_pairs(  # type: ignore[no-untyped-def]
    keys, counts, words, contexts, words_squares, contexts_squares, rate, most, power, result
):
    """One pass over counted pairs: J = f(X) (w c + b + b' - log X)^2, each step divided by its AdaGrad root.

    words, contexts [V, D + 1]: the last column is the bias; *_squares: the sums of squared gradients (begin at 1).
    result: [sum of J / 2, pairs].
    """
    dim = words.shape[1] - 1
    loss = 0.0
    for n in range(len(keys)):
        key = keys[n]
        key = (key ^ (key >> np.uint64(32))) * np.uint64(INVERSE)
        a, b = np.int64(key >> np.uint64(32)), np.int64(key & np.uint64(0xFFFFFFFF))
        w, c, sw, sc = words[a], contexts[b], words_squares[a], contexts_squares[b]
        dot = w[dim] + c[dim]
        for d in range(dim):
            dot += w[d] * c[d]
        x = np.float64(counts[n])
        error = np.float64(dot) - math.log(x)
        weight = 1.0 if x >= most else (x / most) ** power
        loss += 0.5 * weight * error * error
        g = np.float32(weight * error * rate)
        for d in range(dim):
            gw, gc = g * c[d], g * w[d]
            w[d] -= gw / math.sqrt(sw[d])
            c[d] -= gc / math.sqrt(sc[d])
            sw[d] += gw * gw
            sc[d] += gc * gc
        w[dim] -= g / math.sqrt(sw[dim])
        c[dim] -= g / math.sqrt(sc[dim])
        sw[dim] += g * g
        sc[dim] += g * g
    result[0], result[1] = loss, len(keys)
