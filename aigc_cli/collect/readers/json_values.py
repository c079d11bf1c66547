"""JSON files: one object, an array, {"data": [...]}, or objects one after another; never read whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from aigc_cli.collect.records import Context, Record, from_fields, keep_repeats
from aigc_cli.collect.streams import BUFFER_BYTES, LineDecoder, decoded

_BLANK = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder(object_pairs_hook=keep_repeats)


class TooLongError(ValueError):
    """A JSON value larger than --max-document-bytes."""


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """One record for each object or string at the top, or in the array at the top; numbered in order."""
    stream, name = decoded(stream)
    number = 0
    decode = LineDecoder(name)
    values = _values(stream, decode, context.settings.max_document_bytes)
    while True:
        try:
            value = next(values, None)
        except TooLongError:
            context.reject("too_long", f"{label}[{number}]")
            return
        except (ValueError, RecursionError):
            context.reject("invalid_json", f"{label}[{number}]")  # nothing tells where the next value begins
            return
        if value is None:
            context.read_as(decode.name)
            return
        for item in _items(value[0]):
            where = f"{label}[{number}]"
            if isinstance(item, dict):
                record = from_fields(item, label, number, where, context)
                if record is not None:
                    yield record
            elif isinstance(item, str):
                yield Record(item, label, number)
            else:
                context.reject("not_an_object", where)
            number += 1


def _items(value: Any) -> list[Any]:
    """The rows of {"data": [...]} (one key, an array of objects), else the value itself."""
    if isinstance(value, dict) and len(value) == 1:
        (only,) = value.values()
        if isinstance(only, list) and all(isinstance(row, dict) for row in only):
            return only
    return [value]


def _values(stream: BinaryIO, decode: LineDecoder, limit: int) -> Iterator[tuple[Any]]:
    """(value,) for each JSON value, holding one value and one block at a time."""
    text = _Text(stream, decode)
    text.more()
    in_array = False
    position = _BLANK.match(text.held, 0).end()  # type: ignore[union-attr]
    if text.held[position : position + 1] == "[":
        in_array, position = True, position + 1
    while True:
        position = _BLANK.match(text.held, position).end()  # type: ignore[union-attr]
        if position == len(text.held):
            text.held, position = "", 0
            if text.more():
                continue
            if in_array:
                raise ValueError("the array does not end")
            return
        if in_array and text.held[position] == "]":
            in_array, position = False, position + 1
            continue
        value, position = _next_value(text, position, limit)
        yield (value,)
        if position > BUFFER_BYTES:
            text.held, position = text.held[position:], 0


def _next_value(text: _Text, position: int, limit: int) -> tuple[Any, int]:
    want = BUFFER_BYTES
    while True:
        try:
            value, end = _DECODER.raw_decode(text.held, position)
            # A number at the end of what is held may go on in the next block.
            if end < len(text.held) or isinstance(value, dict | list | str) or not text.more():
                return value, end
        except json.JSONDecodeError:
            if len(text.held) - position > limit:
                raise TooLongError from None
            # Twice as much each time: a long value is parsed from its start only a few times.
            grown = False
            while len(text.held) - position < want and text.more():
                grown = True
            if not grown and not text.more():
                raise
            want = max(2 * want, 2 * (len(text.held) - position))


class _Text:
    """The part of a stream that is held as text."""

    def __init__(self, stream: BinaryIO, decode: LineDecoder) -> None:
        self.held = ""
        self._stream, self._decode = stream, decode

    def more(self) -> bool:
        """Hold one block more, cut at a line end if there is one near; False at the end."""
        piece = self._stream.read(BUFFER_BYTES)
        if not piece:
            return False
        # Blocks end at a line end, or before a character: neither UTF-8 nor a legacy encoding is then cut.
        if len(piece) == BUFFER_BYTES:
            piece += self._stream.readline(4096)
            while piece[-1] >= 0x80 and (byte := self._stream.read(1)):
                piece += byte
        self.held += self._decode(piece)
        return True
