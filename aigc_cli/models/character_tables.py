"""What the kernel in kernels/characters.py needs to know of a sentencepiece vocabulary, as arrays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.kernels import characters as kernel
from aigc_cli.models.kernels import tables
from aigc_cli.models.tokenizer_text import SPACE

UNKNOWN_PENALTY = 10.0  # sentencepiece's: a character that is no piece costs this more than the worst piece
BITS_A_PAIR = 16


class CharacterTables:
    """A vocabulary of kind unigram, bpe or char; `arrays` are the kernel's arguments behind the texts."""

    def __init__(self, pieces: Sequence[proto.Piece], kind: str) -> None:
        self.how = kernel.PATH if kind == "unigram" else kernel.MERGE
        spelled = {p.text.replace(SPACE, " "): i for i, p in enumerate(pieces) if p.type == proto.NORMAL}
        characters = sorted({c for text in spelled for c in text})
        numbers = {c: i + 1 for i, c in enumerate(characters)}
        symbol_of = np.full(len(numbers) + 1, -1, np.int32)
        for c, number in numbers.items():  # a character that is only in pieces can merge, but has no id
            symbol_of[number] = spelled.get(c, len(pieces) + number)
        joins = {pair for text in spelled for pair in pairwise(text)} if kind != "char" else set()
        scores = np.array([p.score for p in pieces] + [0.0])
        scores[-1] = min((pieces[i].score for i in spelled.values()), default=0.0) - UNKNOWN_PENALTY
        entries = _tree(spelled, numbers) if kind == "unigram" else _merges(spelled, symbol_of, numbers, scores)
        byte_ids = {p.text: i for i, p in enumerate(pieces) if p.type == proto.BYTE}
        self.arrays = (
            *pages_of(numbers), symbol_of, _ascii(joins), pair_bits({(numbers[a], numbers[b]) for a, b in joins}),
            np.array([byte_ids[f"<0x{b:02X}>"] for b in range(256)], np.int32), *pair_table(*entries), scores,
        )  # fmt: skip


def pair_table(
    lefts: np.ndarray, rights: np.ndarray, firsts: np.ndarray, seconds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hash table of `find_pair`: keys and the two numbers beside each."""
    slots = 1 << max(4, (2 * len(lefts)).bit_length())
    table = np.zeros(slots, np.uint64), np.zeros(slots, np.int32), np.zeros(slots, np.int32)
    tables.fill_pairs(lefts, rights, firsts, seconds, *table)
    return table


def pair_bits(pairs: Collection[tuple[int, int]]) -> np.ndarray:
    """The set of `has_pair`."""
    bits = np.zeros(1 << max(4, (len(pairs) * BITS_A_PAIR // 64).bit_length()), np.uint64)
    columns = np.array(list(pairs), np.int32).reshape(-1, 2)
    tables.fill_pair_bits(np.ascontiguousarray(columns[:, 0]), np.ascontiguousarray(columns[:, 1]), bits)
    return bits


def _columns(rows: Sequence[tuple[int, int, int, int]]) -> tuple[np.ndarray, ...]:
    columns = np.array(rows, np.int32).reshape(-1, 4).T
    return tuple(np.ascontiguousarray(column) for column in columns)


def _merges(
    spelled: dict[str, int], symbol_of: np.ndarray, numbers: dict[str, int], scores: np.ndarray
) -> tuple[np.ndarray, ...]:
    """(left, right, rank, merged) for all ways to join two symbols to a piece; equal scores have equal ranks."""
    symbols = {c: int(symbol_of[number]) for c, number in numbers.items()} | spelled
    order = np.unique(-scores, return_inverse=True)[1]
    rows = []
    for text, piece in spelled.items():
        for cut in range(1, len(text)):
            left, right = symbols.get(text[:cut]), symbols.get(text[cut:])
            if left is not None and right is not None:
                rows.append((left, right, int(order[piece]), piece))
    return _columns(rows)


def _tree(spelled: dict[str, int], numbers: dict[str, int]) -> tuple[np.ndarray, ...]:
    """(node, character, next node, piece or -1) of the tree of all pieces."""
    nodes: dict[str, int] = {"": 0}
    rows = []
    for text in sorted(spelled, key=len):  # so that no piece is met within a longer one before its own turn
        for end in range(1, len(text) + 1):
            prefix = text[:end]
            if prefix not in nodes:
                nodes[prefix] = len(nodes)
                rows.append((nodes[text[: end - 1]], numbers[text[end - 1]], nodes[prefix], spelled.get(prefix, -1)))
    return _columns(rows)


def pages_of(numbers: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of characters by code point: the block of each 256, and the blocks; block 0 is empty."""
    used = sorted({ord(c) >> 8 for c in numbers})
    pages, blocks = np.zeros(0x1100, np.int32), np.zeros((len(used) + 1) * 256, np.int32)
    pages[used] = np.arange(1, len(used) + 1)
    for c, number in numbers.items():
        blocks[pages[ord(c) >> 8] * 256 + (ord(c) & 0xFF)] = number
    return pages, blocks


def _ascii(joins: set[tuple[str, str]]) -> np.ndarray:
    table = np.zeros(128 * 128, np.uint8)
    table[[ord(a) << 7 | ord(b) for a, b in joins if a < "\x80" and b < "\x80"]] = 1
    return table
