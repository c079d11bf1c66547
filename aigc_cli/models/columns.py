"""An Arrow column of texts to ids, without a Python object for each text."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aigc_cli.core.errors import DataError
from aigc_cli.core.text_buffers import buffers
from aigc_cli.models.tokenizer_text import ESCAPE, SPACE, escape

if TYPE_CHECKING:
    from aigc_cli.models.tokenizer_bytes import ByteVocabulary
    from aigc_cli.models.tokenizer_sentencepiece import SentencePieceVocabulary

Ids = tuple[np.ndarray, np.ndarray]  # uint32; offsets int64 [texts + 1]


class PreparedColumn:
    """Texts as a vocabulary encodes them: escaped, nulls empty. DataError for what is no UTF-8."""

    def __init__(self, vocabulary: SentencePieceVocabulary | ByteVocabulary, column: pa.Array) -> None:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise DataError(f"the texts are no UTF-8: {error}", "clean them: aigc clean repairs encodings") from error
        self._vocabulary = vocabulary
        self._data, self._offsets = buffers(column)
        if vocabulary.escapes and self._holds_marks():
            escaped = [escape(text or "") for text in column.to_pylist()]
            self._data, self._offsets = buffers(pa.array(escaped, pa.large_string()))
        self.size_bytes = int(self._offsets[-1] - self._offsets[0])

    def encode(self, begin: int, end: int, threads: int) -> Ids:
        """The ids by the compiled encoder, `begin` and `end` around each text."""
        encoder, offsets = self._vocabulary.encoder, self._offsets
        if threads == 1 or len(offsets) <= threads:
            return encoder.encode(self._data, offsets, begin, end)
        # Ranges of rows of about equal bytes; each call has a memo of its own.
        bounds = np.searchsorted(offsets, np.linspace(offsets[0], offsets[-1], threads + 1)[1:-1])
        ranges = [r for r in np.split(np.arange(len(offsets) - 1), bounds) if len(r)]
        with ThreadPoolExecutor(threads) as pool:
            work = [pool.submit(encoder.encode, self._data, offsets[r[0] : r[-1] + 2], begin, end) for r in ranges]
            return _joined([part.result() for part in work])

    def encode_by_library(self, begin: int, end: int) -> Ids | None:
        """The same by the vocabulary's library; None where that is not exact."""
        data, offsets = self._data[: self._offsets[-1]].tobytes(), self._offsets
        texts = [data[start:stop].decode() for start, stop in pairwise(offsets.tolist())]
        lists = self._vocabulary.reference(texts)
        if lists is None:
            return None
        first, last = [begin] * (begin >= 0), [end] * (end >= 0)
        rows = [np.array([*first, *ids, *last], np.uint32) for ids in lists]
        ends = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return np.concatenate(rows) if rows else np.empty(0, np.uint32), ends

    def first_misspelled(self, ids: np.ndarray, ends: np.ndarray, table: Sequence[bytes], compiled: bool) -> int:
        """The first row whose ids do not give back its text, where `table` has the bytes of each id; -1: none."""
        if not compiled:
            data, places, numbers = self._data.tobytes(), self._offsets.tolist(), ids.tolist()
            for row, (start, stop) in enumerate(pairwise(ends.tolist())):
                if b"".join([table[i] for i in numbers[start:stop]]) != data[places[row] : places[row + 1]]:
                    return row
            return -1
        from aigc_cli.models.kernels.spelling import first_misspelled

        spelled = np.frombuffer(b"".join(table), np.uint8)
        places = np.cumsum([0, *map(len, table)], dtype=np.int64)
        return int(first_misspelled(ids, ends, spelled, places, self._data, self._offsets))

    def _holds_marks(self) -> bool:
        """Whether any character must be escaped."""
        held = self._data[self._offsets[0] : self._offsets[-1]].tobytes()
        return ESCAPE.encode() in held or SPACE.encode() in held


def _joined(parts: list[Ids]) -> Ids:
    counts = np.concatenate([np.diff(ends) for _, ends in parts])
    return np.concatenate([ids for ids, _ in parts]), np.concatenate([[0], np.cumsum(counts)])
