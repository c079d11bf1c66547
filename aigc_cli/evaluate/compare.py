"""A model against an n-gram model on the same bytes, per language."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.evaluate.data import Document
from aigc_cli.evaluate.ngram import WittenBell
from aigc_cli.evaluate.perplexity import nats
from aigc_cli.generate.engine import Engine, open_engine
from aigc_cli.models.bundle import Bundle

NGRAM_BYTES = 8_000_000  # the n-gram model counts in memory, at about 60 bytes per byte
UNKNOWN, ALL = "unknown", "all"


def compare_ngram(
    model: str | Path | Bundle,
    train_texts: Iterable[str],
    val_texts: Mapping[str, Sequence[str]],
    *,
    order: int = 5,
    stride: int | None = None,
) -> dict[str, dict[str, Any]]:
    """Bits per byte of a model and of a Witten-Bell model of `order` over bytes, on the texts of each language.

    {language: {"documents", "bytes", "model_bpb", "ngram_bpb"}} and "all" ("unknown" collects texts without a
    language, where others have one). Neither side is asked for the end of a text. The n-gram model learns from all
    of `train_texts`, or from every k-th of them where they hold more than 8 MB ("ngram_train_bytes" says how much).
    """
    from aigc_cli.generate.api import tokenizer_of

    bundle = model if isinstance(model, Bundle) else Bundle.open(model)
    tokenizer = tokenizer_of(bundle)
    documents = [
        Document(np.array([tokenizer.bos, *tokenizer.encode(text)]), text.encode(), lang)
        for lang, texts in val_texts.items()
        for text in texts
        if text
    ]
    return compare(open_engine(bundle), documents, (t.encode() for t in train_texts), order=order, stride=stride)


def compare(
    engine: Engine,
    documents: Sequence[Document],
    train: Iterable[bytes],
    *,
    order: int = 5,
    stride: int | None = None,
    batch_size: int = 8,
) -> dict[str, dict[str, Any]]:
    """`compare_ngram` for documents that are tokens already."""
    counted = _evenly(train, NGRAM_BYTES)
    ngram = WittenBell(order).fit(counted)
    model_nats = nats(engine, [d.ids for d in documents], stride=stride, batch_size=batch_size)
    ngram_nats = [float(ngram.nats(d.data).sum()) for d in documents]
    found: dict[str, dict[str, Any]] = {}
    for document, ours, theirs in zip(documents, model_nats, ngram_nats, strict=True):
        for lang in (document.lang or UNKNOWN, ALL):
            row = found.setdefault(lang, {"documents": 0, "bytes": 0, "model_bpb": 0.0, "ngram_bpb": 0.0})
            row["documents"] += 1
            row["bytes"] += len(document.data)
            row["model_bpb"] += float(ours)
            row["ngram_bpb"] += theirs
    if set(found) == {UNKNOWN, ALL}:
        del found[UNKNOWN]
    for row in found.values():
        for name in ("model_bpb", "ngram_bpb"):
            row[name] /= row["bytes"] * math.log(2)
    found[ALL]["ngram_train_bytes"] = sum(map(len, counted))
    return dict(sorted(found.items(), key=lambda item: (item[0] == ALL, item[0])))


def _evenly(texts: Iterable[bytes], limit: int) -> list[bytes]:
    """All texts, or every k-th where they hold more than `limit` bytes: sorted corpora keep their mixture."""
    everything = [text for text in texts if text]
    return everything[:: -(-sum(map(len, everything)) // limit)] if everything else []
