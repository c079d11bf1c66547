"""Text to ids and back, without loss: sentencepiece, with what it would lose escaped (see tokenizer_text)."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import atomic_write
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer_text import ESCAPE, SPACE, chunked, escape, unescape, unescape_bytes

if TYPE_CHECKING:
    import sentencepiece

SENTINELS = tuple(f"<extra_id_{i}>" for i in range(100))
CHAT = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|end|>", "<|image|>", "<|audio|>", "<|video|>")
SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>", "<mask>", "<cls>", "<sep>", *SENTINELS, *CHAT)
LONG_CHUNKS = 256  # of 2048 characters, encoded at a time where a text is long
MODEL_FILE = "tokenizer.model"
FILES = (MODEL_FILE, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


class Tokenizer:
    """A vocabulary that encodes any text without lone surrogates, and decodes it to the same text.

    Special tokens are never read from text: encode("<s>") is the spelling of three characters.
    """

    def __init__(self, model: bytes, name: str = MODEL_FILE) -> None:
        self.model = model
        self._processor = _load(model, name)
        self.vocab_size: int = self._processor.vocab_size()
        ids = {token: self._processor.piece_to_id(token) for token in SPECIAL_TOKENS}
        self.special_ids: dict[str, int] = ids
        self.pad, self.bos, self.eos, self.unk = (ids[t] for t in SPECIAL_TOKENS[:4])
        self.mask, self.cls, self.sep = (ids[t] for t in SPECIAL_TOKENS[4:7])
        self.sentinels: list[int] = [ids[token] for token in SENTINELS]
        _check(self._processor, ids, name)

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """The tokenizer in a directory that holds tokenizer.model, or in such a file.

        Raises ConfigError when there is nothing, DataError when it is not one that this class can use without loss.
        """
        path = Path(path)
        file = path / MODEL_FILE if path.is_dir() else path
        try:
            model = file.read_bytes()
        except FileNotFoundError as error:
            if path.is_dir() and (path / "tokenizer.json").is_file():
                raise DataError(
                    f"{path} holds tokenizer.json but no {MODEL_FILE}", "aigc reads sentencepiece models only"
                ) from error
            raise ConfigError(f"there is no tokenizer in {path}", "make one: aigc tokenize SHARDS -o DIR") from error
        except OSError as error:
            raise DataError(f"{file} cannot be read: {error.strerror}", "check the file") from error
        return cls(model, str(file))

    @cached_property
    def digest(self) -> str:
        """xxh128 of the model file, 32 hex digits: equal digests give equal ids."""
        import xxhash

        return xxhash.xxh128_hexdigest(self.model)

    @cached_property
    def kind(self) -> str:
        """unigram, bpe or char."""
        return proto.model_kind(self.model)

    @cached_property
    def pieces(self) -> list[proto.Piece]:
        """The vocabulary in id order."""
        return proto.read_pieces(self.model)

    @cached_property
    def _bytes(self) -> list[bytes]:
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

    # -- to ids ----------------------------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """The ids of one text; no special tokens are added."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, on one thread. DataError for a lone surrogate, which UTF-8 cannot hold."""
        chunks: list[str] = []
        ends: list[int] = []
        for text in texts:
            chunks.extend(chunked(escape(text)))
            ends.append(len(chunks))
        encoded = self._encode(chunks)
        if len(chunks) == len(texts) and all(end == i + 1 for i, end in enumerate(ends)):
            return encoded
        result, start = [], 0
        for end in ends:
            result.append(encoded[start] if end == start + 1 else [i for ids in encoded[start:end] for i in ids])
            start = end
        return result

    def _encode(self, chunks: list[str]) -> list[list[int]]:
        try:
            return self._processor.encode(chunks, out_type=int, num_threads=1) if chunks else []
        except (UnicodeError, TypeError) as error:  # sentencepiece says TypeError where UTF-8 fails
            if not all(isinstance(chunk, str) for chunk in chunks):
                raise
            raise DataError("the text holds a lone surrogate", "clean it: aigc clean repairs encodings") from error

    def encode_long(self, text: str) -> Iterator[list[int]]:
        """The ids of `encode(text)` in lists of bounded length, for texts too long for one."""
        chunks = chunked(escape(text))
        for start in range(0, len(chunks), LONG_CHUNKS):
            yield [i for ids in self._encode(chunks[start : start + LONG_CHUNKS]) for i in ids]

    def tokens(self, text: str) -> list[str]:
        """The pieces of `text` as people read them: spaces as spaces, bytes as <0xAB>."""
        return [self.pieces[i].text.replace(SPACE, " ") for i in self.encode(text)]

    # -- to text ---------------------------------------------------------------------------------------------------

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The UTF-8 bytes of `ids`; a part of a text may end within a character. Special tokens give nothing."""
        return unescape_bytes(self._join(ids))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`. Bytes that are no UTF-8 (a model may write them) become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text in pieces as the ids come: whole characters only; joined they are `decode(ids)`."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        held = ""
        for i in ids:
            held += decoder.decode(self._join([i]))
            if held and not held.endswith(ESCAPE):
                yield unescape(held)
                held = ""
        held += decoder.decode(b"", final=True)
        if held:
            yield unescape(held)

    @cached_property
    def id_bytes(self) -> list[int]:
        """UTF-8 bytes that each id stands for; escapes count as what they stand in for, in sum."""
        return [len(unescape_bytes(data)) for data in self._bytes]

    def _join(self, ids: Iterable[int]) -> bytes:
        table, ids = self._bytes, list(ids)
        if ids and not 0 <= min(ids) <= max(ids) < len(table):
            raise DataError(f"an id is outside the vocabulary of {len(table)}", "is it another tokenizer's?")
        return b"".join([table[i] for i in ids])

    # -- to disk ---------------------------------------------------------------------------------------------------

    def save(self, directory: str | Path) -> list[Path]:
        """Write the four files that transformers' AutoTokenizer reads; gives their paths."""
        from aigc_cli.models.tokenizer_json import side_files

        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        contents: dict[str, bytes | str] = {MODEL_FILE: self.model, **side_files(self.pieces, self.kind)}
        for name, data in contents.items():
            atomic_write(directory / name, data)
        return [directory / name for name in contents]


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
