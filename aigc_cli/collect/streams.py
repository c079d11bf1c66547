"""Streams with bounds: expansion of containers, length of lines, head of a file."""

from __future__ import annotations

import codecs
import io
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

from aigc_cli.collect import encoding

BUFFER_BYTES = 256 * 1024
HEAD_BYTES = 64 * 1024
SPOOL_BYTES = 16 << 20  # a member that needs random access stays in memory up to this, then on disk
RATIO_FROM_BYTES = 64 << 20
RATIO = 200  # text compresses 3 to 20 times; deflate reaches at most 1032
EXPANDED_BYTES = 4 << 30
EXPANDED_TIMES = 32


class ExpansionError(Exception):
    """A container grows beyond its limit."""


class Budget:
    """How much one container may expand to, nested containers included."""

    def __init__(self, container_bytes: int, limit: int | None = None) -> None:
        self.container_bytes = max(container_bytes, 1)
        self.limit = limit or max(EXPANDED_BYTES, EXPANDED_TIMES * self.container_bytes)
        self.expanded = 0

    def spend(self, count: int) -> None:
        """Count `count` more expanded bytes; raises ExpansionError beyond the limit or the ratio."""
        self.expanded += count
        if self.expanded > self.limit:
            raise ExpansionError
        if self.expanded > RATIO_FROM_BYTES and self.expanded > RATIO * self.container_bytes:
            raise ExpansionError


class _Counted(io.RawIOBase):
    def __init__(self, inner: Any, budget: Budget) -> None:
        # read1: `read` would lose, with the error, what it had collected before the damage.
        self._read = getattr(inner, "read1", inner.read)
        self._inner, self._budget = inner, budget  # the file object must live as long as this stream
        self._error: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._error:
            raise self._error
        view, filled = memoryview(buffer), 0
        while filled < len(view):
            try:
                piece = self._read(len(view) - filled)
            except Exception as error:
                if not filled:
                    raise
                self._error = error  # what came before the damage is good; the next read raises
                break
            if not piece:
                break
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._budget.spend(filled)
        return filled


class _Recoded(io.RawIOBase):
    """UTF-16 or UTF-32 as UTF-8."""

    def __init__(self, inner: BinaryIO, name: str) -> None:
        self._inner = inner
        self._decoder = codecs.getincrementaldecoder(name)("replace")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = self._inner.read(HEAD_BYTES)
            text = self._decoder.decode(piece, final=not piece)
            self._left = text.encode("utf-8", "replace")
            if not piece and not self._left:
                return 0
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def counted(inner: Any, budget: Budget) -> BinaryIO:
    """A buffered stream over `inner` (anything with read) whose bytes are charged to `budget`."""
    return cast(BinaryIO, io.BufferedReader(_Counted(inner, budget), BUFFER_BYTES))


def head(stream: BinaryIO) -> bytes:
    """The first bytes, left in the stream."""
    return cast(io.BufferedReader, stream).peek(HEAD_BYTES)[:HEAD_BYTES]


def seekable(stream: BinaryIO) -> BinaryIO:
    """`stream` itself, or a temporary copy of it that can be read at any place."""
    if stream.seekable():
        return stream
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - closed with the last reference
    while piece := stream.read(BUFFER_BYTES):
        spool.write(piece)
    spool.seek(0)
    return cast(BinaryIO, spool)


def decoded(stream: BinaryIO) -> tuple[BinaryIO, str]:
    """A stream of ASCII-compatible bytes and the name of their encoding as far as the head tells it.

    Raises encoding.UndecodableError for binary data.
    """
    start = head(stream)
    name = encoding.detect(start) if start else "utf-8"
    if name.startswith(("utf-16", "utf-32")):
        for bom in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            if start.startswith(bom) and len(bom) == (4 if "32" in name else 2):
                stream.read(len(bom))
                break
        return cast(BinaryIO, io.BufferedReader(_Recoded(stream, name), BUFFER_BYTES)), "utf-8"
    if start.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    return stream, name


class LineDecoder:
    """Lines as text: UTF-8 first, then what the file's head said, then what the line itself looks like."""

    def __init__(self, name: str, read_as: Callable[[str], None] = lambda name: None) -> None:
        """`name` is the encoding that the head tells; `read_as` hears that of every line that is not UTF-8."""
        self.name, self._read_as = name, read_as

    def __call__(self, line: bytes) -> str:
        """The text of `line`; raises encoding.UndecodableError."""
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            pass
        if self.name != "utf-8":
            for codec in encoding.CODECS.get(self.name, (self.name,)):
                try:
                    text = line.decode(codec)
                except UnicodeDecodeError:
                    continue
                self._read_as(self.name)
                return text
        text, name = encoding.decode(line)
        self._read_as(name)
        if self.name == "utf-8":
            self.name = name
        return text


def lines(stream: BinaryIO, limit: int, start: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes | None]]:
    """(byte offset, line with its newline) for the lines that begin in [start, end).

    A line longer than `limit` bytes is given as None and never held whole. The stream stands at 0, or, for
    start > 0, is seekable.
    """
    offset = start
    if start:
        stream.seek(start - 1)
        # A line that began before may end after this range: another range's business, and not read twice.
        offset += _skip_line(stream, None if end is None else end - start + 1) - 1
    while end is None or offset < end:
        line = stream.readline(limit + 1)
        if not line:
            return
        length = len(line)
        if length > limit and not line.endswith(b"\n"):
            yield offset, None
            length += _skip_line(stream)
        else:
            yield offset, line
        offset += length


def _skip_line(stream: BinaryIO, limit: int | None = None) -> int:
    """Read past the next newline, or at least `limit` bytes; gives the bytes read."""
    skipped = 0
    while (limit is None or skipped < limit) and (piece := stream.readline(BUFFER_BYTES)):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
