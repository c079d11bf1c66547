"""From tokens to text, one token at a time: whole characters only, and nothing of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence

from aigc_cli.models.tokenizer_text import ESCAPE

Decode = Callable[[list[int]], bytes]


class TextStream:
    """The text of one sequence as it grows.

    `decode` gives the bytes of some tokens. Bytes that may still become part of a character or of a stop string
    are held back; with a stop string found, the text ends before it and `stopped` is True.

    >>> stream = TextStream(bytes, ["END"])
    >>> [stream.feed(token) for token in "aé ENDx".encode()]
    ['a', '', 'é', ' ', '', '', '', '']
    >>> stream.stopped, stream.text
    (True, 'aé ')
    """

    def __init__(self, decode: Decode, stops: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stops = [stop.encode() for stop in stops]
        self._longest = max(map(len, self._stops), default=0)
        self._data = bytearray()
        self._settled = 0  # bytes that no later token can change
        self._open: list[int] = []  # the tokens behind them: within a character or an escape of the tokenizer
        self._shown = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self.stopped = False

    @property
    def text(self) -> str:
        """All text so far; bytes that are no UTF-8 appear as U+FFFD."""
        return self._data.decode("utf-8", "replace")

    def feed(self, token: int) -> str:
        """Adds a token; gives the new text that may be shown."""
        if self.stopped:
            return ""
        self._open.append(token)
        before = self._settled
        self._data[before:] = self._decode(self._open)
        if not _unfinished(self._data):
            self._settled, self._open = len(self._data), []
        found = [self._data.find(stop, max(0, before - len(stop) + 1)) for stop in self._stops]
        ends = [position for position in found if position >= 0]
        if ends:
            del self._data[min(ends) :]
            self.stopped = True
            return self._show(len(self._data))
        return self._show(min(self._settled, len(self._data) - self._held()))

    def close(self) -> str:
        """What was held back and is text after all, once no token follows."""
        return self._show(len(self._data)) + self._utf8.decode(b"", final=True)

    def _show(self, end: int) -> str:
        if end <= self._shown:
            return ""
        new = self._utf8.decode(bytes(self._data[self._shown : end]))
        self._shown = end
        return new

    def _held(self) -> int:
        """Length of the longest end of the data that begins a stop string."""
        for size in range(min(self._longest - 1, len(self._data)), 0, -1):
            tail = bytes(self._data[-size:])
            if any(stop.startswith(tail) for stop in self._stops if len(stop) > size):
                return size
        return 0


def _unfinished(data: bytearray) -> bool:
    """Whether the data ends within a UTF-8 character, or with the character that begins an escape."""
    if data.endswith(ESCAPE.encode()):
        return True
    for size in range(1, min(3, len(data)) + 1):
        lead = data[-size]
        if lead < 0x80:
            return False
        if lead >= 0xC0:
            return size < (2 if lead < 0xE0 else 3 if lead < 0xF0 else 4)
    return False
