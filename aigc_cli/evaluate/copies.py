"""Verbatim copies: the longest span that a text shares with a corpus, exactly."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

CHUNK_CHARS = 1 << 20  # characters hashed at a time: about 60 MB of working memory
BASE = 0x9E3779B97F4A7C15  # odd, so it has an inverse modulo 2**64
INVERSE = pow(BASE, -1, 1 << 64)
SEPARATOR = "\ud800"  # a lone surrogate: in no text that can be encoded
FILTER_BITS = 22  # log2 of the size of the table that rules most windows out


@dataclass(frozen=True)
class Copy:
    """A span of `length` characters: text[start:start + length] == corpus[document][position:position + length]."""

    length: int = 0
    start: int = 0
    document: int = -1
    position: int = -1


class CopyIndex:
    """Longest verbatim copies of texts in a corpus of documents.

    `corpus` is anything that can be iterated over again and again (a list, or an object that reads shards); it is
    streamed, never held or indexed. One call costs some 10 to 60 passes over it, hardly more for many texts
    than for one: pass all texts at once. A span lies within one document.

    Method: binary search for the length (a span of n characters implies one of n - 1) with rolling hashes modulo
    2**64. Every hit is compared character by character; only a collision of 64 bits could hide one.
    Source: Karp and Rabin 1987, "Efficient Randomized Pattern-Matching Algorithms", section 3.

    >>> CopyIndex(["to be or not", "to bed"]).longest(["I go to bed!"])
    [Copy(length=6, start=5, document=1, position=0)]
    """

    def __init__(self, corpus: Iterable[str]) -> None:
        self.corpus = corpus

    def longest(self, texts: Sequence[str]) -> list[Copy]:
        """The longest copied span of every text; length 0 where not even a character is shared."""
        best = [Copy()] * len(texts)
        known = [0] * len(texts)  # a span of this length exists
        refused = [len(text) + 1 for text in texts]  # none of this length does
        while True:
            trial = {i: _next_length(known[i], refused[i]) for i in range(len(texts)) if refused[i] - known[i] > 1}
            if not trial:
                return best
            found = self._find(texts, trial)
            for i, length in trial.items():
                if i in found:
                    best[i], known[i] = found[i], length
                else:
                    refused[i] = length

    def _find(self, texts: Sequence[str], trial: dict[int, int]) -> dict[int, Copy]:
        """For each text i with a window of trial[i] characters in the corpus: one such copy."""
        found: dict[int, Copy] = {}
        searches = [
            _Search(length, {i: texts[i] for i, n in trial.items() if n == length})
            for length in sorted(set(trial.values()))
        ]
        longest = max(trial.values())
        for part in _parts(self.corpus, longest):
            sums = _prefix_sums(_code_points(part.text))
            for search in searches:
                for i, start, position in search.hits(part.text, sums):
                    found[i] = part.copy(search.length, start, position)
            if len(found) == len(trial):
                break
        return found


def longest_copy(text: str, corpus: str) -> tuple[int, int]:
    """(length, position in corpus) of the longest span of `text` that `corpus` holds; (0, -1) for none.

    >>> longest_copy("xabcy", "zzabc")
    (3, 2)
    """
    copy = CopyIndex([corpus]).longest([text])[0]
    return copy.length, copy.position


class _Search:
    """The windows of one length of some texts."""

    def __init__(self, length: int, texts: dict[int, str]) -> None:
        self.length, self.texts, self.open = length, texts, set(texts)
        hashes, owners, starts = [], [], []
        for i, text in texts.items():
            symbols = _code_points(text)
            windows = _windows(_prefix_sums(symbols), length)
            hashes.append(windows)
            owners.append(np.full(windows.size, i))
            starts.append(np.arange(windows.size))
        order = np.argsort(np.concatenate(hashes), kind="stable")
        self.hashes = np.concatenate(hashes)[order]
        self.owners, self.starts = np.concatenate(owners)[order], np.concatenate(starts)[order]
        self.possible = np.zeros(1 << FILTER_BITS, dtype=bool)
        self.possible[_slots(self.hashes)] = True

    def hits(self, part: str, sums: np.ndarray) -> Iterator[tuple[int, int, int]]:
        """(text, start in it, position in part) of verified windows, one per text that had none before."""
        if not self.open or sums.size <= self.length:
            return
        windows = _windows(sums, self.length)
        positions = np.flatnonzero(self.possible[_slots(windows)])
        unique, first = np.unique(windows[positions], return_index=True)
        left = np.searchsorted(self.hashes, unique, side="left")
        right = np.searchsorted(self.hashes, unique, side="right")
        for k in np.flatnonzero(right > left):
            position = int(positions[first[k]])
            for place in range(left[k], right[k]):
                i, start = int(self.owners[place]), int(self.starts[place])
                span = self.texts[i][start : start + self.length]
                if i in self.open and SEPARATOR not in span and span == part[position : position + self.length]:
                    self.open.discard(i)
                    yield i, start, position


def _next_length(known: int, refused: int) -> int:
    """The next length to try: powers of two while they are open, so that texts share passes, then halving."""
    doubled = max(8, 2 * known)
    return doubled if doubled < refused else (known + refused) // 2


@dataclass(frozen=True)
class _Part:
    """Documents, or a part of a long one, joined by SEPARATOR; starts[k]: where documents[k] begins in `text`."""

    text: str
    documents: list[int]
    starts: list[int]
    offset: int  # of the part in its document, for a part of a long one

    def copy(self, length: int, start: int, position: int) -> Copy:
        place = bisect.bisect_right(self.starts, position) - 1
        return Copy(length, start, self.documents[place], position - self.starts[place] + self.offset)


def _parts(corpus: Iterable[str], overlap: int) -> Iterator[_Part]:
    """The corpus in parts of about CHUNK_CHARS; parts of a document overlap so far that no window is lost."""
    texts: list[str] = []
    documents: list[int] = []
    starts: list[int] = []
    size = 0
    for document, text in enumerate(corpus):
        if len(text) > CHUNK_CHARS:
            for offset in range(0, len(text), CHUNK_CHARS):
                yield _Part(text[offset : offset + CHUNK_CHARS + overlap - 1], [document], [0], offset)
            continue
        texts.append(text)
        documents.append(document)
        starts.append(size)
        size += len(text) + len(SEPARATOR)
        if size > CHUNK_CHARS:
            yield _Part(SEPARATOR.join(texts), documents, starts, 0)
            texts, documents, starts, size = [], [], [], 0
    if texts:
        yield _Part(SEPARATOR.join(texts), documents, starts, 0)


def _code_points(text: str) -> np.ndarray:
    """Code points plus one, uint64 (zero would hide the length of a run)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64) + np.uint64(1)


