"""What collect tells about its documents, against plain counting."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_cli.collect import collect, step
from aigc_cli.collect.facts import OTHERS, Gatherer, few
from aigc_cli.collect.sources import Source
from aigc_cli.core.options import Common
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards


def batch(rows: list[dict]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{**dict.fromkeys(DOCUMENT_SCHEMA.names), **row} for row in rows], DOCUMENT_SCHEMA
    )


@given(st.lists(st.tuples(st.text(min_size=1, max_size=70), st.sampled_from(["en", "zh", "", None])), min_size=1))
def test_counts_are_those_of_a_loop_however_rows_are_grouped(documents):
    rows = [{"text": text, "lang": lang} for text, lang in documents]
    whole, single = Gatherer(), Gatherer()
    whole.see(batch(rows))
    for row in rows:
        single.see(batch([row]))
    facts = whole.facts([])
    assert facts == single.facts([])
    octaves = Counter(len(text).bit_length() - 1 for text, _ in documents)
    assert facts["lengths"]["after"] == [octaves[k] for k in range(max(octaves) + 1)]
    assert facts["lengths"]["from"] == [2**k for k in range(max(octaves) + 1)]
    assert facts["languages"] == dict(Counter(lang or "" for _, lang in documents))


def test_powers_of_two_fall_into_their_own_column():
    gatherer = Gatherer()
    gatherer.see(batch([{"text": "x" * n} for n in (1, 2, 3, 4, 7, 8)]))
    assert gatherer.facts([])["lengths"]["after"] == [1, 2, 2, 1]


def test_names_are_bounded(monkeypatch):
    gatherer = Gatherer()
    monkeypatch.setattr("aigc_cli.collect.facts.HELD", 60)
    gatherer.see(batch([{"text": "x", "license": f"{n:03d}" + "y" * 500} for n in range(100)]))
    found = gatherer.facts([])["licences"]
    assert len(found) == 41 and found[OTHERS] == 60 and sum(found.values()) == 100 and max(map(len, found)) <= 60
    assert few({"a": 1, "b": 3, "c": 2}, 2) == {"b": 3, "c": 2, OTHERS: 1}


def test_kinds_of_files():
    files = [Source("a", "a", ".txt", 5, 0), Source("b", "b", ".txt", 6, 0), Source("c", "c", ".jsonl.gz", 1, 0)]
    assert Gatherer().facts(files)["kinds"] == {
        ".jsonl.gz": {"files": 1, "bytes": 1}, ".txt": {"files": 2, "bytes": 11}
    }  # fmt: skip


CHINESE = "春天的早上，老师带着学生去河边看花，大家都很高兴。"


@pytest.fixture
def mixed(here) -> Path:
    """Files in several encodings, of every way of reading."""
    raw = here / "raw"
    raw.mkdir()
    (raw / "plain.txt").write_text("plain\n")
    (raw / "gb.txt").write_bytes((CHINESE * 8).encode("gb18030"))
    page = f'<html><head><meta charset="big5"></head><body><p>{"學生去河邊看花，大家都很高興。" * 9}</p></body></html>'
    (raw / "big.html").write_bytes(page.encode("big5"))
    lines = [json.dumps({"text": CHINESE + str(n), "lang": "zh"}, ensure_ascii=False) for n in range(90)]
    (raw / "lines.jsonl").write_bytes("\n".join(lines).encode("gb18030"))
    (raw / "table.csv").write_bytes(("text\n" + f"{CHINESE}\n" * 7).encode("gb18030"))
    (raw / "values.json").write_bytes(json.dumps([{"text": CHINESE * 9}], ensure_ascii=False).encode("gb18030"))
    return raw


def test_encodings_that_were_read_as_utf8(mixed, monkeypatch):
    digests = set()
    for workers in (1, 2):
        result = collect([mixed], common=Common(output=Path(f"w{workers}"), workers=workers))
        digests.add(result.manifest["digest"])
        monkeypatch.setattr("aigc_cli.core.engine.INLINE_BYTES", 0)
    assert len(digests) == 1
    facts = result.manifest["facts"]
    assert facts["encodings"] == {"big5": 1, "gb18030": 1 + 90 + 7 + 1}
    assert facts["languages"] == {"": 1 + 1 + 1 + 7 + 1, "zh": 90}
    assert sum(facts["lengths"]["after"]) == Shards.open("w2").num_rows()
    monkeypatch.setattr(step, "RANGE_BYTES", 700)
    parts = collect([mixed], common=Common(output=Path("parts"), workers=1)).manifest["facts"]
    assert parts == facts
