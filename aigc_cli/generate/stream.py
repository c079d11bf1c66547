"""From tokens to text, one token at a time: whole characters only, and nothing of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence


class TextStream:
    """The text of one sequence as it grows.

    `piece` gives a token's bytes. Bytes that may still become part of a character or of a stop string are
    held back; with a stop string found, the text ends before it and `stopped` is True.

    >>> stream = TextStream(lambda token: bytes([token]), ["END"])
    >>> [stream.feed(token) for token in "aé ENDx".encode()]
    ['a', '', 'é', ' ', '', '', '', '']
    >>> stream.stopped, stream.text
    (True, 'aé ')
    """

    def __init__(self, piece: Callable[[int], bytes], stops: Sequence[str] = ()) -> None:
        self._piece = piece
        self._stops = [stop.encode() for stop in stops]
        self._longest = max(map(len, self._stops), default=0)
        self._data = bytearray()
        self._shown = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.stopped = False

    @property
    def text(self) -> str:
        """All text so far; bytes that are no UTF-8 appear as U+FFFD."""
        return self._data.decode("utf-8", "replace")

    def feed(self, token: int) -> str:
        """Adds a token; gives the new text that may be shown."""
        if self.stopped:
            return ""
        before = len(self._data)
        self._data += self._piece(token)
        found = [self._data.find(stop, max(0, before - len(stop) + 1)) for stop in self._stops]
        ends = [position for position in found if position >= 0]
        if ends:
            del self._data[min(ends) :]
            self.stopped = True
            return self._show(len(self._data))
        return self._show(len(self._data) - self._held())

    def close(self) -> str:
        """What was held back and is text after all, once no token follows."""
        return self._show(len(self._data)) + self._decoder.decode(b"", final=True)

    def _show(self, end: int) -> str:
        new = self._decoder.decode(bytes(self._data[self._shown : end]))
        self._shown = max(self._shown, end)
        return new

    def _held(self) -> int:
        """Length of the longest end of the data that begins a stop string."""
        for size in range(min(self._longest - 1, len(self._data)), 0, -1):
            tail = bytes(self._data[-size:])
            if any(stop.startswith(tail) for stop in self._stops if len(stop) > size):
                return size
        return 0
