"""Words of Chinese documents as datatrove splits them (spaCy's Chinese with jieba), as numbers."""

from __future__ import annotations

import functools
import importlib.resources
import math
from typing import NamedTuple

import numpy as np

from aigc_cli.clean.parity.kernels import segment as kernels
from aigc_cli.clean.parity.kernels.tokens import SPACE_ID
from aigc_cli.clean.parity.lexicon import Tokens
from aigc_cli.core.errors import ConfigError, need

_SLOTS = 1 << 20
_SPANS = 1 << 20  # words found before they are given numbers
_STATES = "BEMS"  # the order of kernels.segment
_NEVER = -3.14e100  # jieba's logarithm of zero


class Model(NamedTuple):
    """jieba's dictionary as a trie, and its hidden Markov model."""

    keys: np.ndarray
    nodes: np.ndarray
    frequencies: np.ndarray
    logs: np.ndarray
    unknown: np.ndarray
    start: np.ndarray
    transitions: np.ndarray
    emissions: np.ndarray


@functools.cache
def model() -> Model:
    """The model of the installed jieba. Raises MissingExtra without it."""
    need("jieba", "parity")
    from jieba.finalseg.prob_emit import P as emit
    from jieba.finalseg.prob_start import P as begin
    from jieba.finalseg.prob_trans import P as change

    data = np.frombuffer((importlib.resources.files("jieba") / "dict.txt").read_bytes(), dtype=np.uint8)
    keys, nodes = np.zeros(_SLOTS, dtype=np.uint64), np.zeros(_SLOTS, dtype=np.int32)
    frequencies = np.zeros(_SLOTS * 3 // 4, dtype=np.int64)
    count = kernels.build(data, keys, nodes, frequencies)
    if count < 0:
        raise ConfigError("the dictionary of this version of jieba is too large", "pip install 'aigc-cli[parity]'")
    frequencies = frequencies[:count].copy()
    lines = data.tobytes().decode().splitlines()
    total = math.log(sum(int(line.split(" ")[1]) for line in lines))
    values, inverse = np.unique(frequencies, return_inverse=True)
    by_value = np.array([math.log(value or 1) - total for value in values.tolist()])
    emissions = np.full((kernels.LAST_HAN - kernels.FIRST_HAN + 1, 4), _NEVER)
    for number, state in enumerate(_STATES):
        for character, value in emit[state].items():
            if kernels.FIRST_HAN <= ord(character) <= kernels.LAST_HAN:
                emissions[ord(character) - kernels.FIRST_HAN, number] = value
    start = np.array([begin[state] for state in _STATES])
    transitions = np.array([[change[a].get(b, _NEVER) for b in _STATES] for a in _STATES])
    return Model(keys, nodes, frequencies, by_value[inverse], np.array([0.0 - total]), start, transitions, emissions)


class Chinese:
    """The words of Chinese documents. The memo holds words; begin a new one between batches."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        model()

    @property
    def nbytes(self) -> int:
        """Bytes of the memo."""
        return self.tokens.nbytes

    def words(
        self, data: np.ndarray, offsets: np.ndarray, rows: np.ndarray, *, spaces: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """(numbers of the words int32, bounds int64 [rows + 1]) of the documents data[offsets[row]:offsets[row + 1]].

        With `spaces` the whitespace that is a word to spaCy is there, as SPACE_ID.
        """
        sizes = offsets[rows + 1] - offsets[rows]
        room = int(max(_SPANS, sizes.max(initial=0)))
        starts, stops = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        longest = max(1, kernels.longest_block(data, offsets, rows))
        parts, bounds, total, done = [], [np.zeros(1, dtype=np.int64)], 0, 0
        found = np.zeros(len(rows) + 1, dtype=np.int64)
        while done < len(rows):
            first = done
            done = kernels.segment(data, offsets, rows, first, longest, *model(), starts, stops, found)
            numbers = self.tokens.number(data, starts[: found[done]], stops[: found[done]])
            ends = found[first + 1 : done + 1]
            if not spaces:
                words = numbers != SPACE_ID
                ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(words)])[ends]
                numbers = numbers[words]
            parts.append(numbers)
            bounds.append(ends + total)
            total += len(numbers)
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32), np.concatenate(bounds)
