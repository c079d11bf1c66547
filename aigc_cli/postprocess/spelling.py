"""English spelling: candidates within two edits from a frequency list, ranked by a noisy channel.

The list is symspellpy's (82,834 words with counts). Its index of deletions is not built: it takes seconds at every
start, and comparing one word with all others by bit masks and a vectorised edit distance takes about two
milliseconds, once for each unknown word.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from aigc_cli.core.errors import ConfigError
from aigc_cli.postprocess.edit_cost import MAX_EDITS, edits, weighted

LONGEST = 28  # letters; the longest word of the list
WEIGHT = 6.0  # nats of log frequency that one whole edit costs; chosen on Norvig's first set
ADDED_COUNT = 1_000_000  # the count given to a word of --dictionary: that of a rare but known word
# Nats of the rival that the word is right though the list lacks it (a name, jargon). At confidence 0.8 it halves the
# edits in technical English and costs 3 % of the corrections of Norvig's first set.
UNLISTED = -4.0
RUN_TOGETHER = {
    "alot": "a lot", "aswell": "as well", "atleast": "at least", "eachother": "each other", "infact": "in fact",
    "incase": "in case", "inspite": "in spite", "ofcourse": "of course", "upto": "up to", "noone": "no one",
}  # fmt: skip
WORD = re.compile(r"(?<![\w@#/\\&'’.\-])[a-z]{2,}(?:['’][a-z]{1,2})?(?![\w@/\\’'\-]|\.\w)")
CAPITALISED = re.compile(r"(?<![\w@#/\\&'’.\-])[A-Z][a-z]+(?:['’][a-z]{1,2})?(?![\w@/\\’'\-]|\.\w)")
UNREADABLE = 0.4  # share of unknown words above which a line is taken for another language and left alone


@dataclass(frozen=True)
class Guess:
    """A known word, its weighted edits, and its share of belief among all candidates and "no mistake at all"."""

    word: str
    cost: float
    confidence: float


class Speller:
    """Knows words and guesses what an unknown one was meant to be.

    >>> Speller({"receive": 10**8, "recipe": 10**7}).guess("recieve").word
    'receive'
    """

    def __init__(self, counts: dict[str, int]) -> None:
        self.words = [w for w in counts if len(w) <= LONGEST and re.fullmatch("[a-z]+(?:'[a-z]+)?", w)]
        self.known = frozenset(counts)
        self.log_counts = np.log([max(counts[w], 1) for w in self.words])
        self.letters, self.lengths = encode(self.words)
        self.masks = _masks(self.letters)
        self.tallies = np.zeros((len(self.words), 28), np.int8)
        rows = np.repeat(np.arange(len(self.words)), self.letters.shape[1])
        np.add.at(self.tallies, (rows, self.letters.ravel()), 1)
        self.tallies[:, 0] = 0
        self.guess = functools.lru_cache(maxsize=1 << 16)(self._guess)

    def knows(self, word: str) -> bool:
        """Whether a lower-case word, or its stem before 's, is in the list."""
        plain = word.replace("’", "'")
        return (plain in self.known and plain not in RUN_TOGETHER) or (
            plain.endswith("'s") and plain[:-2] in self.known
        )

    def candidates(self, word: str) -> np.ndarray:
        """Row numbers of the words within MAX_EDITS edits (insert, delete, replace, swap neighbours) of `word`."""
        letters, lengths = encode([word])
        distance = np.abs(self.lengths - lengths[0])
        # One edit changes at most two letters of the set, so two edits leave a distance of four.
        rows = np.flatnonzero(
            (distance <= MAX_EDITS) & (np.bitwise_count(self.masks ^ _masks(letters)[0]) <= 2 * MAX_EDITS)
        )
        tally = np.bincount(letters[0], minlength=28).astype(np.int8)
        tally[0] = 0
        rows = rows[np.abs(self.tallies[rows] - tally).sum(axis=1) <= 2 * MAX_EDITS]
        if len(rows):
            rows = rows[edits(letters[0, : lengths[0]], self.letters[rows], self.lengths[rows]) <= MAX_EDITS]
        return rows

    def _guess(self, word: str) -> Guess | None:
        plain = word.replace("’", "'")
        if plain in RUN_TOGETHER:
            return Guess(RUN_TOGETHER[plain], 1.0, 1.0)
        if len(plain) > LONGEST or not re.fullmatch("[a-z]+(?:'[a-z]+)?", plain):
            return None
        rows = self.candidates(plain)
        if not len(rows):
            return None
        letters, lengths = encode([plain])
        costs = weighted(letters[0, : lengths[0]], self.letters[rows], self.lengths[rows])
        scores = WEIGHT * costs - self.log_counts[rows]
        best = int(np.lexsort((rows, scores))[0])
        rivals = np.append(scores, UNLISTED)
        confidence = 1.0 / float(np.exp(np.minimum(scores[best] - rivals, 50.0)).sum())
        return Guess(self.words[rows[best]], float(costs[best]), confidence)


