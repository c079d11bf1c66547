"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from aigc_cli.collect import encoding
from aigc_cli.collect.records import TEXT_FIELDS, Context, Record, from_fields, keep_repeats
from aigc_cli.collect.streams import LineDecoder, decoded, lines


def read(stream: BinaryIO, label: str, context: Context, start: int = 0, end: int | None = None) -> Iterator[Record]:
    """The lines that begin in [start, end), numbered by their byte offset."""
    settings = context.settings
    stream, name = decoded(stream)
    decode = LineDecoder(name, context.read_as)
    keys = [f'"{field}"'.encode() for field in ([settings.text_field] if settings.text_field else TEXT_FIELDS)]
    for number, (offset, line) in enumerate(lines(stream, settings.max_document_bytes, start, end), 1):
        where = f"{label}:{number}" if not start else f"{label} (byte {offset})"
        if line is None:
            context.reject("too_long", where)
            continue
        if line.isspace():
            continue
        try:
            # A repeated text field is ambiguous; the slow hook runs only where a field's name stands twice.
            twice = any(line.count(key) > 1 for key in keys)
            value = json.loads(decode(line), object_pairs_hook=keep_repeats if twice else None)
        except encoding.UndecodableError as error:
            context.reject(error.reason, where)
            continue
        except (ValueError, RecursionError):
            context.reject("invalid_json", where)
            continue
        if isinstance(value, dict):
            record = from_fields(value, label, offset, where, context)
            if record is not None:
                yield record
        elif isinstance(value, str):
            yield Record(value, label, offset)
        else:
            context.reject("not_an_object", where)
