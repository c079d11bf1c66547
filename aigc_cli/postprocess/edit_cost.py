"""Edit distance from one word to many at once: counted edits, and edits weighted by how people misspell.

Arrays are [i, j, K]: i letters of the typed word, j letters of each of K candidates.
Source: Damerau, A technique for computer detection and correction of spelling errors, CACM 1964; the restricted form,
in which no letter is edited twice.
"""

from __future__ import annotations

import numpy as np

MAX_EDITS = 2
DOUBLED = 0.55  # a letter doubled or a doubled letter written once
VOWEL = 0.6  # one vowel for another
CONFUSED = 0.6  # consonants that sound alike
SWAPPED = 0.6  # two neighbours exchanged
APOSTROPHE = 0.3  # an apostrophe left out: "dont"
FIRST_LETTER = 0.5  # added when the first letter changes, which writers seldom get wrong
CONFUSED_PAIRS = ("ck", "cs", "sz", "gj", "mn", "bp", "dt", "fv", "fp", "vw", "qk", "xc")
_INFINITE = 99.0


def _substitution() -> np.ndarray:
    """Cost of writing one letter for another, [28, 28]."""
    costs = np.ones((28, 28), np.float32)
    code = {c: i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz", 1)}
    for a in "aeiouy":
        for b in "aeiouy":
            costs[code[a], code[b]] = VOWEL
    for a, b in map(tuple, CONFUSED_PAIRS):
        costs[code[a], code[b]] = costs[code[b], code[a]] = CONFUSED
    np.fill_diagonal(costs, 0.0)
    return costs


SUBSTITUTION = _substitution()


def edits(typed: np.ndarray, words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Whole edits from `typed` [n] to each row of `words` [K, L] of the given lengths [K]."""
    n, columns = len(typed), words.T
    m = int(lengths.max())
    table = np.full((n + 1, m + 1, len(words)), n + m, np.int8)
    table[0] = np.arange(m + 1)[:, None]
    table[:, 0] = np.arange(n + 1)[:, None]
    for i in range(1, n + 1):
        differs = columns[:m] != typed[i - 1]
        best = np.minimum(table[i - 1, :-1] + differs, table[i - 1, 1:] + 1)
        if i > 1 and typed[i - 1] != typed[i - 2]:
            swapped = (columns[: m - 1] == typed[i - 1]) & (columns[1:m] == typed[i - 2])
            best[1:] = np.where(swapped, np.minimum(best[1:], table[i - 2, : m - 1] + 1), best[1:])
        row = table[i]
        for j in range(1, m + 1):
            np.minimum(best[j - 1], row[j - 1] + 1, out=row[j])
    return table[n, lengths, np.arange(len(words))]


def weighted(typed: np.ndarray, words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Weighted edits from `typed` [n] to each row of `words` [K, L] of the given lengths [K], float32."""
    n, columns = len(typed), words.T
    m = int(lengths.max())
    insert = np.ones((m, len(words)), np.float32)
    insert[1:][columns[1:m] == columns[: m - 1]] = DOUBLED
    insert[columns[:m] == 27] = APOSTROPHE
    insert[0] += FIRST_LETTER
    table = np.full((n + 1, m + 1, len(words)), _INFINITE, np.float32)
    table[0, 0] = 0.0
    table[0, 1:] = np.cumsum(insert, axis=0)
    for i in range(1, n + 1):
        doubled = i > 1 and typed[i - 1] == typed[i - 2]
        delete = DOUBLED if doubled else 1.0 + FIRST_LETTER * (i == 1)
        table[i, 0] = table[i - 1, 0] + delete
        replace = SUBSTITUTION[typed[i - 1]][columns[:m]]
        if i == 1:
            replace[0] += FIRST_LETTER * (columns[0] != typed[0])
        best = np.minimum(table[i - 1, :-1] + replace, table[i - 1, 1:] + delete)
        if i > 1 and not doubled:
            swapped = (columns[: m - 1] == typed[i - 1]) & (columns[1:m] == typed[i - 2])
            best[1:] = np.where(swapped, np.minimum(best[1:], table[i - 2, : m - 1] + SWAPPED), best[1:])
        row = table[i]
        for j in range(1, m + 1):
            np.minimum(best[j - 1], row[j - 1] + insert[j - 1], out=row[j])
    return table[n, lengths, np.arange(len(words))]
