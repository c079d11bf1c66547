"""What the manifest of token shards says, and the lines that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aigc_cli.core.console import human, human_bytes
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.models.tokenizer_text import SPACE
from aigc_cli.tokenize.packing import Packer

TOP = 50
EXCERPTS, EXCERPT_CHARS = 3, 240


def excerpts(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[str]]:
    """The pieces of the beginnings of three texts, for a coloured view."""
    places = sorted({0, len(texts) // 2, len(texts) - 1})[:EXCERPTS] if texts else []
    return [tokenizer.tokens(texts[i][:EXCERPT_CHARS]) for i in places]


def facts_of(
    tokenizer: Tokenizer, packers: Mapping[str, Packer], length: int, sampled: list[list[str]], given: bool
) -> dict[str, Any]:
    """facts: what trainers need (tokenizer, vocab_size, length, tokens, bytes) and what people want to see."""
    used = np.sum([p.counts for p in packers.values()], axis=0)
    types = np.array([piece.type for piece in tokenizer.pieces])
    text = used[(types == proto.NORMAL) | (types == proto.BYTE)].sum()
    best = np.argsort(-used, kind="stable")
    n_bytes = {name: p.bytes for name, p in packers.items()}
    cropped = sum(p.cropped for p in packers.values())
    return {
        "tokenizer": tokenizer.digest, "kind": tokenizer.kind, "vocab_size": tokenizer.vocab_size, "length": length,
        "trained": not given,
        "documents": {name: p.documents for name, p in packers.items()},
        "records": {name: p.records for name, p in packers.items()},
        "tokens": {name: p.tokens for name, p in packers.items()},
        "bytes": n_bytes,
        "padding": {name: p.padding for name, p in packers.items()},
        "cropped": {name: p.cropped for name, p in packers.items()},
        "cut": {name: p.cut for name, p in packers.items()},
        "bytes_per_token": round(sum(n_bytes.values()) / max(int(text) - cropped, 1), 4),
        "byte_share": round(float(used[types == proto.BYTE].sum() / max(text, 1)), 6),
        "used_pieces": int((used > 0).sum()),
        "top": [[_shown(tokenizer, int(i)), int(used[i])] for i in best[:TOP] if used[i]],
        "sample": sampled,
    }  # fmt: skip


def lines_of(facts: Mapping[str, Any]) -> list[str]:
    """The summary for people."""
    how = "trained" if facts["trained"] else "given"
    rows = [
        f"vocabulary  {facts['kind']}, {facts['vocab_size']:,} pieces ({how}), {facts['used_pieces']:,} of them used",
        f"text        {facts['bytes_per_token']:.2f} bytes per token, {facts['byte_share']:.2%} of tokens are bytes",
    ]
    for name, count in facts["tokens"].items():
        n_bytes, records = facts["bytes"][name], facts["records"][name]
        rows.append(
            f"{name:<11} {human(count)} tokens of {human(facts['documents'][name])} documents ({human_bytes(n_bytes)}) "
            f"in {records:,} records of {facts['length']}"
        )
    padding, cropped, total = (sum(facts[key].values()) for key in ("padding", "cropped", "tokens"))
    cut = sum(facts["cut"].values()) / max(sum(facts["documents"].values()), 1)
    padded, lost = padding / max(padding + total, 1), cropped / max(cropped + total, 1)
    rows.append(f"packing     {padded:.1%} padding, {lost:.1%} cropped; {cut:.0%} of documents lie in several records")
    return rows


def _shown(tokenizer: Tokenizer, i: int) -> str:
    return tokenizer.pieces[i].text.replace(SPACE, " ")
