"""Text to ids and back, without loss: sentencepiece vocabularies and byte-level BPE."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.core.files import atomic_write
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer_text import ESCAPE, SPACE, unescape, unescape_bytes

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from aigc_cli.models.tokenizer_bytes import ByteVocabulary
    from aigc_cli.models.tokenizer_sentencepiece import SentencePieceVocabulary

SENTINELS = tuple(f"<extra_id_{i}>" for i in range(100))
CHAT = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|end|>", "<|image|>", "<|audio|>", "<|video|>")
SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>", "<mask>", "<cls>", "<sep>", *SENTINELS, *CHAT)
MODEL_FILE, JSON_FILE = "tokenizer.model", "tokenizer.json"
FILES = (JSON_FILE, "tokenizer_config.json", "special_tokens_map.json")  # of every kind
LONG_CHARS = 1 << 19  # of a long text, encoded at a time
KERNEL_BYTES = 1 << 21  # a tokenizer that meets less text leaves the kernels, which take a moment to load, alone


class Tokenizer:
    """A vocabulary that encodes any text without lone surrogates, and decodes it to the same text.

    Special tokens are never read from text: encode("<s>") is the spelling of three characters. `model` is what is in
    tokenizer.model or, for byte-level BPE, in tokenizer.json.
    """

    def __init__(self, model: bytes, name: str = MODEL_FILE) -> None:
        self.model = model
        self._vocabulary = _vocabulary(model, name)
        self._met_bytes = 0
        self.vocab_size = len(self._vocabulary.pieces)
        self.special_ids = ids = self._vocabulary.special_ids
        self.pad, self.bos, self.eos, self.unk = (ids[t] for t in SPECIAL_TOKENS[:4])
        self.mask, self.cls, self.sep = (ids[t] for t in SPECIAL_TOKENS[4:7])
        self.sentinels: list[int] = [ids[token] for token in SENTINELS]

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """The tokenizer in a directory that holds tokenizer.model or tokenizer.json, or in such a file.

        Raises ConfigError when there is nothing, DataError when it is not one that this class can use without loss.
        """
        path = Path(path)
        names = [path / MODEL_FILE, path / JSON_FILE] if path.is_dir() else [path]
        file = next((name for name in names if name.exists()), None)
        if file is None:
            raise ConfigError(f"there is no tokenizer in {path}", "make one: aigc tokenize SHARDS -o DIR")
        try:
            return cls(file.read_bytes(), str(file))
        except OSError as error:
            raise DataError(f"{file} cannot be read: {error.strerror}", "check the file") from error

    @cached_property
    def digest(self) -> str:
        """xxh128 of the model file, 32 hex digits: equal digests give equal ids."""
        import xxhash

        return xxhash.xxh128_hexdigest(self.model)

    @property
    def kind(self) -> str:
        """unigram, bpe, char or byte-bpe."""
        return self._vocabulary.kind

    @property
    def pieces(self) -> list[proto.Piece]:
        """The vocabulary in id order."""
        return self._vocabulary.pieces

    @property
    def slow_because(self) -> str:
        """What of the vocabulary the compiled encoder does not do, so that the library encodes; empty for ours."""
        return self._vocabulary.reference_only

    @cached_property
    def _bytes(self) -> list[bytes]:
        """What each id stands for, still escaped; nothing for special tokens."""
        return self._vocabulary.bytes_of()

    # -- to ids ----------------------------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """The ids of one text; no special tokens are added."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, on one thread. DataError for a lone surrogate, which UTF-8 cannot hold."""
        vocabulary = self._vocabulary
        prepared = [vocabulary.prepare(text) for text in texts]
        try:
            data = [text.encode() for text in prepared]
        except UnicodeEncodeError as error:
            raise DataError("the text holds a lone surrogate", "clean it: aigc clean repairs encodings") from error
        self._met_bytes += sum(map(len, data))
        if self._by_library:
            found = vocabulary.reference(prepared)
            if found is not None:
                return found
        from aigc_cli.models.encoder import encode_texts

        return encode_texts(vocabulary.encoder, data)

    def encode_long(self, text: str) -> Iterator[list[int]]:
        """The ids of `encode(text)` in lists of bounded length, for texts too long for one."""
        for part in self.parts(text):
            yield self.encode(part)

    def parts(self, text: str) -> Iterator[str]:
        """A text in parts of about LONG_CHARS whose ids, joined, are those of the text."""
        is_cut, start = self._vocabulary.is_cut, 0
        while len(text) - start > LONG_CHARS and not self.slow_because:
            cut = start + LONG_CHARS
            while cut > start and not is_cut(text, cut):
                cut -= 1
            if cut == start:  # one word of that length: it is encoded whole
                cut = next((i for i in range(start + LONG_CHARS, len(text)) if is_cut(text, i)), len(text))
            yield text[start:cut]
            start = cut
        yield text[start:]

    def encode_column(
        self, column: pa.Array, begin: int = -1, end: int = -1, threads: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """(ids uint32, offsets int64 [rows + 1]) of an Arrow column of texts; nulls are empty.

        `begin` and `end` are ids to put around each text (-1: none). Memory: about 5 bytes a byte of text.
        Raises DataError for text that is no UTF-8, AigcError where ids would not give their text back.
        """
        from aigc_cli.models.columns import PreparedColumn

        prepared = PreparedColumn(self._vocabulary, column)
        self._met_bytes += prepared.size_bytes
        found = prepared.encode_by_library(begin, end) if self._by_library else None
        ids, ends = found or prepared.encode(begin, end, threads)
        row = prepared.first_misspelled(ids, ends, self._bytes, compiled=found is None)
        if row >= 0:
            fact = f"the tokenizer does not give back text {row} of {len(column)} unchanged"
            raise AigcError(fact, "this is a bug: please report it")
        return ids, ends

    @property
    def _by_library(self) -> bool:
        return bool(self.slow_because) or self._met_bytes < KERNEL_BYTES

    def tokens(self, text: str) -> list[str]:
        """The pieces of `text` as people read them: spaces as spaces, bytes as <0xAB>."""
        return [self.pieces[i].text.replace(SPACE, " ") for i in self.encode(text)]

    # -- to text ---------------------------------------------------------------------------------------------------

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The UTF-8 bytes of `ids`; a part of a text may end within a character. Special tokens give nothing."""
        joined = self._join(ids)
        return unescape_bytes(joined) if self._vocabulary.escapes else joined

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`. Bytes that are no UTF-8 (a model may write them) become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text in pieces as the ids come: whole characters only; joined they are `decode(ids)`."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        restore = unescape if self._vocabulary.escapes else str
        held = ""
        for i in ids:
            held += decoder.decode(self._join([i]))
            if held and not held.endswith(ESCAPE):
                yield restore(held)
                held = ""
        held += decoder.decode(b"", final=True)
        if held:
            yield restore(held)

    @cached_property
    def id_bytes(self) -> list[int]:
        """UTF-8 bytes that each id stands for; escapes count as what they stand in for, in sum."""
        return [len(unescape_bytes(data) if self._vocabulary.escapes else data) for data in self._bytes]

    def _join(self, ids: Iterable[int]) -> bytes:
        table, ids = self._bytes, list(ids)
        if ids and not 0 <= min(ids) <= max(ids) < len(table):
            raise DataError(f"an id is outside the vocabulary of {len(table)}", "is it another tokenizer's?")
        return b"".join([table[i] for i in ids])

    # -- to disk ---------------------------------------------------------------------------------------------------

    def save(self, directory: str | Path) -> list[Path]:
        """Write the files that transformers' AutoTokenizer reads; gives their paths."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        contents: dict[str, Any] = self._vocabulary.files()
        for name, data in contents.items():
            atomic_write(directory / name, data)
        return [directory / name for name in contents]


def _vocabulary(model: bytes, name: str) -> SentencePieceVocabulary | ByteVocabulary:
    if model[:1] == b"{":  # no sentencepiece model begins so: 0x7B would be field 15
        from aigc_cli.models.tokenizer_bytes import ByteVocabulary

        return ByteVocabulary(model, SPECIAL_TOKENS, name)
    from aigc_cli.models.tokenizer_sentencepiece import SentencePieceVocabulary

    return SentencePieceVocabulary(model, SPECIAL_TOKENS, name)
