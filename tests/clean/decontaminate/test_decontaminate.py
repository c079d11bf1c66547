"""The rule with passages planted in documents, in English and Chinese; kinds of test sets, runs, bad ones."""

from __future__ import annotations

import gzip
import json
import random
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.clean import contamination
from aigc_cli.clean.api import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.recipe import described, prepare, rules_of
from aigc_cli.clean.rules import decontaminate
from aigc_cli.clean.rules.decontaminate import Options, cut
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards

VOCABULARY = ["river", "Stone", "a", "B", "é", "café's", "7", "x1", "grün", "山", "水", "人", "の", "don't", "한국"]
HAN = "春夏秋冬山水花鸟风雨雪月江湖河海天地人心的一是不了在有我他明清长短高低远近红白青黄"


def batch(texts):
    columns = [pa.array(texts, pa.large_string()), pa.array([None] * len(texts), pa.string())]
    return pa.RecordBatch.from_arrays(columns, names=["text", "lang"])


def write(path, items):
    lines = [json.dumps({"id": f"item{i}", "text": text}, ensure_ascii=False) for i, text in enumerate(items)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def prose(rng, words=120):
    return " ".join(rng.choice(VOCABULARY[:9]) + str(rng.randrange(400)) for _ in range(words)) + "."


def chinese(rng, characters=200):
    return "".join(rng.choice(HAN) + ("，" if i % 9 == 8 else "") for i in range(characters))


@pytest.fixture
def planted(here):
    """Items, documents of which every third holds a passage of an item (in other case and punctuation), the file."""
    rng = random.Random(3)
    items = [prose(rng, rng.randint(8, 60)) for _ in range(60)] + [chinese(rng, rng.randint(16, 90)) for _ in range(60)]
    documents, dirty = [], []
    for i in range(360):
        make = prose if i % 2 else chinese
        text = make(rng)
        if i % 3 == 0:
            item = rng.choice(items)
            han = item[0] in HAN
            parts = [c for c in item if c not in "，"] if han else item.rstrip(".").split()
            n = min(26 if han else 13, len(parts))
            start = rng.randrange(len(parts) - n + 1)
            passage = ("、" if han else " -- ").join(parts[start : start + n]).upper()
            text = f"{text[: len(text) // 2].rstrip()} {passage}; {text[len(text) // 2 :]}"
            dirty.append(i)
        documents.append(text)
    return items, documents, dirty, write(here / "test.jsonl", items)


def test_every_planted_passage_is_found_and_nothing_else(planted, plain_runs):
    items, documents, dirty, path = planted
    outcome = decontaminate.apply(batch(documents), Options(against=[path]))
    assert [i for i, reason in enumerate(outcome.reasons.tolist()) if reason] == dirty
    plain = plain_runs(items)
    for row, text in enumerate(documents):
        places = plain.places(text)
        assert outcome.stats["test_ngrams"][row] == len(places)
        if places:
            run = next(run for run in plain.runs if tuple(plain.folded(text)[min(places) :][: len(run)]) == run)
            assert outcome.matched[row] == f"item{plain.runs[run]}"
    assert outcome.counts["documents"] == len(dirty) == len(outcome.matched)


def test_one_word_less_is_no_match(here):
    words = [f"word{i}" for i in range(40)]
    path = write(
        here / "t.jsonl",
        [" ".join(words), "a question of just eight words is enough", "seven words are not enough to match"],
    )
    texts = [f"x {' '.join(words[5:17])} y", f"x {' '.join(words[5:18])} y",
             "so: a question of just eight words is enough!",
             "a question of just eight words is", "seven words are not enough to match"]  # fmt: skip
    outcome = decontaminate.apply(batch(texts), Options(against=[path]))
    assert outcome.reasons.tolist() == [None, "contaminated", "contaminated", None, None]
    everything = decontaminate.apply(batch(texts), Options(against=[path], min_words=1))
    assert everything.reasons.tolist()[-1] == "contaminated"


def plain_cut(text, spans, around):
    keep = [True] * len(text)
    for first, last in spans:
        keep[max(first - around, 0) : last + around] = [False] * (
            min(last + around, len(text)) - max(first - around, 0)
        )
    pieces, current = [], ""
    for character, stays in [*zip(text, keep, strict=True), ("", False)]:
        if stays:
            current += character
        else:
            pieces.append(current.strip())
            current = ""
    return [piece for piece in pieces if piece]


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="ab 中\n", max_size=60), around=st.integers(0, 9),
       marks=st.lists(st.integers(0, 60), max_size=6).map(sorted))  # fmt: skip