def encode(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Words as letters [N, L] uint8 (a-z = 1-26, ' = 27, 0 after the end) and lengths [N] int8."""
    width = max(map(len, words), default=1)
    joined = "".join(w.replace("'", "{").ljust(width, "`") for w in words).encode("ascii")
    letters = np.frombuffer(joined, np.uint8).reshape(len(words), width) - np.uint8(96)
    return letters, np.array([len(w) for w in words], np.int8)


def _masks(letters: np.ndarray) -> np.ndarray:
    """The set of letters of each word, as bits of a uint32."""
    bits = np.where(letters > 0, np.uint32(1) << letters.astype(np.uint32), np.uint32(0))
    return np.bitwise_or.reduce(bits, axis=1)


@functools.lru_cache(maxsize=4)
def load(dictionary: Path | None = None) -> Speller:
    """The English speller; `dictionary` is a text file of further words, one a line, with or without a count."""
    text = (resources.files("symspellpy") / "frequency_dictionary_en_82_765.txt").read_text("utf-8-sig")
    counts = {word: int(count) for word, count in (line.split(" ") for line in text.splitlines())}
    if dictionary is not None:
        counts.update(read_dictionary(dictionary))
    return Speller(counts)


def read_dictionary(path: Path) -> dict[str, int]:
    """Words and counts of a file with one word (and maybe a count) a line; # begins a comment."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"--dictionary {path} cannot be read: {error}", "give a UTF-8 text file, one word a line"
        ) from error
    counts = {}
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.partition("#")[0].split()
        if not parts:
            continue
        if len(parts) > 2 or (len(parts) == 2 and not parts[1].isdecimal()):
            raise ConfigError(
                f"{path}, line {number}: '{line.strip()}'", "write one word a line, or a word and a count"
            )
        counts[parts[0].lower()] = int(parts[1]) if len(parts) == 2 else ADDED_COUNT
    return counts


def misspellings(
    speller: Speller, line: str, min_confidence: float, capitalised: bool = False
) -> Iterable[tuple[int, int, str]]:
    """(start, end, replacement) for the unknown lower-case words of an English line.

    A line most of whose words are unknown is left alone: it is not English.
    """
    found = list(WORD.finditer(line))
    unknown = [m for m in found if not speller.knows(m[0])]
    if len(unknown) > max(UNREADABLE * len(found), 1 if len(found) < 5 else 0):
        return
    if capitalised:
        unknown = sorted(
            unknown + [m for m in CAPITALISED.finditer(line) if not speller.knows(m[0].lower())],
            key=lambda m: m.start(),
        )
    for m in unknown:
        guess = speller.guess(m[0].lower())
        if guess is not None and guess.confidence >= min_confidence:
            word = guess.word.replace("'", "’") if "’" in line else guess.word
            yield m.start(), m.end(), word.capitalize() if m[0][0].isupper() else word
