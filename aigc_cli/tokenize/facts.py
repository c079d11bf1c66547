"""What the manifest of token shards says, and the lines that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aigc_cli.core.console import human, human_bytes
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize.excerpts import shown
from aigc_cli.tokenize.packing import Packer

TOP = 50
LISTED = 40  # longest pieces, unused pieces


def facts_of(
    tokenizer: Tokenizer, packers: Mapping[str, Packer], length: int, sampled: Sequence[Any], given: bool
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
        "top": [[shown(tokenizer, int(i)), int(used[i])] for i in best[:TOP] if used[i]],
        "vocabulary": _vocabulary(tokenizer, used, types),
        "ways": {way: {key: sum(p.without[way][key] for p in packers.values()) for key in ("padding", "cropped", "cut")}
                 for way in ("stream", "none")},
        "sample": list(sampled),
    }  # fmt: skip


def _vocabulary(tokenizer: Tokenizer, used: np.ndarray, types: np.ndarray) -> dict[str, Any]:
    """Learned pieces: how long they are, the longest, and those that the text does not use."""
    learned = np.flatnonzero(types == proto.NORMAL)
    texts = {int(i): shown(tokenizer, int(i)) for i in learned}
    longest = sorted(texts, key=lambda i: (-len(texts[i]), i))[:LISTED]
    unused = [i for i in texts if not used[i]]
    chars = np.bincount([len(text) for text in texts.values()]) if texts else np.zeros(1, np.int64)
    return {
        "learned": len(texts), "bytes": int((types == proto.BYTE).sum()),
        "special": len(types) - len(texts) - int((types == proto.BYTE).sum()),
        "chars": chars.tolist(),  # how many pieces have 0, 1, 2 ... characters
        "longest": [[texts[i], i, int(used[i])] for i in longest],
        "unused": len(unused), "unused_pieces": [[texts[i], i] for i in unused[:LISTED]],
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
