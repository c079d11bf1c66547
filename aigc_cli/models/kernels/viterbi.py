"""The best path through one word for a unigram vocabulary.

Source: Kudo 2018, Subword Regularization, section 3.2. Ties fall as in sentencepiece: the earlier start stays.
"""

from __future__ import annotations

import numpy as np

from aigc_cli.core.jit import inner
from aigc_cli.models.kernels.tables import find_pair


@inner
def segment(characters, starts, steps, best, n, keys, nodes, pieces, scores):  # type: ignore[no-untyped-def]
    """Cut characters[:n] into pieces: ids (-1: no piece) and their first bytes replace both; gives how many.

    The vocabulary is a tree: (node, character) -> (next node, piece that ends there or -1); the root is 0.
    The last of `scores` is that of a character that is no piece. `steps` and `best` are room for n + 1 numbers.
    """
    steps[1 : n + 1] = -1  # how the best path comes to each end: its start << 32 | 1 + the piece
    best[0], unknown = 0.0, scores[len(scores) - 1]
    for i in range(n):
        node, single = np.int64(0), False
        for j in range(i, n):
            slot = find_pair(keys, node, characters[j])
            if slot < 0:
                break
            node, piece = np.int64(nodes[slot]), np.int64(pieces[slot])
            if piece >= 0:
                score = best[i] + scores[piece]
                if steps[j + 1] < 0 or score > best[j + 1]:
                    best[j + 1], steps[j + 1] = score, np.int64(i) << 32 | (piece + 1)
                single = single or j == i
        if not single and (steps[i + 1] < 0 or best[i] + unknown > best[i + 1]):
            best[i + 1], steps[i + 1] = best[i] + unknown, np.int64(i) << 32
    count, end = 0, n
    while end > 0:  # the path from its end, written to the end of the row
        count += 1
        step = steps[end]
        characters[n - count], end = (step & 0xFFFFFFFF) - 1, step >> 32
        # A start is never overwritten before it is read: the row is filled from behind, pieces are one long or more.
        starts[n - count] = starts[end]
    for k in range(count):
        characters[k], starts[k] = characters[n - count + k], starts[n - count + k]
    return count
