"""The memo of a process: chunks, their words, and what is asked of every word."""

from __future__ import annotations

import functools
import unicodedata

import numpy as np

from aigc_cli.clean.parity.kernels import tokens as kernels
from aigc_cli.clean.parity.punctuation import PUNCTUATION
from aigc_cli.core.errors import need

MAX_BYTES = 96 << 20  # of a memo between two batches; then it is begun anew
_STRINGS, _BYTES = 1 << 14, 1 << 18  # room for the first strings
_PLANES = 0x40000  # no character above this is a letter or punctuation; the last entry of a table stands for them


@functools.cache
def character_table() -> np.ndarray:
    """What each code point is: ALPHA (str.isalpha), WORDY (not datatrove's punctuation), PUNCT (category P), ENDS
    (ends a sentence for spaCy), uint8."""
    sentencizer = need("spacy.pipeline.sentencizer", "parity").Sentencizer
    table = np.zeros(_PLANES, dtype=np.uint8)
    for code in range(_PLANES):
        character = chr(code)
        if character.isalpha():
            table[code] = kernels.ALPHA
        elif unicodedata.category(character)[0] == "P":
            table[code] = kernels.PUNCT
    table |= kernels.WORDY
    table[[ord(c) for c in PUNCTUATION]] &= np.uint8(255 - kernels.WORDY)
    table[[ord(c) for c in sentencizer.default_punct_chars]] |= kernels.ENDS
    table.flags.writeable = False
    return table


class Table:
    """Strings as numbers from 0 on; see kernels.tokens."""

    def __init__(self) -> None:
        self.slots = np.zeros(4 * _STRINGS, dtype=np.int32)
        self.hashes = np.zeros(_STRINGS, dtype=np.uint64)
        self.starts = np.zeros(_STRINGS, dtype=np.int64)
        self.lengths = np.zeros(_STRINGS, dtype=np.int32)
        self.held = np.zeros(_BYTES, dtype=np.uint8)
        self.state = np.zeros(2, dtype=np.int64)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arguments of kernels."""
        return self.slots, self.hashes, self.starts, self.lengths, self.held, self.state

    @property
    def count(self) -> int:
        """How many strings there are."""
        return int(self.state[0])

    def reserve(self, longest: int) -> None:
        """Make room for one more string of up to `longest` bytes at least, doubling what is short."""
        if self.count >= len(self.hashes):
            self._widen(2 * len(self.hashes))
        if self.state[1] + longest > len(self.held):
            self.held = _wider(self.held, 2 * len(self.held) + longest)

    def _widen(self, size: int) -> None:
        self.hashes, self.starts = _wider(self.hashes, size), _wider(self.starts, size)
        self.lengths = _wider(self.lengths, size)
        self.slots = np.zeros(4 * size, dtype=np.int32)
        kernels.rehash(self.hashes, self.count, self.slots)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays)


class Tokens(Table):
    """Words as numbers, with their characters and flags."""

    def __init__(self) -> None:
        super().__init__()
        self.chars = np.zeros(_STRINGS, dtype=np.int32)
        self.flags = np.zeros(_STRINGS, dtype=np.uint8)
        self.powers = np.zeros(_STRINGS, dtype=np.uint64)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arguments of kernels."""
        return (*super().arrays, self.chars, self.flags, self.powers)

    def _widen(self, size: int) -> None:
        super()._widen(size)
        self.chars, self.flags = _wider(self.chars, size), _wider(self.flags, size)
        self.powers = _wider(self.powers, size)

    def number(self, data: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """The numbers of the words data[starts[i]:stops[i]], int32; SPACE_ID for empty spans."""
        out = np.empty(len(starts), dtype=np.int32)
        done = 0
        while done < len(starts):
            self.reserve(int(stops[done] - starts[done]))
            done = kernels.number_spans(data, starts, stops, done, character_table(), *self.arrays, out)
        return out

    def number_texts(self, texts: list[str]) -> np.ndarray:
        """The numbers of the words `texts`, int32; SPACE_ID for "" (which stands for whitespace)."""
        encoded = [text.encode() for text in texts]
        stops = np.cumsum([len(part) for part in encoded], dtype=np.int64)
        starts = np.concatenate([np.zeros(1, dtype=np.int64), stops[:-1]]) if texts else stops
        return self.number(np.frombuffer(b"".join(encoded), dtype=np.uint8), starts, stops)

    def text(self, number: int) -> str:
        """The word of a number."""
        start = int(self.starts[number])
        return self.held[start : start + int(self.lengths[number])].tobytes().decode()


def _wider(array: np.ndarray, size: int) -> np.ndarray:
    wider = np.zeros(size, dtype=array.dtype)
    wider[: len(array)] = array
    return wider
