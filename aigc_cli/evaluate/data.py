"""What is evaluated: token shards, document shards or text files, as sequences of token ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import hash_text
from aigc_cli.core.lineage import parents
from aigc_cli.core.manifest import read_manifest
from aigc_cli.core.shards import Shards
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.tokenizer import Tokenizer

NAME_SHARDS = "name the data: --shards TOKENS, a directory of documents, or text files"


@dataclass
class Document:
    """One text: its ids (bos first, no eos), its bytes and its language, "" when unknown."""

    ids: np.ndarray
    data: bytes
    lang: str = ""


def training_shards(bundle: Bundle) -> Path:
    """The token shards that the model was trained on, by its lineage; ConfigError when they are not there."""
    try:
        found = parents(bundle.path, ["tokenize"]) if read_manifest(bundle.path) is not None else []
    except DataError:
        found = []
    if not found:
        raise ConfigError(f"the training data of {bundle.path} is not known or not there", NAME_SHARDS)
    return found[0]


def is_tokens(path: Path) -> bool:
    """Whether `path` holds token shards."""
    return Shards.is_shards(path) and "input_ids" in Shards.open(path).columns


def read_stream(path: Path, split: str, tokenizer: Tokenizer, limit: int | None = None) -> np.ndarray:
    """The tokens of a split in order, without padding. DataError when another tokenizer made them."""
    shards = Shards.open(path)
    made_by = ((shards.manifest or {}).get("facts") or {}).get("tokenizer")
    if made_by is not None and made_by != tokenizer.digest:
        raise DataError(f"{path} was made with another tokenizer", "tokenize with the model's: --tokenizer MODEL")
    parts, count = [], 0
    for array in shards.fixed("input_ids", _split_of(shards, split), below=tokenizer.vocab_size):
        flat = array.reshape(-1)
        parts.append(flat[flat != tokenizer.pad])
        count += parts[-1].size
        if limit is not None and count >= limit:
            break
    stream = np.concatenate(parts)[:limit] if parts else np.zeros(0, dtype=np.int64)
    if stream.size < 2:
        raise DataError(f"{path} holds {stream.size} tokens in '{split}'", "give at least 2")
    return stream


def split_documents(stream: np.ndarray, tokenizer: Tokenizer) -> Iterator[Document]:
    """The documents of a stream `<s> ... </s> <s> ...`; what stands before the first <s> is left out."""
    starts = np.flatnonzero(stream == tokenizer.bos)
    for start, stop in zip(starts, [*starts[1:], stream.size], strict=True):
        ids = stream[start:stop]
        ids = ids[:-1] if ids[-1] == tokenizer.eos else ids
        if ids.size > 1:
            yield Document(ids, tokenizer.decode_bytes(ids.tolist()))


def read_documents(paths: Iterable[Path], split: str, tokenizer: Tokenizer, limit: int | None = None) -> list[Document]:
    """Documents of shards (with their language) and of text files, until there are `limit` tokens."""
    documents: list[Document] = []
    count = 0
    for text, lang in _texts(paths, split):
        ids = np.array([tokenizer.bos, *tokenizer.encode(text)])
        if ids.size > 1:
            documents.append(Document(ids, text.encode(), lang))
            count += ids.size
        if limit is not None and count >= limit:
            break
    if not documents:
        raise DataError("there is no text to evaluate", NAME_SHARDS)
    return documents


def add_languages(documents: list[Document], tokens: Path) -> None:
    """Fills in the languages that the document shards behind `tokens` give for the same texts."""
    if read_manifest(tokens) is None:
        return
    wanted = {hash_text(d.data.decode("utf-8", "replace")): "" for d in documents}
    for path in parents(tokens, ["collect", "clean", "label"]):
        shards = Shards.open(path)
        if not {"text", "lang"} <= set(shards.columns):
            continue
        for batch in shards.batches(["text", "lang"]):
            languages = batch.column("lang").to_pylist()
            if any(languages):
                for text, lang in zip(batch.column("text").to_pylist(), languages, strict=True):
                    key = hash_text(text or "")
                    if lang and key in wanted:
                        wanted[key] = lang
        if any(wanted.values()):
            break
    for document in documents:
        document.lang = wanted[hash_text(document.data.decode("utf-8", "replace"))]


def _texts(paths: Iterable[Path], split: str) -> Iterator[tuple[str, str]]:
    for path in paths:
        if Shards.is_shards(path):
            yield from _document_shards(path, split)
        elif path.is_file():
            try:
                yield path.read_text(encoding="utf-8"), ""
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{path} is no UTF-8 text: {error}", NAME_SHARDS) from error
        else:
            raise ConfigError(f"{path} is neither shards nor a text file", NAME_SHARDS)


def _document_shards(path: Path, split: str) -> Iterator[tuple[str, str]]:
    shards = Shards.open(path)
    if "text" not in shards.columns:
        raise DataError(f"{path} has no column 'text'", NAME_SHARDS)
    columns = ["text", "lang"] if "lang" in shards.columns else ["text"]
    for batch in shards.batches(columns, _split_of(shards, split)):
        languages = batch.column("lang").to_pylist() if len(columns) == 2 else [None] * batch.num_rows
        for text, lang in zip(batch.column("text").to_pylist(), languages, strict=True):
            if text:
                yield text, lang or ""


def _split_of(shards: Shards, split: str) -> str:
    """The split to read: shards without splits have only one part."""
    return "train" if shards.splits == ["train"] and split == "validation" else split
