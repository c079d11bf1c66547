"""One compressed file (.gz .bz2 .xz .lzma .zst): what is inside, read as its name without the suffix says."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from aigc_cli.collect.dispatch import read_member
from aigc_cli.collect.records import Context, Record
from aigc_cli.collect.sniff import sniff
from aigc_cli.collect.streams import BUFFER_BYTES, Budget, counted, head

XZ_MEMORY_BYTES = 192 << 20  # of the decoder; the highest preset of xz needs 65 MiB


def read_gzip(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The records of the file inside; its label is that of the .gz file."""
    yield from _read(stream, ".gz", label, context)


def read_bzip2(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The records of the file inside; its label is that of the .bz2 file."""
    yield from _read(stream, ".bz2", label, context)


def read_xz(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The records of the file inside; its label is that of the .xz or .lzma file."""
    yield from _read(stream, ".xz", label, context)


def read_zstd(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The records of the file inside; its label is that of the .zst file."""
    yield from _read(stream, ".zst", label, context)


def expanded(stream: BinaryIO, suffix: str, context: Context) -> BinaryIO:
    """What the compressed stream holds, charged to the container's budget; `suffix` names the compression."""
    openers: dict[str, Callable[[BinaryIO], Any]] = {
        ".gz": lambda s: gzip.GzipFile(fileobj=s), ".bz2": bz2.BZ2File, ".xz": _Xz, ".zst": _Zstd,
    }  # fmt: skip
    return counted(openers[suffix](stream), context.budget or Budget(1))


def _read(stream: BinaryIO, suffix: str, label: str, context: Context) -> Iterator[Record]:
    inner = expanded(stream, suffix, context)
    context.depth += 1
    try:
        before, dot, last = label.rpartition(".")
        known = dot and f".{last.lower()}" in (suffix, ".lzma" if suffix == ".xz" else suffix)
        yield from read_member(inner, before if known else label + sniff(head(inner)), label, context)
    finally:
        context.depth -= 1


class _Xz:
    """xz and lzma streams, one after another, decoded within XZ_MEMORY_BYTES."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder: Any = None
        self._rest = b""

    def read(self, count: int) -> bytes:
        """At most `count` bytes, b"" at the end; raises EOFError where the file ends too early."""
        while True:
            data = self._rest
            if self._decoder is None or self._decoder.needs_input:
                data = data or self._stream.read(BUFFER_BYTES)
                if self._decoder is None:
                    data = data.lstrip(b"\0")  # padding between streams
                    if not data and not (data := self._stream.read(BUFFER_BYTES).lstrip(b"\0")):
                        return b""
                    self._decoder = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)
                elif not data:
                    raise EOFError("the compressed file ended before the end-of-stream marker was reached")
            self._rest = b""
            try:
                piece = self._decoder.decompress(data, count)
            except lzma.LZMAError as error:
                if "emory" in str(error):
                    raise NotImplementedError("the dictionary is too large") from error
                raise
            if self._decoder.eof:
                self._rest, self._decoder = self._decoder.unused_data, None
            if piece:
                return piece


class _Zstd:
    """zstd frames, one after another, by Arrow."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")

    def read(self, count: int) -> bytes:
        """At most `count` bytes, b"" at the end; raises EOFError where the file ends too early."""
        try:
            return self._stream.read(min(count, BUFFER_BYTES))
        except OSError as error:
            if error.errno is None and "runcated" in str(error):
                raise EOFError(str(error)) from error
            raise
