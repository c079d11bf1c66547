"""Words of English documents as datatrove splits them (spaCy's English tokenizer), as numbers."""

from __future__ import annotations

import numpy as np

from aigc_cli.clean.parity.affixes import english_words
from aigc_cli.clean.parity.kernels import chunks as kernels
from aigc_cli.clean.parity.kernels.tokens import SPACE_ID
from aigc_cli.clean.parity.lexicon import Table, Tokens, _wider, character_table


class Chunks(Table):
    """Chunks as numbers, with the numbers of their words."""

    def __init__(self) -> None:
        super().__init__()
        self.firsts = np.zeros(len(self.hashes), dtype=np.int64)
        self.counts = np.zeros(len(self.hashes), dtype=np.int32)
        self.words = np.zeros(4 * len(self.hashes), dtype=np.int32)
        self.used = np.zeros(1, dtype=np.int64)

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        """More arguments of kernels."""
        return self.firsts, self.counts, self.words, self.used

    def _widen(self, size: int) -> None:
        super()._widen(size)
        self.firsts, self.counts = _wider(self.firsts, size), _wider(self.counts, size)

    def reserve_words(self, number: int) -> None:
        """Make room for that many more words."""
        if self.used[0] + number > len(self.words):
            self.words = _wider(self.words, 2 * len(self.words) + number)


