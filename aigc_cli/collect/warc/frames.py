"""The records of a stream of WARC data. A wrong length or junk costs that record, not the ones that follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

HEADER_BYTES = 64 * 1024
CHUNK_BYTES = 256 * 1024
_BETWEEN = b"\r\n\0"  # two line ends by the standard; some writers leave out or add some, or pad with NUL
_VERSION = re.compile(rb"WARC/\d\.\d+[ \t]*\r?\n", re.IGNORECASE)
# A record's beginning for certain: the version and the name of a field.
_BEGIN = re.compile(rb"WARC/\d\.\d+[ \t]*\r?\n(?:WARC-|Content-)", re.IGNORECASE)
_BEGIN_BYTES = 32
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_MAX_DIGITS = 15


class Readable(Protocol):
    """What `frames` reads from."""

    def read(self, count: int, /) -> bytes:
        """At most `count` bytes, b"" at the end."""


@dataclass
class Frame:
    """One record: where it begins in the stream, its header fields (names in lower case), its block.

    `problem` says why there is no block: truncated, wrong_length, corrupt, too_long.
    """

    offset: int
    fields: dict[str, str]
    block: bytes = b""
    problem: str | None = None


def frames(stream: Readable, limit: int, offset: int = 0, end: int | None = None) -> Iterator[Frame]:
    """The records that begin in [offset, end); a block above `limit` bytes is passed over."""
    held = _Held(stream, offset)
    while held.skip(_BETWEEN) and (end is None or held.offset < end):
        start = held.offset
        if not _VERSION.match(held.peek(_BEGIN_BYTES)):
            if not held.find_record(1) or (end is not None and held.offset >= end):
                yield Frame(start, {}, problem="corrupt")
                return
            yield Frame(start, {}, problem="corrupt")
            continue
        head = _HEADER_END.search(held.peek(HEADER_BYTES))
        if head is None:
            problem = "corrupt" if len(held.peek(HEADER_BYTES)) == HEADER_BYTES else "truncated"
            yield Frame(start, {}, problem=problem)
            if not held.find_record(1):
                return
            continue
        fields = parse_fields(held.take(head.end()))
        length = fields.get("content-length", "")
        if not (length.isascii() and length.isdigit() and len(length) <= _MAX_DIGITS):
            yield Frame(start, fields, problem="wrong_length")
            if not held.find_record(0):
                return
        elif int(length) > limit:
            yield Frame(start, fields, problem="too_long")
            held.pass_over(int(length))
        else:
            yield _read_block(held, start, fields, int(length))


def parse_fields(head: bytes) -> dict[str, str]:
    """Header fields by lower-case name, the first of a name; continuation lines are joined, the first line left out."""
    found: dict[str, str] = {}
    last = ""
    for line in head.decode("utf-8", "replace").splitlines()[1:]:
        if line.startswith((" ", "\t")) and last:
            found[last] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if colon:
            last = name.strip().lower()
            found.setdefault(last, value.strip())
    return found


def _read_block(held: _Held, start: int, fields: dict[str, str], length: int) -> Frame:
    """The record whose header was just taken. What follows a block tells whether its length is right."""
    before = held.offset
    block = held.take(length)
    if len(block) == length and (held.peek(4) == b"\r\n\r\n" or held.at_record()):
        return Frame(start, fields, block)
    swallowed = _BEGIN.search(block)
    if swallowed:
        held.give_back(block[swallowed.start() :], before + swallowed.start())
        return Frame(start, fields, problem="wrong_length")
    if len(block) < length:
        return Frame(start, fields, problem="truncated")
    held.find_record(0)
    return Frame(start, fields, problem="wrong_length")


class _Held:
    """A stream with the part of it that was read and not yet taken; `offset` is where that begins."""

    def __init__(self, stream: Readable, offset: int) -> None:
        self.offset = offset
        self._stream, self._data, self._at = stream, b"", 0

    def _more(self) -> bool:
        piece = self._stream.read(CHUNK_BYTES)
        if piece:
            self._data, self._at = self._data[self._at :] + piece, 0
        return bool(piece)

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end."""
        while len(self._data) - self._at < count and self._more():
            pass
        return self._data[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """`peek`, and go past them."""
        if len(self._data) - self._at < count:  # a long block: joined once
            pieces, size = [self._data[self._at :]], len(self._data) - self._at
            while size < count and (piece := self._stream.read(CHUNK_BYTES)):
                pieces.append(piece)
                size += len(piece)
            self._data, self._at = b"".join(pieces), 0
        found = self._data[self._at : self._at + count]
        self._at += len(found)
        self.offset += len(found)
        return found

    def give_back(self, data: bytes, offset: int) -> None:
        """Put taken bytes, which begin at `offset`, before what is held."""
        between = b"\n" * (self.offset - offset - len(data))  # line ends that `skip` passed over since then
        self._data, self._at = data + between + self._data[self._at :], 0
        self.offset = offset

    def skip(self, which: bytes) -> bool:
        """Go past all bytes of `which`; False at the end of the stream."""
        while True:
            rest = self._data[self._at : self._at + 64].lstrip(which)
            gone = min(64, len(self._data) - self._at) - len(rest)
            self._at += gone
            self.offset += gone
            if rest:
                return True
            if self._at == len(self._data) and not self._more():
                return False

    def at_record(self) -> bool:
        """Whether a record begins after some line ends, or the stream ends there."""
        return not self.skip(_BETWEEN) or _VERSION.match(self.peek(_BEGIN_BYTES)) is not None

    def find_record(self, start: int) -> bool:
        """Go to the next beginning of a record, at least `start` bytes on; False at the end of the stream."""
        self.take(start)
        while True:
            if found := _BEGIN.search(self._data, self._at):
                self.offset += found.start() - self._at
                self._at = found.start()
                return True
            keep = max(self._at, len(self._data) - _BEGIN_BYTES)
            self.offset += keep - self._at
            self._at = keep
            if not self._more():
                self.take(_BEGIN_BYTES)
                return False

    def pass_over(self, count: int) -> None:
        """Go `count` bytes on; where the stream is shorter, or no record follows, to the next record on the way."""
        found: int | None = None
        seek = getattr(self._stream, "seek", None)
        end = self.offset + count
        while self.offset < end and self.peek(1):
            step = min(end - self.offset, len(self._data) - self._at)
            if found is None and (begin := _BEGIN.search(self._data, self._at, self._at + step)):
                found = self.offset + begin.start() - self._at
            self._at += step
            self.offset += step
        right = self.offset == end and self.at_record()
        if not right and found is not None and seek is not None:
            seek(found)
            self._data, self._at, self.offset = b"", 0, found
