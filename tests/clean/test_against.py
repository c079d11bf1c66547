"""Duplicates of documents elsewhere: indexes, what is compared with them, what happens when they are damaged."""

from __future__ import annotations

import json
import random

from aigc_cli.clean.api import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards

VOCABULARY = (
    "river stone garden winter letter captain morning silver market window engine harvest village summer bridge "
    "kitchen forest doctor candle island the of and to that with have be"
)
WORDS = VOCABULARY.split()


def prose(seed: int, words: int = 80) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) + ("." if k % 12 == 11 else "") for k in range(words))


def edited(text: str, *places: int) -> str:
    parts = text.split()
    for place in places:
        parts[place] = "lantern"
    return " ".join(parts)


def write_documents(path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": text, "id": str(i)}) + "\n" for i, text in enumerate(texts)))


def rows(path) -> list[dict]:
    return [row for batch in Shards.open(path).batches() for row in batch.to_pylist()]


def test_keep_none_drops_every_document_that_is_similar_to_another(here):
    near = [prose(1), edited(prose(1), 5), edited(prose(1), 70), prose(2), prose(3), edited(prose(3), 30), prose(4)]
    write_documents(here / "d.jsonl", near)
    options = CleanOptions(rules=[{"minhash": {"keep": "none"}}], keep_rejected=True)
    clean([here / "d.jsonl"], options, Common(output=here / "out"))
    assert [r["source_id"] for r in rows(here / "out")] == ["3", "6"]
    gone = {r["id"]: r for r in rows(here / "out" / "rejected")}
    assert len(gone) == 5 and all(r["matched"] in gone and r["matched"] != r["id"] for r in gone.values())