class English:
    """The memo of English chunks; see the module. It grows without bound: begin a new one between batches."""

    def __init__(self) -> None:
        self.tokens, self.chunks = Tokens(), Chunks()
        self._merged: set[int] = set()  # chunks inside which special cases made other words
        special = [text.encode() for text in english_words().special_cases]
        stops = np.cumsum([len(part) for part in special], dtype=np.int64)
        starts = np.concatenate([np.zeros(1, dtype=np.int64), stops[:-1]])
        self._numbers(np.frombuffer(b"".join(special), dtype=np.uint8), starts, stops, quick=False)

    @property
    def nbytes(self) -> int:
        """Bytes of the memo."""
        return self.tokens.nbytes + self.chunks.nbytes + self.chunks.words.nbytes

    def words(
        self, data: np.ndarray, offsets: np.ndarray, rows: np.ndarray, *, spaces: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """(numbers of the words int32, bounds int64 [rows + 1]) of the documents data[offsets[row]:offsets[row + 1]].

        With `spaces` the whitespace that is a word to spaCy is there, as SPACE_ID.
        """
        bounds = np.empty(len(rows) + 1, dtype=np.int64)
        none = np.zeros(0, dtype=np.int64)
        count = kernels.split_chunks(data, offsets, rows, none, none, bounds)
        starts, stops = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
        if count:
            kernels.split_chunks(data, offsets, rows, starts, stops, bounds)
        numbers = self._numbers(data, starts, stops, quick=True)
        chunks, out_bounds = self.chunks, np.empty(len(rows) + 1, dtype=np.int64)
        fixed = (numbers, bounds, chunks.firsts, chunks.counts, chunks.words, int(spaces))
        ids = np.empty(kernels.expand(*fixed, np.zeros(0, dtype=np.int32), out_bounds), dtype=np.int32)
        if len(ids):
            kernels.expand(*fixed, ids, out_bounds)
        return self._entangled(numbers, bounds, ids, out_bounds, int(spaces))

    def _numbers(self, data: np.ndarray, starts: np.ndarray, stops: np.ndarray, *, quick: bool) -> np.ndarray:
        """The numbers of chunks; all of them have their words afterwards."""
        chunks, tokens = self.chunks, self.tokens
        numbers = np.empty(len(starts), dtype=np.int32)
        first, done = chunks.count, 0
        while done < len(starts):
            longest = int(stops[done] - starts[done])
            chunks.reserve(longest)
            tokens.reserve(longest)
            chunks.reserve_words(1)
            done = kernels.look_up(data, starts, stops, done, int(quick), *chunks.arrays, *chunks.columns,
                                   character_table(), *tokens.arrays, numbers)  # fmt: skip
        pending = np.flatnonzero(chunks.counts[first : chunks.count] == kernels.PENDING) + first
        self._define(pending.astype(np.int32))
        return numbers

    def _define(self, pending: np.ndarray) -> None:
        """Divide new chunks into words."""
        chunks, tokens, divide = self.chunks, self.tokens, english_words().words
        starts = chunks.starts[pending].tolist()
        stops = (chunks.starts[pending] + chunks.lengths[pending]).tolist()
        held = chunks.held[: chunks.state[1]].tobytes()
        pieces: list[int] = []
        sizes: list[int] = []
        for number, start, stop in zip(pending.tolist(), starts, stops, strict=True):
            text = held[start:stop].decode()
            found, merged = divide(text)
            pieces.append(len(found))
            if len(text) == stop - start:
                sizes += map(len, found)
            else:
                sizes += [len(piece.encode()) for piece in found]
            if merged:
                self._merged.add(number)
        progress = np.zeros(2, dtype=np.int64)
        counts, lengths = np.array(pieces, dtype=np.int32), np.array(sizes, dtype=np.int32)
        while progress[0] < len(pending):
            k = int(progress[0])
            chunks.reserve_words(int(counts[k]))
            tokens.reserve(stops[k] - starts[k])
            kernels.define(pending, counts, lengths, progress, chunks.starts, chunks.held, *chunks.columns,
                           character_table(), *tokens.arrays)  # fmt: skip

    def _entangled(
        self, numbers: np.ndarray, bounds: np.ndarray, ids: np.ndarray, id_bounds: np.ndarray, spaces: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words, corrected where special cases inside a chunk depend on its neighbours (seldom)."""
        mask = np.isin(numbers, np.fromiter(self._merged, dtype=np.int32, count=len(self._merged)))
        changed: dict[int, list[tuple[int, list[str]]]] = {}
        for place in np.flatnonzero(mask).tolist():
            row = int(np.searchsorted(bounds, place, "right")) - 1
            left, right = self._touching(numbers, place, int(bounds[row]), int(bounds[row + 1]))
            if left < place or place + 1 < right:
                chunks = [self._chunk(number) for number in numbers[left:right].tolist()]
                words = english_words().words_among(chunks, place - left)
                if words != english_words().words(chunks[place - left])[0]:
                    changed.setdefault(row, []).append((place, words))
        if not changed:
            return ids, id_bounds
        parts = [ids[id_bounds[row] : id_bounds[row + 1]] for row in range(len(bounds) - 1)]
        for row, places in changed.items():
            parts[row] = self._replaced(numbers[bounds[row] : bounds[row + 1]], int(bounds[row]), dict(places), spaces)
        sizes = np.cumsum([len(part) for part in parts], dtype=np.int64)
        return np.concatenate(parts), np.concatenate([np.zeros(1, dtype=np.int64), sizes])

    def _touching(self, numbers: np.ndarray, place: int, first: int, end: int) -> tuple[int, int]:
        """The chunks around a place (first, end) that pieces of special cases may connect it with."""
        pairs, left, right = english_words().special.neighbours, place, place + 1
        while left > first and self._edges(numbers, left - 1) in pairs:
            left -= 1
        while right < end and self._edges(numbers, right - 1) in pairs:
            right += 1
        return left, right

    def _edges(self, numbers: np.ndarray, place: int) -> tuple[str, str] | None:
        """The last piece of the chunk at a place and the first one of the next; None where whitespace is a word."""
        if SPACE_ID in numbers[place : place + 2]:
            return None
        before, after = (english_words().raw(self._chunk(number)) for number in numbers[place : place + 2].tolist())
        return before[-1], after[0]

    def _replaced(self, numbers: np.ndarray, first: int, changed: dict[int, list[str]], spaces: int) -> np.ndarray:
        """The words of one document's chunks, with those of some places given."""
        texts = []
        for place, number in enumerate(numbers.tolist(), first):
            if number == SPACE_ID:
                texts += [""] if spaces else []
            else:
                texts += changed.get(place) or english_words().words(self._chunk(number))[0]
        return self.tokens.number_texts(texts)

    def _chunk(self, number: int) -> str:
        start = int(self.chunks.starts[number])
        return self.chunks.held[start : start + int(self.chunks.lengths[number])].tobytes().decode()
