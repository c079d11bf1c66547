"""Texts that copy a long span of the training text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import opt
from aigc_cli.postprocess.lines import words
from aigc_cli.postprocess.rules import Finding

RECORDS = 512  # token records decoded at a time; a span across two such pieces is found only in part


@dataclass
class Options:
    """Copied rule."""

    shards: Path | None = opt(None, "Document or token shards of the training text.")
    max_words: int = opt(50, "Longest span that may be copied; a Han character counts as a word.", unit="words", min=1)


def make(options: Options) -> Copied:
    """A check whose value is {"words", "chars"} of the longest copied span."""
    if options.shards is None:
        raise ConfigError("rules: copied has no shards", "write - copied: {shards: DIR}, or --shards DIR")
    return Copied(corpus(options.shards), options.max_words)


class Copied:
    """Knows the longest copied span of every text once `prepare` has seen them all."""

    def __init__(self, documents: Documents | Tokens, max_words: int) -> None:
        self.documents, self.max_words = documents, max_words
        self._findings: list[Finding] = []

    def prepare(self, texts: Sequence[str]) -> None:
        """Search the training text for spans of all texts at once."""
        from aigc_cli.evaluate.copies import CopyIndex

        for text, copy in zip(texts, CopyIndex(self.documents).longest(texts), strict=True):
            span = text[copy.start : copy.start + copy.length]
            n_words = len(words(span))
            reason = ""
            if n_words > self.max_words:
                shown = " ".join(span.split())[:60]
                reason = f"copies {n_words} words of training document {copy.document}: {shown!r}"
            self._findings.append(Finding({"words": n_words, "chars": copy.length}, reason))

    def __call__(self, text: str, number: int) -> Finding:
        """The finding of record `number`."""
        return self._findings[number]


@dataclass(frozen=True)
class Documents:
    """The texts of document shards; can be read again and again."""

    path: Path

    def __iter__(self) -> Iterator[str]:
        from aigc_cli.core.shards import Shards

        for batch in Shards.open(self.path).batches(["text"]):
            for text in batch.column(0):
                yield text.as_py() or ""


@dataclass(frozen=True)
class Tokens:
    """The texts of token shards, decoded; can be read again and again."""

    path: Path

    def __iter__(self) -> Iterator[str]:
        from aigc_cli.core.shards import Shards
        from aigc_cli.models.tokenizer import Tokenizer

        tokenizer = Tokenizer.load(self.path / "tokenizer")
        shards = Shards.open(self.path)
        for split in shards.splits:
            for ids_NT in shards.fixed("input_ids", split, below=tokenizer.vocab_size):
                for start in range(0, len(ids_NT), RECORDS):
                    yield tokenizer.decode(ids_NT[start : start + RECORDS].ravel().tolist())


def corpus(path: Path) -> Documents | Tokens:
    """The training text at `path`. Raises DataError when it is not shards of text."""
    from aigc_cli.core.shards import Shards

    columns = Shards.open(path).columns
    if "text" in columns:
        return Documents(path)
    if "input_ids" in columns and (path / "tokenizer").is_dir():
        return Tokens(path)
    raise DataError(f"{path} holds no text (columns: {', '.join(columns)})", "give document shards or token shards")
