"""Token shards for training: opened, checked, and made from documents or raw files where there are none yet."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.train.data import TokenStream

GUESSED_VOCABULARY, GUESSED_LENGTH = 8192, 256  # for --dry-run before anything is tokenized
LONGEST_RECORD = 1024  # tokens; of records made for a model that could read much more


@dataclass
class Tokens:
    """Token shards, opened: one stream per split, the tokenizer, and what the manifest says."""

    path: Path | None
    train: TokenStream
    validation: TokenStream | None
    tokenizer: Tokenizer | None
    vocab_size: int
    length: int
    bytes_per_token: float | None


def open_tokens(path: Path) -> Tokens:
    """The token shards at `path`. Raises DataError when they are none or their tokenizer is another one."""
    shards = Shards.open(path)
    facts = (shards.manifest or {}).get("facts", {})
    if "pixels" in shards.columns:
        raise DataError(f"{path} holds pictures", f"aigc train diffusion --shards {path}")
    if "input_ids" not in shards.columns or "vocab_size" not in facts:
        raise DataError(f"{path} holds no token records", f"make some: aigc tokenize {path} -o tokens")
    tokenizer = Tokenizer.load(path / "tokenizer")
    if tokenizer.digest != facts["tokenizer"]:
        raise DataError(
            f"{path}/tokenizer is not the tokenizer that made the records", "make them again with aigc tokenize"
        )
    counts, pack = facts.get("tokens", {}), (shards.manifest or {}).get("options", {}).get("pack", "stream")
    joined = pack in ("stream", True)  # True: as manifests said when there was one way only
    vocab_size, length = int(facts["vocab_size"]), int(facts["length"])
    views = {split: shards.fixed("input_ids", split, below=vocab_size) for split in shards.splits}
    if any(view.shape[1] != length for found in views.values() for view in found):
        raise DataError(f"{path} holds records of another length than {length}", "make them again with aigc tokenize")
    streams = {
        split: TokenStream(found, counts.get(split)) if joined
        else TokenStream(found, record=length, pad=tokenizer.pad) for split, found in views.items()
    }  # fmt: skip
    n_bytes, n_tokens = facts.get("bytes", {}).get("validation", 0), counts.get("validation", 0)
    return Tokens(
        path, streams["train"], streams.get("validation"), tokenizer, vocab_size,
        length, n_bytes / n_tokens if n_bytes and n_tokens else None,
    )  # fmt: skip


def find_tokens(shards: Sequence[str | Path], common: Common, start: Bundle | None = None) -> Tokens:
    """The token records of the inputs, tokenized first where they are not; a dry run guesses instead.

    With `start`, its tokenizer is the only one that will do.
    """
    paths = [Path(p) for p in shards]
    if len(paths) == 1 and Shards.is_shards(paths[0]) and {"input_ids", "pixels"} & set(Shards.open(paths[0]).columns):
        tokens = open_tokens(paths[0])
        _check_tokenizer(tokens, start)
        return tokens
    if common.dry_run:
        vocab_size = GUESSED_VOCABULARY if start is None else start.config.vocab_size
        console.say(f"nothing is tokenized in a dry run: guessing a vocabulary of {vocab_size}")
        dtype = np.uint16 if vocab_size <= 1 << 16 else np.uint32
        ids = np.random.default_rng(0).integers(0, vocab_size, 1 << 20, dtype=dtype)
        return Tokens(None, TokenStream([ids]), None, None, vocab_size, GUESSED_LENGTH, None)
    from aigc_cli.tokenize.api import ensure_tokens

    if start is None:
        return open_tokens(ensure_tokens(paths, common))
    if start.tokenizer is None:
        raise DataError(f"{start.path} holds no tokenizer", "put its tokenizer.json into the directory")
    with tempfile.TemporaryDirectory() as folder:
        start.tokenizer.save(Path(folder))
        length = min(start.config.context, LONGEST_RECORD)
        return open_tokens(ensure_tokens(paths, common, tokenizer=Path(folder), length=length))


def _check_tokenizer(tokens: Tokens, start: Bundle | None) -> None:
    """Raises ConfigError when `start` would read the records as other text."""
    if start is None or tokens.tokenizer is None:
        return
    if start.tokenizer is None or start.tokenizer.digest != tokens.tokenizer.digest:
        raise ConfigError(
            f"{tokens.path} was made by another tokenizer than that of {start.path}",
            f"aigc tokenize ... --tokenizer {start.path}, or give --shards the documents themselves",
        )
