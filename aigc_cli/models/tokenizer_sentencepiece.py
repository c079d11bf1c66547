"""A sentencepiece model as a vocabulary: what it must be, and its ids by sentencepiece or by the kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from aigc_cli.core.errors import DataError
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer_text import SPACE, WORD_CHARS, at_words, escape

if TYPE_CHECKING:
    import sentencepiece

    from aigc_cli.models.encoder import Encoder

MODEL_FILE = "tokenizer.model"


class SentencePieceVocabulary:
    """The pieces of a tokenizer.model. Raises DataError for one that loses text or lacks `special` tokens."""

    escapes = True

    def __init__(self, model: bytes, special: Sequence[str], name: str) -> None:
        self.model = model
        self._processor = _load(model, name)
        self.kind = proto.model_kind(model)
        self.pieces = proto.read_pieces(model)
        self.special_ids = {token: self._processor.piece_to_id(token) for token in special}
        _check(self._processor, self.special_ids, name)
        self.reference_only = _beyond_the_kernel(model, self.pieces, self.kind)

    def bytes_of(self) -> list[bytes]:
        """UTF-8 of each id, still escaped; nothing for special tokens."""
        table = []
        for piece in self.pieces:
            if piece.type == proto.BYTE:
                table.append(bytes([int(piece.text[3:5], 16)]))
            elif piece.type in (proto.CONTROL, proto.UNKNOWN):
                table.append(b"")
            else:
                table.append(piece.text.replace(SPACE, " ").encode())
        return table

    def prepare(self, text: str) -> str:
        """The text that is encoded."""
        return escape(text)

    def is_cut(self, text: str, i: int) -> bool:
        """Whether no piece can lie across position i > 0 of a prepared text."""
        return text[i - 1] == "\n" or (text[i] == " " and text[i - 1] != " ")

    def reference(self, texts: Sequence[str]) -> list[list[int]] | None:
        """The ids of prepared texts from sentencepiece; None where its float32 sums may be inexact."""
        if self.reference_only:
            return self._processor.encode(list(texts), out_type=int, num_threads=1) if texts else []
        parts = [at_words(text) for text in texts]
        flat = [part for row in parts for part in row]
        if self.kind == "unigram" and any(len(part) > WORD_CHARS for part in flat):
            return None
        encoded = iter(self._processor.encode(flat, out_type=int, num_threads=1) if flat else [])
        return [[i for _ in row for i in next(encoded)] for row in parts]

    @cached_property
    def encoder(self) -> Encoder:
        """The compiled encoder; its first use loads or compiles the kernels."""
        from aigc_cli.models.character_tables import CharacterTables
        from aigc_cli.models.encoder import Encoder
        from aigc_cli.models.kernels.characters import encode

        tables = CharacterTables(self.pieces, self.kind)
        return Encoder(encode, tables.arrays, [tables.how])

    def files(self) -> dict[str, bytes | str]:
        """What is written beside a model, by name."""
        from aigc_cli.models.tokenizer_json import side_files

        return {MODEL_FILE: self.model, **side_files(self.pieces, self.kind)}


def _load(model: bytes, name: str) -> sentencepiece.SentencePieceProcessor:
    import sentencepiece

    remedy = "it is not a sentencepiece model; make one: aigc tokenize SHARDS -o DIR"
    processor = sentencepiece.SentencePieceProcessor()
    try:
        proto.check(model)  # sentencepiece itself may abort on strange bytes
        loaded = bool(model) and processor.LoadFromSerializedProto(model)
    except (ValueError, RuntimeError, OSError) as error:
        raise DataError(f"{name} is damaged or of another kind", remedy) from error
    if not loaded or processor.vocab_size() == 0:
        raise DataError(f"{name} is damaged or of another kind", remedy)
    return processor


def _check(processor: sentencepiece.SentencePieceProcessor, ids: dict[str, int], name: str) -> None:
    """DataError unless the model reserves our special tokens and keeps every character."""
    remedy = "train one that does: aigc tokenize SHARDS --kind unigram"
    missing = [t for t, i in ids.items() if processor.id_to_piece(i) != t or not _reserved(processor, i)]
    if missing:
        raise DataError(f"{name} does not reserve {missing[0]} and {len(missing) - 1} other special tokens", remedy)
    probe = "  a \n\n\t b\ufb01\u2460\u3000\U0001f600\x01 "  # a ligature and a circled digit: NFKC would change them
    kept = processor.decode(processor.encode(probe)) == probe and processor.encode(" ", out_type=str) == [SPACE]
    if not kept:
        raise DataError(f"{name} changes text (normalization, dropped spaces or no byte fallback)", remedy)
    if any(processor.piece_to_id(f"<0x{b:02X}>") == processor.unk_id() for b in range(256)):
        raise DataError(f"{name} has no byte fallback", remedy)


def _reserved(processor: sentencepiece.SentencePieceProcessor, i: int) -> bool:
    return processor.is_control(i) or processor.is_unknown(i)


def _beyond_the_kernel(model: bytes, pieces: Sequence[proto.Piece], kind: str) -> str:
    """What of a model the kernel does not do, in words; empty for all that `aigc tokenize` makes."""
    if kind not in ("unigram", "bpe", "char"):
        return f"pieces of kind {kind}"
    if rules := proto.normalization(model):
        return rules
    if any(p.type in (proto.USER_DEFINED, proto.UNUSED) for p in pieces):
        return "user-defined or unused pieces"
    normal = [p for p in pieces if p.type == proto.NORMAL]
    if not all(math.isfinite(p.score) for p in normal) or any(" " in p.text for p in normal):
        return "pieces with spaces or without a score"
    for piece in normal if kind != "char" else []:
        for left, right in pairwise(piece.text):
            if "\n" in (left, right) or (right == SPACE != left):
                return "pieces across words"
    return ""