def test_pieces_are_what_no_cut_touches(text, around, marks):
    marks = [m for m in marks if m <= len(text)]
    spans = [pair for pair in zip(marks[::2], marks[1::2], strict=False) if pair[0] < pair[1]]
    assert cut(text, spans, around) == plain_cut(text, spans, around)


def test_passages_are_cut_out(here):
    rng = random.Random(5)
    item, other = prose(rng, 20), chinese(rng, 40)
    path = write(here / "t.jsonl", [item, other])
    left, right = "前面的山水。 " + prose(rng, 200), prose(rng, 200) + " 后面的山水。"
    options = Options(against=[path], action="cut")
    text = f"{left}{item}{right}{other}{left}"
    outcome = decontaminate.apply(batch([text, left, item, f"{item} {left} " * 13]), options)
    spans = [
        (len(left), len(left + item) - 1),
        (len(left + item + right), len(left + item + right + other.rstrip("，"))),
    ]
    expected = "\n\n".join(plain_cut(text, spans, 200))
    assert outcome.text == {0: expected}
    assert outcome.reasons.tolist() == [None, None, "nothing_left", "too_many_pieces"]
    again = decontaminate.apply(batch([expected]), options)
    assert again.reasons is None and not again.text


def test_fields_and_kinds_of_files(here):
    rng = random.Random(7)
    question, answer, choice, plain = (prose(rng, 15) for _ in range(4))
    row = {"id": "q1", "question": question, "choices": ["no", choice], "answer": {"text": answer}, "n": 3}
    (here / "a.jsonl.gz").write_bytes(gzip.compress((json.dumps(row) + "\n").encode()))
    (here / "b.csv").write_text(f'question,answer\n"{question}","{answer}"\n', encoding="utf-8")
    pq.write_table(pa.Table.from_pylist([row]), here / "c.parquet")
    (here / "d.txt").write_text(plain, encoding="utf-8")
    (here / "e.json").write_text(json.dumps([row]), encoding="utf-8")

    def hits(name, fields=()):
        outcome = decontaminate.apply(
            batch([question, answer, choice, plain]), Options(against=[str(here / name)], fields=list(fields))
        )
        return [bool(r) for r in outcome.reasons.tolist()] if outcome.reasons else [False] * 4

    assert hits("a.jsonl.gz") == hits("c.parquet") == hits("e.json") == [True, True, True, False]
    assert hits("b.csv") == [True, True, False, False] and hits("d.txt") == [False, False, False, True]
    assert hits("a.jsonl.gz", ["question"]) == hits("c.parquet", ["question"]) == hits("b.csv", ["question"])
    assert hits("c.parquet", ["question"]) == [True, False, False, False]
    assert hits("a.jsonl.gz", ["answer.text"]) == hits("c.parquet", ["answer.text"]) == [False, True, False, False]


def everything(path):
    return {
        file.relative_to(path): file.read_bytes() for file in sorted(path.rglob("*.arrow")) if "cache" not in file.parts
    }


