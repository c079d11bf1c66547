"""Plain text: one document a file, or one a line with --lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from aigc_cli.collect import encoding
from aigc_cli.collect.records import Context, Record
from aigc_cli.collect.streams import LineDecoder, decoded, lines


def read(stream: BinaryIO, label: str, context: Context, start: int = 0, end: int | None = None) -> Iterator[Record]:
    """The file as one document; with --lines each line that is not blank, numbered by its byte offset."""
    if not context.settings.lines:
        yield from read_document(stream, label, context)
        return
    stream, name = decoded(stream)
    decode = LineDecoder(name, context.read_as)
    for offset, line in lines(stream, context.settings.max_document_bytes, start, end):
        if line is None:
            context.reject("too_long", f"{label} (byte {offset})")
            continue
        try:
            text = decode(line).rstrip("\r\n")
        except encoding.UndecodableError as error:
            context.reject(error.reason, f"{label} (byte {offset})")
            continue
        if text and not text.isspace():
            yield Record(text, label, offset)


def read_document(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The whole file as one document."""
    data = whole(stream, label, context)
    if data is not None:
        text, name = encoding.decode(data)
        context.read_as(name)
        yield Record(text, label, 0)


def whole(stream: BinaryIO, label: str, context: Context) -> bytes | None:
    """All bytes of the stream; None after counting it when they are more than --max-document-bytes."""
    limit = context.settings.max_document_bytes
    data = stream.read(limit + 1)
    if len(data) > limit:
        context.reject("too_long", label)
        return None
    return data
