"""The compressed members of a web archive, one record each as a rule; damage to one is no damage to the next."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from fastwarc.stream_io import ZstdReader

from aigc_cli.collect import streams
from aigc_cli.collect.streams import Budget

CHUNK_BYTES = 64 * 1024
FRAME_BYTES = 256 << 20  # of one zstd frame, compressed: more is damage
_GZIP = b"\x1f\x8b\x08"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"  # a skippable frame at the start of a .warc.zst
_START = b"WARC/"


class Member:
    """A stream over one member. Damage does not raise: it ends the data and stands in `problem`."""

    def __init__(self, pieces: Iterator[bytes], budget: Budget) -> None:
        self.problem: str | None = None
        self.end: int | None = None  # where the next member begins, once this one was read to its end
        self.expanded = 0
        self._pieces, self._budget, self._held = pieces, budget, b""

    def read(self, count: int) -> bytes:
        """At most `count` bytes; b"" at the end and after damage."""
        while not self._held and self.problem is None:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._held = piece
            self.expanded += len(piece)
            self._budget.spend(len(piece))
        piece, self._held = self._held[:count], self._held[count:]
        return piece


class GzipMembers:
    """Members of a gzip file that can be read at any place."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def at(self, offset: int) -> Member:
        """The member that begins at `offset`."""
        member = Member(iter(()), self._budget)
        member._pieces = self._pieces(offset, member)
        return member

    def _pieces(self, offset: int, member: Member) -> Iterator[bytes]:
        decoder = zlib.decompressobj(31)
        self._stream.seek(offset)
        place = offset
        while not decoder.eof:
            data = self._stream.read(CHUNK_BYTES)
            place += len(data)
            if not data:
                member.problem = "truncated"
                return
            while data and not decoder.eof:
                try:
                    piece = decoder.decompress(data, 4 * CHUNK_BYTES)
                except zlib.error:
                    member.problem = "corrupt"
                    return
                data = decoder.unconsumed_tail
                if _is_bomb(member.expanded + len(piece), place - len(data) - offset):
                    member.problem = "expands_too_much"
                    return
                if piece:
                    yield piece
                    self._stream.seek(place)  # another reader of the file may have moved it
        member.end = place - len(decoder.unused_data)

    def next_after(self, offset: int, end: int | None = None) -> int | None:
        """Where the next member that holds a record begins, at `offset` or later and before `end`."""
        if (end is None or offset < end) and self._begins(offset):
            return offset
        return next((place for place in _places(self._stream, _GZIP, offset, end) if self._begins(place)), None)

    def is_padding(self, offset: int) -> bool:
        """Whether the file ends at `offset`, or goes on with NUL bytes."""
        return _is_padding(self._stream, offset)

    def _begins(self, place: int) -> bool:
        self._stream.seek(place)
        data = self._stream.read(4096)
        try:
            return data.startswith(_GZIP) and zlib.decompressobj(31).decompress(data, len(_START)) == _START
        except zlib.error:
            return False


class ZstdMembers:
    """Frames of a zstd file, with the dictionary that it may begin with."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._stream, self._budget = stream, budget
        self._dictionary = self._read_dictionary()

    def at(self, offset: int) -> Member:
        """The frame that begins at `offset`."""
        member = Member(iter(()), self._budget)
        member._pieces = self._pieces(offset, member)
        return member

    def _pieces(self, offset: int, member: Member) -> Iterator[bytes]:
        size = self._frame_bytes(offset)
        self._stream.seek(offset)
        data = self._stream.read(size if size is not None else FRAME_BYTES)
        reader = ZstdReader(io.BytesIO(data), dictionary=self._dictionary)
        try:
            while piece := reader.read(4 * CHUNK_BYTES):
                if _is_bomb(member.expanded + len(piece), len(data)):
                    member.problem = "expands_too_much"
                    return
                yield piece
        except OSError:
            member.problem = "truncated" if size is None else "corrupt"
            return
        if size is None:
            member.problem = "truncated"
        else:
            member.end = offset + size

    def next_after(self, offset: int, end: int | None = None) -> int | None:
        """Where the next frame that holds a record begins, at `offset` or later and before `end`."""
        self._stream.seek(offset)
        if (end is None or offset < end) and self._stream.read(len(_ZSTD)) == _ZSTD:
            return offset  # perhaps cut short: a frame of one block shows nothing then
        return next((place for place in _places(self._stream, _ZSTD, offset, end) if self._begins(place)), None)

    def is_padding(self, offset: int) -> bool:
        """Whether the file ends at `offset`, or goes on with NUL bytes or a skippable frame."""
        self._stream.seek(offset)
        head = self._stream.read(4)
        return (len(head) == 4 and head[1:] == _ZSTD_DICTIONARY[1:] and head[0] >> 4 == 5) or _is_padding(
            self._stream, offset
        )

    def _begins(self, place: int) -> bool:
        self._stream.seek(place)
        if self._stream.read(len(_ZSTD)) != _ZSTD:
            return False
        self._stream.seek(place)
        # One block holds at most 128 KiB, compressed to no more than that.
        data = self._stream.read(4 * CHUNK_BYTES)
        try:
            return bytes(ZstdReader(io.BytesIO(data), dictionary=self._dictionary).read(len(_START))) == _START
        except OSError:
            return False

    def _read_dictionary(self) -> bytes | None:
        self._stream.seek(0)
        head = self._stream.read(8)
        if not head.startswith(_ZSTD_DICTIONARY):
            return None
        data = self._stream.read(min(int.from_bytes(head[4:8], "little"), streams.SPOOL_BYTES))
        if not data.startswith(_ZSTD):
            return data
        try:
            return bytes(ZstdReader(io.BytesIO(data)).read(streams.SPOOL_BYTES))
        except OSError:
            return None

    def _frame_bytes(self, offset: int) -> int | None:
        """Length of the frame by its block headers (RFC 8878, section 3.1.1); None where the file ends within it."""
        self._stream.seek(offset)
        head = self._stream.read(18)
        if len(head) < 6:
            return None
        descriptor = head[4]
        single, checksum = descriptor >> 5 & 1, descriptor >> 2 & 1
        content = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
        size = 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3] + content
        while size < FRAME_BYTES:
            self._stream.seek(offset + size)
            block = self._stream.read(3)
            if len(block) < 3:
                return None
            word = int.from_bytes(block, "little")
            size += 3 + (1 if word >> 1 & 3 == 1 else word >> 3)
            if word & 1:
                size += 4 * checksum
                return size if self._holds(offset + size) else None
        return None

    def _holds(self, end: int) -> bool:
        self._stream.seek(end - 1)
        return len(self._stream.read(1)) == 1


def _is_padding(stream: BinaryIO, offset: int) -> bool:
    stream.seek(offset)
    return not stream.read(64).strip(b"\0")


def _is_bomb(expanded: int, compressed: int) -> bool:
    return expanded > streams.RATIO_FROM_BYTES and expanded > streams.RATIO * compressed


def _places(stream: BinaryIO, magic: bytes, offset: int, end: int | None) -> Iterator[int]:
    """Offsets in [offset, end) at which `magic` stands."""
    tail, place = b"", offset
    while end is None or place - len(tail) < end:
        stream.seek(place)
        data = stream.read(CHUNK_BYTES * 4)
        if not data:
            return
        place += len(data)
        held, base = tail + data, place - len(data) - len(tail)
        at = held.find(magic)
        while at >= 0:
            if end is not None and base + at >= end:
                return
            yield base + at
            at = held.find(magic, at + 1)
        tail = held[-len(magic) + 1 :]
