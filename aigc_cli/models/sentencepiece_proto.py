"""sentencepiece's model file, read and rewritten without the protobuf package.

Only three kinds of field are looked into: pieces (1), trainer (2) and normalizer (3); the rest is copied as it is.
Source: sentencepiece_model.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
KINDS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary; its id is its position."""

    text: str
    score: float
    type: int


def check(model: bytes) -> None:
    """ValueError when the outer structure is not that of such a model."""
    if not any([number == 1 for number, _, _ in _fields(model)]):
        raise ValueError("no pieces")


def read_pieces(model: bytes) -> list[Piece]:
    """The vocabulary in id order; ValueError for bytes that are no such model."""
    return [_piece(value) for number, value, _ in _fields(model) if number == 1]


def replace_pieces(model: bytes, pieces: Sequence[Piece]) -> bytes:
    """The same model with another vocabulary."""
    rest = b"".join(raw for number, _, raw in _fields(model) if number != 1)
    return b"".join(_encode(piece) for piece in pieces) + rest


def model_kind(model: bytes) -> str:
    """unigram, bpe, word or char."""
    for number, value, _ in _fields(model):
        if number == 2 and isinstance(value, bytes):
            for inner, kind, _ in _fields(value):
                if inner == 3 and isinstance(kind, int):
                    return KINDS.get(kind, "unknown")
    return "unigram"  # the format's default


def normalization(model: bytes) -> str:
    """What the model's normalizer would do to a text, in words; empty when it only writes spaces as U+2581."""
    settings: dict[int, int | bytes] = {2: b"", 3: 1, 4: 1, 5: 1}  # the format's defaults
    suffix = False
    for number, value, _ in _fields(model):
        if number == 3 and isinstance(value, bytes):
            settings.update((inner, content) for inner, content, _ in _fields(value))
        elif number == 2 and isinstance(value, bytes):
            suffix = any([inner == 24 and content == 1 for inner, content, _ in _fields(value)])
    done = {
        "normalization rules": settings[2] != b"", "a space before every text": settings[3] == 1,
        "spaces removed": settings[4] == 1, "spaces not marked": settings[5] == 0, "spaces after words": suffix,
    }  # fmt: skip
    return ", ".join(name for name, is_done in done.items() if is_done)


def _piece(data: int | bytes) -> Piece:
    text, score, kind = "", 0.0, NORMAL
    for number, value, _ in _fields(data if isinstance(data, bytes) else b""):
        if number == 1 and isinstance(value, bytes):
            text = value.decode()
        elif number == 2 and isinstance(value, bytes):
            score = struct.unpack("<f", value)[0]
        elif number == 3 and isinstance(value, int):
            kind = value
    return Piece(text, score, kind)


def _encode(piece: Piece) -> bytes:
    text = piece.text.encode()
    body = b"\x0a" + _varint(len(text)) + text + b"\x15" + struct.pack("<f", piece.score)
    if piece.type != NORMAL:
        body += b"\x18" + _varint(piece.type)
    return b"\x0a" + _varint(len(body)) + body


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes, bytes]]:
    """(field number, value, the field's own bytes) in file order."""
    position, end = 0, len(data)
    while position < end:
        start = position
        key, position = _read_varint(data, position)
        number, wire = key >> 3, key & 7
        value: int | bytes
        if wire == _VARINT:
            value, position = _read_varint(data, position)
        elif wire in (_BYTES, _FIXED32, _FIXED64):
            size = {_FIXED32: 4, _FIXED64: 8}.get(wire, 0)
            if wire == _BYTES:
                size, position = _read_varint(data, position)
            value, position = data[position : position + size], position + size
        else:
            raise ValueError(f"wire type {wire}")
        if position > end or number == 0:
            raise ValueError("a field reaches past the end")
        yield number, value, data[start:position]


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number is cut off")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
