"""Runs a compiled encoder over texts: UTF-8 bytes and offsets in, ids and offsets out, words remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

MEMO_SLOTS, MEMO_BYTES, MEMO_IDS = 1 << 18, 1 << 22, 1 << 20  # 16 MB; a full memo begins anew
NO_TOKEN = -1


class Encoder:
    """`kernel(data, offsets, settings, *arrays, *memo, out, ends)` with a memo for each call at a time.

    What is remembered changes the speed and never the ids. `how` are the kernel's own settings.
    """

    def __init__(self, kernel: Callable[..., None], arrays: Sequence[np.ndarray], how: Sequence[int]) -> None:
        self._kernel, self._arrays, self._how = kernel, tuple(arrays), tuple(how)
        self._memos: list[Any] = []  # those that no call uses at the moment

    def encode(
        self, data: np.ndarray, offsets: np.ndarray, begin: int = NO_TOKEN, end: int = NO_TOKEN
    ) -> tuple[np.ndarray, np.ndarray]:
        """(ids uint32, offsets int64 [texts + 1]) of the texts data[offsets[i]:offsets[i + 1]], valid UTF-8.

        `begin` and `end` are ids to put around each text.
        """
        texts = len(offsets) - 1
        out = np.empty(int(offsets[-1] - offsets[0]) + 2 * texts, np.uint32)  # no id is shorter than a byte
        ends = np.zeros(texts + 1, np.int64)
        settings = np.array([begin, end, *self._how], np.int64)
        try:
            memo = self._memos.pop()
        except IndexError:
            memo = _new_memo()
        self._kernel(data, offsets, settings, *self._arrays, *memo, out, ends[1:])
        self._memos.append(memo)
        return out[: ends[-1]], ends

    def forget(self) -> None:
        """Empty the memos: for who measures."""
        self._memos = []


def _new_memo() -> tuple[np.ndarray, ...]:
    return (
        np.zeros((MEMO_SLOTS, 4), np.uint64), np.zeros(MEMO_BYTES, np.uint8), np.zeros(MEMO_IDS, np.uint32),
        np.zeros(3, np.int64),
    )  # fmt: skip


def encode_texts(encoder: Encoder, texts: Sequence[bytes]) -> list[list[int]]:
    """The ids of each text as lists."""
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    ids, ends = encoder.encode(np.frombuffer(b"".join(texts), np.uint8), offsets)
    numbers, bounds = ids.tolist(), ends.tolist()
    return [numbers[start:stop] for start, stop in zip(bounds[:-1], bounds[1:], strict=True)]
