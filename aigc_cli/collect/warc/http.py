"""HTTP responses as archives keep them: status, type, charset, and the payload without its transfer codings."""

from __future__ import annotations

import io
import re
import zlib
from typing import NamedTuple

from fastwarc.stream_io import BrotliReader, ZstdReader

from aigc_cli.collect.warc.frames import parse_fields

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"\s*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]{0,200})?\r?\n")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w:.+-]{2,40})", re.IGNORECASE)


class TooLongError(Exception):
    """The decoded payload is longer than a document may be."""


class Response(NamedTuple):
    """`status` is 0 where there is no HTTP header; `content_type` is lower-case, "" where none is given."""

    status: int
    content_type: str
    charset: str | None
    payload: bytes


def response(block: bytes, limit: int) -> Response:
    """The response in a record's block. Raises TooLongError; an encoding that the bytes belie is ignored."""
    status = _STATUS.match(block)
    if status is None:
        return Response(0, "", None, block)
    end = _HEADER_END.search(block)
    fields = parse_fields(block[: end.start()] if end else block)
    payload = block[end.end() :] if end else b""
    if int(status[1]) != 200:
        return Response(int(status[1]), "", None, b"")
    if "chunked" in fields.get("transfer-encoding", "").lower():
        payload = _unchunked(payload)
    for coding in reversed(fields.get("content-encoding", "").lower().split(",")):
        payload = _decoded(payload, coding.strip(), limit)
    mime, charset = media_type(fields.get("content-type", ""))
    return Response(200, mime, charset, payload)


def media_type(value: str) -> tuple[str, str | None]:
    """(type in lower case, charset) of a Content-Type field.

    >>> media_type('text/HTML; charset="GBK"')
    ('text/html', 'GBK')
    """
    charset = _CHARSET.search(value)
    return value.partition(";")[0].strip().lower(), charset[1] if charset else None


def _unchunked(data: bytes) -> bytes:
    """The chunks joined, as far as they go; `data` itself where it was stored without them."""
    pieces: list[bytes] = []
    at = 0
    while chunk := _CHUNK.match(data, at):
        size = int(chunk[1], 16)
        if not size:
            return b"".join(pieces)
        pieces.append(data[chunk.end() : chunk.end() + size])
        at = chunk.end() + size
    return b"".join(pieces) if pieces and (len(pieces) > 1 or at >= len(data)) else data


def _decoded(data: bytes, coding: str, limit: int) -> bytes:
    """At most `limit` bytes of the decoded payload, up to the damage where there is any."""
    if coding in ("gzip", "x-gzip"):
        return _inflated(data, limit, 31) if data.startswith(b"\x1f\x8b") else data
    if coding == "deflate":
        return _inflated(data, limit, 15) or _inflated(data, limit, -15) or data
    if coding == "br":
        return _pulled(BrotliReader(io.BytesIO(data)), limit) or data
    if coding == "zstd":
        return _pulled(ZstdReader(io.BytesIO(data)), limit) or data
    return data


def _inflated(data: bytes, limit: int, window: int) -> bytes:
    decoder, pieces, size = zlib.decompressobj(window), [], 0
    while data and not decoder.eof:
        try:
            piece = decoder.decompress(data, min(limit + 1 - size, 1 << 20))
        except zlib.error:
            break
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise TooLongError
        data = decoder.unconsumed_tail
        if not piece and not data:
            break
    return b"".join(pieces)


def _pulled(reader: BrotliReader | ZstdReader, limit: int) -> bytes:
    pieces, size = [], 0
    try:
        while piece := reader.read(1 << 16):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise TooLongError
    except OSError:
        pass  # what came before the damage is good
    return b"".join(pieces)
