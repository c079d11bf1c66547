"""The words of a corpus: found, counted, ordered by frequency, and the corpus as their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_cli.core.errors import DataError
from aigc_cli.train.words.kernels.indexing import index_words, rehash, renumber

BATCH_BYTES = 8 << 20  # of text indexed at a time


@dataclass
class Corpus:
    """`words` with their `counts`, frequent ones first; `ids` int32: the texts' words, -1 after each text."""

    words: list[str]
    counts: np.ndarray
    ids: np.ndarray
    raw_words: int  # before rare ones were dropped

    @property
    def tokens(self) -> int:
        """Words in the texts."""
        return int(self.counts.sum())


class Indexer:
    """Numbers words as they come; `spaces`: a word is what stands between spaces, else letters and digits."""

    def __init__(self, *, lower: bool, spaces: bool) -> None:
        self.lower, self.spaces = lower, spaces
        self.arena, self.places = np.zeros(1 << 16, np.uint8), np.zeros(1 << 12, np.int64)
        self.counts, self.slots = np.zeros(1 << 12, np.int64), np.full(1 << 13, -1, np.int32)
        self.n_words, self.parts = 0, list[np.ndarray]()

    def add(self, texts: pa.Array) -> None:
        """Indexes the texts of one column (large_string)."""
        if not len(texts):
            return
        if self.lower:
            texts = pc.utf8_lower(texts)
        if not self.spaces:
            texts = pc.replace_substring(texts, "\u2019", "'")  # so that an apostrophe is one
        texts = texts.cast(pa.large_string()).fill_null("")
        first, buffers = texts.offset, texts.buffers()
        offsets = np.frombuffer(buffers[1], np.int64)[first : first + len(texts) + 1]
        data = np.frombuffer(buffers[2], np.uint8) if buffers[2] is not None else np.zeros(0, np.uint8)
        begin = 0
        while begin < len(texts):  # in pieces, since room for new words is made before each
            end = int(np.searchsorted(offsets, offsets[begin] + BATCH_BYTES, side="right")) - 1
            end = min(max(end, begin + 1), len(texts))
            self._index(data, offsets[begin : end + 1])
            begin = end

    def _index(self, data: np.ndarray, offsets: np.ndarray) -> None:
        n_bytes = int(offsets[-1] - offsets[0])
        most = n_bytes // (2 if self.spaces else 1) + len(offsets)  # words, and ends of texts
        self._grow(n_bytes, most)
        ids = np.empty(most, np.int32)
        n = index_words(
            data, offsets, int(self.spaces), self.arena, self.places, self.slots, self.counts, ids, self.n_words
        )
        self.n_words = int(self.counts[-1])
        self.counts[-1] = 0
        self.parts.append(ids[:n].copy())

    def _grow(self, n_bytes: int, most: int) -> None:
        """Room for so many new bytes and words; a hash table that stays at most half full."""
        used = int(self.places[self.n_words])
        if used + n_bytes > self.arena.size:
            self.arena = np.concatenate([self.arena[:used], np.zeros(used + 2 * n_bytes, np.uint8)])
        wanted = self.n_words + most + 2
        if wanted > self.counts.size:
            self.counts = np.concatenate([self.counts, np.zeros(2 * wanted - self.counts.size, np.int64)])
            self.places = np.concatenate([self.places, np.zeros(2 * wanted - self.places.size, np.int64)])
        if 2 * wanted > self.slots.size:
            self.slots = np.full(1 << (2 * wanted).bit_length(), -1, np.int32)
            rehash(self.arena, self.places, self.n_words, self.slots)

    def corpus(self, min_count: int, most_words: int | None = None) -> Corpus:
        """The corpus with words that stand there `min_count` times; DataError when fewer than two do."""
        counts = self.counts[: self.n_words]
        data = self.arena.tobytes()
        kept = np.flatnonzero(counts >= min_count)
        names = {int(w): data[self.places[w] : self.places[w + 1]] for w in kept}
        order = sorted(names, key=lambda w: (-int(counts[w]), names[w]))[:most_words]
        if len(order) < 2:
            fact = f"{len(order)} words stand {min_count} times or more in the text"
            raise DataError(fact, "give more text, or a lower --min-count")
        new = np.full(max(1, self.n_words), -1, np.int64)
        new[order] = np.arange(len(order))
        ids = np.concatenate(self.parts)
        self.parts = []
        ids = ids[: renumber(ids, new)]
        words = [names[w].decode("utf-8", "replace") for w in order]
        return Corpus(words, counts[order].copy(), ids, int(counts.sum()))


def index(columns: Iterable[pa.Array], *, lower: bool, spaces: bool, min_count: int, most: int | None = None) -> Corpus:
    """The corpus of text columns."""
    indexer = Indexer(lower=lower, spaces=spaces)
    for column in columns:
        indexer.add(column)
    return indexer.corpus(min_count, most)
