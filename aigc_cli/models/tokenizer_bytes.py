"""Byte-level BPE as a vocabulary: the tokenizer.json of GPT-2, Llama 3 and others, without a normalizer.

`model` is the file itself. Its ids come from Hugging Face's tokenizers or from the kernel; special tokens are never
read from text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aigc_cli.core.errors import DataError
from aigc_cli.models import byte_patterns as patterns
from aigc_cli.models import sentencepiece_proto as proto

if TYPE_CHECKING:
    import tokenizers

    from aigc_cli.models.encoder import Encoder

JSON_FILE, RANKS_FILE = "tokenizer.json", "tokenizer.tiktoken"
REMEDY = "make one: aigc tokenize SHARDS --kind byte-bpe -o DIR"
HAN = range(0x4E00, 0xA000)


class ByteVocabulary:
    """A byte-level BPE. Raises DataError for a file of another kind, or one that lacks `special` tokens."""

    kind = "byte-bpe"
    escapes = False
    reference_only = ""

    def __init__(self, model: bytes, special: Sequence[str], name: str) -> None:
        self.model = model
        try:
            self._json = json.loads(model)
            self._settings = _settings(self._json)
            self._vocab: dict[str, int] = dict(self._json["model"]["vocab"])
            added = {entry["content"]: int(entry["id"]) for entry in self._json["added_tokens"]}
            self._merges = [_pair(merge) for merge in self._json["model"]["merges"]]
            self._table = _table(self._vocab, added)
            self._reference = _reference(self._json)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            fact = f"{name} is damaged or no byte-level BPE that aigc reads"
            raise DataError(f"{fact}: {error}" if isinstance(error, ValueError) else fact, REMEDY) from error
        missing = [token for token in special if token not in added]
        if missing:
            raise DataError(f"{name} does not reserve {missing[0]} and {len(missing) - 1} other special tokens", REMEDY)
        self.special_ids = {token: added[token] for token in special}
        self._added = set(added.values())

    @cached_property
    def pieces(self) -> list[proto.Piece]:
        """The vocabulary in id order; parts of characters are written as <0xAB>."""
        names = {i: text for text, i in self._vocab.items()}
        names |= {int(entry["id"]): entry["content"] for entry in self._json["added_tokens"]}
        pieces = []
        for i, data in enumerate(self._table):
            if i in self._added:
                pieces.append(proto.Piece(names[i], 0.0, proto.CONTROL))
            else:
                kind = proto.BYTE if len(data) == 1 and data[0] >= 0x80 else proto.NORMAL
                pieces.append(proto.Piece(_shown(data), 0.0, kind))
        return pieces

    def bytes_of(self) -> list[bytes]:
        """The bytes of each id; nothing for special tokens."""
        return [b"" if i in self._added else data for i, data in enumerate(self._table)]

    def prepare(self, text: str) -> str:
        """The text that is encoded: itself."""
        return text

    def is_cut(self, text: str, i: int) -> bool:
        """Whether words of every pattern end at position i > 0: behind a letter, before a space or newline."""
        before = text[i - 1]
        return text[i] in " \n" and ((before.isascii() and before.isalpha()) or ord(before) in HAN)

    def reference(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of texts from tokenizers."""
        return [found.ids for found in self._reference.encode_batch_fast(list(texts), add_special_tokens=False)]

    @cached_property
    def encoder(self) -> Encoder:
        """The compiled encoder; its first use loads or compiles the kernels."""
        from aigc_cli.models.byte_tables import byte_encoder

        looked_up = bool(self._json["model"].get("ignore_merges"))
        return byte_encoder(self._vocab, self._merges, self.bytes_of(), self._settings, looked_up)

    def files(self) -> dict[str, bytes | str]:
        """What is written beside a model, by name."""
        from aigc_cli.models.tokenizer_json import config_files

        names = [piece.text for piece in self.pieces]
        return {
            JSON_FILE: self.model, **config_files(names, sorted(self._added)), RANKS_FILE: _ranks(self.bytes_of()),
        }  # fmt: skip


def _pair(merge: str | Sequence[str]) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _settings(file: Mapping[str, Any]) -> tuple[int, int]:
    """The pattern's settings; ValueError for anything in the file that would give other ids."""
    model, steps = file["model"], file["pre_tokenizer"]
    if model["type"] != "BPE" or model.get("dropout") or model.get("byte_fallback") or model.get("fuse_unk"):
        raise ValueError("its model is not BPE over bytes")
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix") or file.get("normalizer"):
        raise ValueError("it changes text (a normalizer, a prefix or a suffix)")
    steps = steps["pretokenizers"] if steps["type"] == "Sequence" else [steps]
    level = steps[-1]
    decoder = (file.get("decoder") or {}).get("type")
    if level["type"] != "ByteLevel" or level["add_prefix_space"] or decoder != "ByteLevel":
        raise ValueError("it is not byte-level, or adds a space")
    if len(steps) == 1 and level.get("use_regex", True):
        found = patterns.settings_of(patterns.GPT2)
    elif len(steps) == 2 and steps[0]["type"] == "Split" and not level.get("use_regex", True):
        split = steps[0]
        plain = split["behavior"] == "Isolated" and not split.get("invert")
        found = patterns.settings_of(split["pattern"]["Regex"]) if plain else None
    else:
        found = None
    if found is None:
        raise ValueError("its words are cut by a pattern that aigc does not know")
    return found


def _table(vocab: Mapping[str, int], added: Mapping[str, int]) -> list[bytes]:
    """The bytes of each id, added tokens as they are spelled. ValueError for ids with gaps."""
    byte_of = {c: b for b, c in enumerate(patterns.byte_alphabet())}
    if not set(byte_of) <= set(vocab):
        raise ValueError("it has no id for some byte")
    spelled = {i: text.encode() for text, i in added.items()}
    spelled |= {i: bytes(byte_of[c] for c in text) for text, i in vocab.items() if i not in spelled}
    if sorted(spelled) != list(range(len(spelled))):
        raise ValueError("its ids have gaps")
    return [spelled[i] for i in range(len(spelled))]


def _reference(file: Mapping[str, Any]) -> tokenizers.Tokenizer:
    """The same tokenizer in tokenizers, without special tokens in text. ValueError when it does not take the file."""
    import tokenizers

    plain = {**file, "added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
    try:
        return tokenizers.Tokenizer.from_str(json.dumps(plain))
    except Exception as error:  # the library raises Exception itself
        raise ValueError(str(error)) from error


def _shown(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in data)


def _ranks(table: Sequence[bytes]) -> str:
    """The vocabulary as tiktoken's `load_tiktoken_bpe` reads it: base64 of the bytes, and the id, which is the rank."""
    import base64

    return "".join(f"{base64.b64encode(data).decode()} {i}\n" for i, data in enumerate(table) if data)
