"""What tokenize tells about its text and its vocabulary, against plain counting."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest

from aigc_cli.core import engine
from aigc_cli.core.options import Common
from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize import measures, tokenize
from aigc_cli.tokenize.options import TokenizeOptions

SCHEMA = pa.schema(
    [("id", pa.string()), ("text", pa.large_string()), ("source", pa.string()), ("hash", pa.string()),
     ("lang", pa.string())]
)  # fmt: skip
ENGLISH = [f"The lantern of house {i} shines over the quiet harbor. " * (1 + i % 7) for i in range(80)]
CHINESE = [f"第{i}盏灯照着安静的港口，老师和学生慢慢走过河边。" * (1 + i % 5) for i in range(60)]
RARE = "The names 龘 and 𝄞 are rare, and so is 靐 in a text about lanterns."
LENGTH = 64


def corpus(declared: bool) -> list[dict]:
    texts = [*((text, "en") for text in ENGLISH), (RARE, "en"), ("", "en"), *((text, "zh") for text in CHINESE)]
    return [{"id": str(i), "text": text, "source": f"file{i}", "hash": None, "lang": lang if declared else None}
            for i, (text, lang) in enumerate(texts)]  # fmt: skip


def write(directory, rows):
    writer = ShardWriter(directory, SCHEMA)
    writer.write(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
    writer.close()
    return directory


def run(docs, to, workers=1, **values):
    options = TokenizeOptions(**{"vocab_size": 440, "kind": "bpe", "length": LENGTH, **values})
    return tokenize([docs], options, Common(output=to, quiet=True, workers=workers)).manifest["facts"]


@pytest.mark.parametrize("kind", ["bpe", "byte-bpe"])
@pytest.mark.parametrize("declared", [True, False])
def test_bytes_per_token_are_those_of_a_loop(here, kind, declared):
    rows = corpus(declared)
    facts = run(write(here / "docs", rows), here / "tokens", kind=kind)
    tokenizer = Tokenizer.load(here / "tokens" / "tokenizer")
    languages, sizes, ratios = defaultdict(Counter), defaultdict(Counter), Counter()
    for row, lang in ((row, entry["lang"]) for row, entry in zip(rows, corpus(True), strict=True)):
        if not row["text"]:
            continue
        name = lang if declared else {"en": "und", "zh": "und-Hani"}[lang]
        name = "und-Hani" if not declared and row["text"] == RARE else name
        ids = tokenizer.encode(row["text"])
        n_bytes = len(row["text"].encode())
        own = {"documents": 1, "bytes": n_bytes, "tokens": len(ids),
               "byte_tokens": sum(tokenizer.pieces[i].type == proto.BYTE for i in ids)}  # fmt: skip
        languages[name].update(own)
        sizes[n_bytes.bit_length() - 1].update(own)
        ratios[min(int(n_bytes / len(ids) * 4), 64)] += 1
    assert facts["languages"] == {name: dict(numbers) for name, numbers in languages.items()}
    assert sum(entry["byte_tokens"] for entry in facts["languages"].values()) >= 9
    for key in measures.NUMBERS:
        assert facts["sizes"][key] == [sizes[k][key] for k in range(max(sizes) + 1)]
    assert facts["ratios"] == {"step": 0.25, "counts": [ratios[k] for k in range(max(ratios) + 1)]}


def test_facts_do_not_depend_on_workers_or_an_interruption(here, monkeypatch):
    docs = write(here / "docs", corpus(True))
    first = run(docs, here / "one")
    monkeypatch.setattr(engine, "INLINE_BYTES", 0)
    assert run(docs, here / "two", workers=2) == first


def test_passages_of_both_languages_piece_by_piece(here):
    facts = run(write(here / "docs", corpus(True)), here / "tokens")
    tokenizer = Tokenizer.load(here / "tokens" / "tokenizer")
    assert {entry["language"] for entry in facts["sample"]} == {"en", "zh"} and len(facts["sample"]) >= 3
    for entry in facts["sample"]:
        text = tokenizer.decode([i for _, i, _ in entry["tokens"]])
        whole = next(row["text"] for row in corpus(True) if row["source"] == entry["source"])
        assert text == whole[:220]
        for piece, i, kind in entry["tokens"]:
            assert (kind == "byte") == (tokenizer.pieces[i].type == proto.BYTE) == piece.startswith("<0x")


def test_the_vocabulary_is_described(here):
    facts = run(write(here / "docs", corpus(True)), here / "tokens")
    tokenizer = Tokenizer.load(here / "tokens" / "tokenizer")
    found = facts["vocabulary"]
    learned = [i for i, p in enumerate(tokenizer.pieces) if p.type == proto.NORMAL]
    assert found["learned"] == len(learned) and found["bytes"] == 256
    assert found["learned"] + found["bytes"] + found["special"] == 440
    assert found["chars"] == [
        sum(len(tokenizer.pieces[i].text) == n for i in learned) for n in range(len(found["chars"]))
    ]
    assert found["longest"][0][0].replace(" ", "▁") == max((tokenizer.pieces[i].text for i in learned), key=len)
    used = Counter(i for row in corpus(True) for i in tokenizer.encode(row["text"]))
    unused = [i for i in learned if not used[i]]
    assert found["unused"] == len(unused) and [i for _, i in found["unused_pieces"]] == unused[:40]
    assert all(used[i] == count for _, i, count in found["longest"])


@pytest.mark.parametrize("pack", ["stream", "best-fit", "none"])
def test_what_other_ways_of_packing_would_cost(here, pack):
    docs = write(here / "docs", corpus(True))
    facts = run(docs, here / pack, pack=pack)
    for way in ("stream", "none"):
        other = run(docs, here / f"other-{way}", pack=way)
        truth = {key: sum(other[key].values()) for key in ("padding", "cropped", "cut")}
        assert facts["ways"][way] == truth


def test_a_hostile_number_of_languages_is_bounded():
    ids, ends = np.zeros(300, np.int64), np.arange(0, 301, 3)
    langs = [f"x{n:03d}" for n in range(100)]
    counts = measures.measure(ids, ends, np.full(100, 4), langs, np.array([True]))
    facts = measures.facts(counts)
    assert len(facts["languages"]) == 21 and facts["languages"]["(others)"]["documents"] == 80
    column = pa.RecordBatch.from_arrays([pa.array(["x"]), pa.array(["e" * 9000])], ["text", "lang"])
    assert len(measures.languages(column)[0]) == 24


@pytest.mark.parametrize("lang", [pa.array([3]), pa.array([None], pa.null()), pa.array([["en"]])])
def test_languages_of_another_type_are_unsaid(lang):
    assert measures.languages(pa.RecordBatch.from_arrays([pa.array(["字"]), lang], ["text", "lang"])) == ["und-Hani"]