_TABLES: dict[int, np.ndarray] = {}


def _powers(base: int, n: int) -> np.ndarray:
    """base**0 .. base**(n - 1) modulo 2**64; the longest table is kept for the next call."""
    table = _TABLES.get(base, np.ones(1, dtype=np.uint64))
    if table.size < n:
        table = np.full(n, base, dtype=np.uint64)
        table[0] = 1
        table = _TABLES[base] = np.cumprod(table)
    return table[:n]


def _prefix_sums(symbols: np.ndarray) -> np.ndarray:
    """S[i] = sum over j < i of symbol j * BASE**j, modulo 2**64."""
    sums = np.zeros(symbols.size + 1, dtype=np.uint64)
    np.cumsum(symbols * _powers(BASE, symbols.size), out=sums[1:])
    return sums


def _windows(sums: np.ndarray, length: int) -> np.ndarray:
    """Hash of every window of `length` symbols, the same wherever the window stands."""
    n = max(sums.size - length, 0)
    return (sums[length:] - sums[:n]) * _powers(INVERSE, n)


def _slots(hashes: np.ndarray) -> np.ndarray:
    """The table entry of each hash: its high bits, which depend on all symbols."""
    return (hashes >> np.uint64(64 - FILTER_BITS)).astype(np.int64)