def test_a_run_is_the_same_with_any_number_of_workers_and_says_what_matched(planted, monkeypatch):
    _, documents, dirty, path = planted
    here = contamination.IMPLICIT_ROOT.absolute().parent
    write(here / "docs.jsonl", documents)
    monkeypatch.setattr("aigc_cli.core.engine.INLINE_BYTES", 0)
    options = CleanOptions(rules=[{"decontaminate": {"against": [path]}}], keep_rejected=True)
    results = [clean([here / "docs.jsonl"], options, Common(output=here / f"out{w}", workers=w)) for w in (1, 2)]
    assert everything(here / "out1") == everything(here / "out2")
    facts = results[0].manifest["facts"]
    (entry,) = facts["funnel"]
    assert entry["reasons"] == {"contaminated": len(dirty)} and entry["examples"]["contaminated"][0]["matched"]
    assert facts["counted"]["decontaminate"]["documents"] == len(dirty)
    gone = [row for found in Shards.open(here / "out1" / "rejected").batches() for row in found.to_pylist()]
    assert facts["matched"]["items"] == len({row["matched"] for row in gone})
    assert all(row["matched"].startswith("item") and row["stats"]["test_ngrams"] >= 1 for row in gone)
    kept = Shards.open(here / "out1")
    assert "matched" not in kept.columns and kept.num_rows() == len(documents) - len(dirty)
    # Cleaned shards are a test set, too: what stayed is all in it.
    other = CleanOptions(rules=[{"decontaminate": {"against": [str(here / "out1")]}}, {"length": {"min_words": 0}}])
    again = clean([here / "docs.jsonl"], other, Common(output=here / "rest"))
    assert again.manifest["counts"]["documents"] == len(dirty)


def test_the_content_of_test_sets_is_in_the_fingerprint_and_looked_at_anew(here):
    first, second = prose(random.Random(1), 20), prose(random.Random(2), 20)
    path = write(here / "t.jsonl", [first])
    rule = [{"decontaminate": {"against": [path]}}]
    before = described(rules_of(CleanOptions(rules=rule)))
    assert decontaminate.apply(batch([first, second]), Options(against=[path])).reasons.tolist() == [
        "contaminated",
        None,
    ]
    write(here / "t.jsonl", [second])
    assert described(rules_of(CleanOptions(rules=rule))) != before
    assert decontaminate.apply(batch([first, second]), Options(against=[path])).reasons.tolist() == [
        None,
        "contaminated",
    ]


CUT = gzip.compress(b'{"text": "abc"}\n' * 99, mtime=0)[:-20]


def test_the_table_is_made_once_and_anew_where_it_was_deleted(here):
    path = write(here / "t.jsonl", [prose(random.Random(1), 30), chinese(random.Random(2), 60)])
    prepare(rules_of(CleanOptions(rules=[{"decontaminate": {"against": [path]}}])))
    (place,) = contamination.IMPLICIT_ROOT.iterdir()
    first = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in place.iterdir()}
    contamination._table.cache_clear()
    decontaminate.apply(batch(["a"]), Options(against=[path]))
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in place.iterdir()} == first
    shutil.rmtree(place)
    contamination._table.cache_clear()
    decontaminate.apply(batch(["a"]), Options(against=[path]))
    assert {file.name: file.read_bytes() for file in place.iterdir()} == {n: data for n, (data, _) in first.items()}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("absent.jsonl", None, "there is no test set"), ("empty.jsonl", b"", "cannot be used|no text"),
     ("bad.jsonl", b"{not json\n", "no text"), ("cut.jsonl.gz", CUT, "damaged: .*truncated"),
     ("none.csv", b"n,m\n1,2\n", "no text"), ("odd.parquet", b"PAR1 nothing", "no text"),
     ("x.bin", b"\0\1", "no item")],
)  # fmt: skip
def test_test_sets_that_cannot_be_used_are_refused(here, name, content, message):
    if content is not None:
        (here / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        rules = rules_of(CleanOptions(rules=[{"decontaminate": {"against": [str(here / name)], "fields": ["text"]}}]))
        prepare(rules)
    assert caught.value.hint


def test_options_are_checked():
    for values in ({}, {"against": "a"}, {"against": ["a"], "ngram": 0}, {"against": ["a"], "action": "keep"}):
        with pytest.raises(ConfigError):
            rules_of(CleanOptions(rules=[{"decontaminate": values}]))
