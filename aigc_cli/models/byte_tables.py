"""What the kernel in kernels/byte_level.py needs to know of a byte-level BPE, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aigc_cli.models import byte_patterns as patterns
from aigc_cli.models.character_tables import pages_of, pair_bits, pair_table
from aigc_cli.models.encoder import Encoder, encode_texts
from aigc_cli.models.kernels.byte_level import PART, encode, know

Merges = Sequence[tuple[str, str]]


def byte_encoder(
    vocab: Mapping[str, int], merges: Merges, table: Sequence[bytes], settings: tuple[int, int], looked_up: bool
) -> Encoder:
    """The encoder of a vocabulary; `table` has the bytes of each id, `looked_up`: words that are tokens stay whole."""
    byte_ids = np.array([vocab[c] for c in patterns.byte_alphabet()], np.int32)
    rows = np.array([(vocab[a], vocab[b], rank, vocab[a + b]) for rank, (a, b) in enumerate(merges)], np.int32)
    pairs = pair_table(*(np.ascontiguousarray(column) for column in rows.reshape(-1, 4).T))
    classes, bits = patterns.class_table(), pair_bits(_crossings(table))
    plain = Encoder(encode, (classes, byte_ids, *pages_of({}), bits, *pairs, *_known([], table)), settings)
    whole = _characters(plain, table) if _in_order(merges) else {}
    known = _known([i for i, data in enumerate(table) if data and looked_up], table)
    return Encoder(encode, (classes, byte_ids, *pages_of(whole), bits, *pairs, *known), settings)


def _in_order(merges: Merges) -> bool:
    """Whether every token comes from one merge, and is made before it is merged: so for all that were trained."""
    made = set(patterns.byte_alphabet())
    for left, right in merges:
        if left not in made or right not in made or left + right in made:
            return False
        made.add(left + right)
    return True


def _characters(encoder: Encoder, table: Sequence[bytes]) -> dict[str, int]:
    """1 + the token of each character beyond ASCII whose bytes merge to one."""
    codes = {data: _code(data) for data in table if len(data) > 1}
    found = {data: chr(code) for data, code in codes.items() if code is not None}
    ids = encode_texts(encoder, list(found))
    return {c: token[0] + 1 for c, token in zip(found.values(), ids, strict=True) if len(token) == 1}


def _crossings(table: Sequence[bytes]) -> set[tuple[int, int]]:
    """Pairs of code points that stand side by side in a token; PART | byte where a token has only part of one."""
    found = set()
    for data in table:
        for i in range(1, len(data)):
            if data[i] & 0xC0 == 0x80:
                continue
            start = i - 1
            while start > 0 and data[start] & 0xC0 == 0x80:
                start -= 1
            left, right = _code(data[start:i]), _code(data[i : i + _length(data[i])])
            first = PART | data[i]
            found.add((PART | data[i - 1], first) if left is None else (left, first if right is None else right))
    return found


def _length(lead: int) -> int:
    """Bytes of a character, by its first."""
    return 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _code(data: bytes) -> int | None:
    """The code point of one whole character; None for a part of one."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return ord(text) if len(text) == 1 else None


def _known(ids: Sequence[int], table: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A memo that holds these ids' words."""
    data = b"".join(table[i] for i in ids)
    memo = np.zeros((1 << max(4, (2 * len(ids)).bit_length()), 4), np.uint64), np.zeros(len(data) + 1, np.uint8)
    offsets = np.cumsum([0, *(len(table[i]) for i in ids)], dtype=np.int64)
    none = np.zeros(1, np.uint32)
    know(np.frombuffer(data, np.uint8), offsets, np.array(ids, np.uint64), *memo, none, np.zeros(3, np.int64))
    return *memo, none
