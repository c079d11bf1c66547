"""Sentences and paragraphs that occurred before, against a plain implementation; workers, kills, added files."""

from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import unicodedata
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.clean.api import clean
from aigc_cli.clean.kernels import passages as k
from aigc_cli.clean.kernels.hash128 import hashes
from aigc_cli.clean.kernels.marks import LOWER, TERMINAL, UPPER, mark_table
from aigc_cli.clean.kernels.repeats import mark
from aigc_cli.clean.kernels.text import CYRILLIC, HAN, LATIN, SPACE, TABLE_SIZE, class_table
from aigc_cli.clean.options import CleanOptions
from aigc_cli.cli import main
from aigc_cli.core import pool
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.journal import Journal
from aigc_cli.core.options import Common
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards

NUMBERS = {
    "lines": k.LINES,
    "blocks": k.BLOCKS,
    "sentences": k.SENTENCES,
}
ALPHABET = "aAbB 1 \n\n\t..!?…\"')(。！？”“」人山カйЖ,，😀\u3000"
PIECES = [
    "He left",
    "J",
    "e.g",
    ". ",
    ".",
    "?! ",
    "...",
    "。",
    "”",
    "\n",
    "\n\n",
    " ",
    "人山",
    "“",
    "(",
    ") ",
    "3",
    '" ',
    "Ж",
]
TEXTS = st.one_of(st.text(alphabet=ALPHABET, max_size=60), st.lists(st.sampled_from(PIECES), max_size=24).map("".join))


# -- the plain implementation ------------------------------------------------------------------------------------


def class_of(character: str) -> int:
    code = ord(character)
    return int(class_table()[code]) if code < TABLE_SIZE else HAN if code < 0x40000 else 0


def is_space(character: str) -> bool:
    return class_of(character) == SPACE


def bits(character: str) -> int:
    return int(mark_table()[ord(character)]) if ord(character) < TABLE_SIZE else LOWER


def ends_sentence(text: str, begin: int, first: int, behind: int) -> bool:
    """Whether the marks text[first:behind] end the sentence that began at `begin`."""
    if behind == len(text):
        return True
    marks = [c for c in text[first:behind] if bits(c) & TERMINAL]
    stops, after = all(c in ".．․﹒" for c in marks), text[behind]
    full = ord(marks[-1]) >= 0x3000 and marks[-1] != "．"
    if not (full or is_space(after) or class_of(after) >= HAN):
        return False
    if not stops:
        return True
    before = text[begin:first]
    letter = before[-1:] and bits(before[-1]) & UPPER
    label = letter and not (before[-2:-1] and (bits(before[-2]) & (UPPER | LOWER) or before[-2] in "0123456789"))
    if len(marks) == 1 and (label or re.fullmatch("[0-9]+", before)):
        return False
    rest = "".join(" " if is_space(c) else c for c in text[behind:]).lstrip(" ")
    return not (rest and LATIN <= class_of(rest[0]) <= CYRILLIC and bits(rest[0]) & LOWER)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    begin, i = -1, 0
    while i < len(text):
        if is_space(text[i]):
            gap = i
            while i < len(text) and is_space(text[i]):
                i += 1
            if begin >= 0 and text[gap:i].count("\n") >= 2:
                spans.append((begin, gap))
                begin = -1
            continue
        begin = i if begin < 0 else begin
        first = i
        if bits(text[i]) & TERMINAL and ord(text[i]) < TABLE_SIZE:
            while i < len(text) and (
                (bits(text[i]) & TERMINAL and ord(text[i]) < TABLE_SIZE)
                or text[i] in "\"'"
                or unicodedata.category(text[i]) in ("Pe", "Pf")
            ):
                i += 1
            if ends_sentence(text, begin, first, i):
                spans.append((begin, i))
                begin = -1
        else:
            i += 1
    if begin >= 0:
        spans.append(
            (begin, len(text) - len(re.search(r"\s*\Z", "".join(" " if is_space(c) else "x" for c in text))[0]))
        )
    return spans


def line_spans(text: str, blocks: bool) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start, opened = 0, False
    for line in text.split("\n"):
        length = len(line)
        while length and is_space(line[length - 1]):
            length -= 1
        if not length:
            opened = False
        elif opened and blocks:
            spans[-1] = (spans[-1][0], start + length)
        else:
            spans.append((start, start + length))
            opened = True
        start += len(line) + 1
    return spans


def spans_of(text: str, kind: str) -> list[tuple[int, int]]:
    return sentence_spans(text) if kind == "sentences" else line_spans(text, kind == "blocks")


def left(text: str, spans: list[tuple[int, int]], gone: set[int]) -> str:
    """The text without some passages."""
    if not gone:
        return text
    out, behind, gaps = "", 0, []
    for i, (start, end) in enumerate(spans):
        gaps.append(text[behind:start])
        behind = end
        if i not in gone:
            most = max(gap.count("\n") for gap in gaps)
            gap = next(gap for gap in gaps if gap.count("\n") == most)
            out += (gap if out or i == len(gaps) - 1 == 0 else "") + text[start:end]
            gaps = []
            last = i
    return out + text[behind:] if out and last == len(spans) - 1 else out


def folded(text: str) -> bytes:
    return b" ".join(text.encode().lower().split())


def cut(texts: list[str], rule: str, words, **options) -> tuple[list[tuple[str, str | None]], list[int]]:
    """([text, reason] of each document: what the rule leaves of it and why it goes; how often the commonest went)."""
    values = {"split": "blocks", "min_words": 5, "min_characters": 10, "most": 1, "repeated": "later", "span": 3,
              "left_words": 50 if rule == "sentences" else 10, "left_characters": 50 if rule == "sentences" else 10,
              "left_share": 0.0, "min_sentences": 3 if rule == "sentences" else 0, **options}  # fmt: skip

    def size(text: str) -> tuple[int, bool]:
        found = words(text)
        return len(found), 2 * sum(len(w) == 1 and class_of(w) >= HAN for w in found) > len(found)

    compared: list[tuple[int, range, bytes | tuple[bytes, ...]]] = []
    all_spans = [spans_of(text, "sentences" if rule == "sentences" else values["split"]) for text in texts]
    for row, (text, spans) in enumerate(zip(texts, all_spans, strict=True)):
        parts = [text[a:b] for a, b in spans]
        if rule == "sentences":
            for i in range(len(parts) - values["span"] + 1):
                compared.append((row, range(i, i + values["span"]), tuple(map(folded, parts[i : i + values["span"]]))))
        else:
            for i, part in enumerate(parts):
                count, single = size(part)
                if count >= values["min_characters" if single else "min_words"]:
                    compared.append((row, range(i, i + 1), folded(part)))
    totals, seen, times = Counter(key for _, _, key in compared), Counter(), Counter()
    gone: list[set[int]] = [set() for _ in texts]
    for row, places, key in compared:
        seen[key] += 1
        if totals[key] > values["most"] and (values["repeated"] == "all" or seen[key] > values["most"]):
            gone[row].update(places)
            times[key] += 1
    found = []
    for text, spans, lost in zip(texts, all_spans, gone, strict=True):
        new, reason = left(text, spans, lost), None
        if lost:
            count, single = size(new)
            reason = ("empty" if len(lost) == len(spans)
                      else "min_sentences" if len(spans) - len(lost) < values["min_sentences"]
                      else "short" if count < values["left_characters" if single else "left_words"]
                      else "left_share" if len(new) / len(text) < values["left_share"] else None)  # fmt: skip
        found.append((text if reason else new, reason))
    return found, [number for _, number in times.most_common(10)]


# -- kernels -----------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None, derandomize=True)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), seed=st.integers(0, 99))
def test_passages_and_what_is_left_without_some(texts, seed):
    column = pa.array(["before", *texts], pa.large_string()).slice(1)
    for name, kind in NUMBERS.items():
        firsts, ends, starts = passages = k.split(column, np.ones(len(texts), np.uint8), kind)
        data = np.frombuffer(column.buffers()[2], np.uint8)
        found = [data[a:b].tobytes().decode() for a, b in zip(firsts, ends, strict=True)]
        expected = [spans_of(text, name) for text in texts]
        assert np.diff(starts).tolist() == [len(spans) for spans in expected]
        assert found == [t[a:b] for t, spans in zip(texts, expected, strict=True) for a, b in spans]
        chance = random.Random(seed)
        gone = [{i for i in range(len(spans)) if chance.random() < 0.4} for spans in expected]
        flags = [i in lost for spans, lost in zip(expected, gone, strict=True) for i in range(len(spans))]
        result = k.without(column, passages, np.array(flags, dtype=np.uint8))
        assert result.to_pylist() == [left(*each) for each in zip(texts, expected, gone, strict=True)]


@pytest.mark.parametrize(("text", "sentences"), [
    ('He left. "Why?" asked J. Smith, e.g. the man.', ["He left.", '"Why?"', "asked J. Smith, e.g. the man."]),
    ("It costs 3.14 at a.com! Yes?! (Fine.) And so...on it goes", ["It costs 3.14 at a.com!", "Yes?!", "(Fine.)",
                                                                   "And so...on it goes"]),
    ("1. Knead it\nwell. 2. Bake it", ["1. Knead it\nwell.", "2. Bake it"]),
    ("A title\n\nA text", ["A title", "A text"]),
    ("他走了。“为什么？”她问。好吗?他说：是。", ["他走了。", "“为什么？”", "她问。", "好吗?", "他说：是。"]),
])  # fmt: skip
def test_sentences(text, sentences):
    firsts, ends, _ = k.split(pa.array([text], pa.large_string()), np.ones(1, np.uint8), k.SENTENCES)
    assert [text.encode()[a:b].decode() for a, b in zip(firsts, ends, strict=True)] == sentences


@pytest.mark.parametrize(("text", "expected"), [
    ("hello", "cbd8a7b341bd9b025b1e906a48ae1d19"), ("hello, world", "342fac623a5ebc8e4cdcbc079642414d"), ("", "0" * 32),
    ("The quick brown fox jumps over the lazy dog.", "cd99481f9ee902c9695da1a38987b6e7"),
])  # fmt: skip
def test_hashes_are_those_of_murmur3(text, expected):
    data = np.frombuffer(b"xx" + text.encode() + b"yy", np.uint8)
    high, low = hashes(data, np.array([2]), np.array([len(data) - 2]))[0].tolist()
    assert f"{high:016x}{low:016x}" == expected


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=40), st.integers(1, 3), st.booleans())
def test_marks_where_halves_of_different_keys_are_equal(keys, most, everywhere):
    order = np.array(sorted(range(len(keys)), key=lambda i: (keys[i][0], i)), dtype=np.int64)
    high = np.array([keys[i][0] for i in order], dtype=np.uint64)
    marks, numbers, firsts = np.zeros(len(keys), np.uint8), np.zeros(3, np.int64), np.full(3, -1, np.int64)
    marked = mark(high, order, np.array([low for _, low in keys], np.uint64), most, everywhere, marks, numbers, firsts)
    totals, seen, expected = Counter(keys), Counter(), []
    for key in keys:
        seen[key] += 1
        expected.append(totals[key] > most and (everywhere or seen[key] > most))
    assert marks.tolist() == expected and marked == sum(expected)
    gone = Counter(key for key, flag in zip(keys, expected, strict=True) if flag)
    common = sorted((-number, keys.index(key)) for key, number in gone.items())[:3]
    assert [(-n, f) for n, f in zip(numbers.tolist(), firsts.tolist(), strict=True) if f >= 0] == common


# -- the rules ---------------------------------------------------------------------------------------------------

WORDS = ["river", "stone", "garden", "winter", "letter", "captain", "morning", "the", "of", "and", "to", "that", "with"]
HAN_CHARACTERS = "春夏秋冬山水花鸟风雨雪月江湖河海天地人心的一是不了在有我他"


def sentence(chance: random.Random, chinese: bool) -> str:
    if chinese:
        return "".join(chance.choices(HAN_CHARACTERS, k=chance.randint(4, 14))) + "。"
    return " ".join(chance.choices(WORDS, k=chance.randint(2, 9))).capitalize() + chance.choice([".", "?", "!", "..."])


def documents(seed: int, number: int = 120) -> list[str]:
    """English, Chinese and mixed documents with planted repeats of sentences, paragraphs and runs of them."""
    chance = random.Random(seed)
    pools: dict[bool, list[list[str]]] = {False: [], True: []}
    texts = []
    for _ in range(number):
        kind = chance.choice([False, True, None])
        blocks = []
        for _ in range(chance.randint(1, 6)):
            chinese = chance.random() < 0.5 if kind is None else kind
            parts = [sentence(chance, chinese) for _ in range(chance.randint(1, 6))]
            if pools[chinese] and chance.random() < 0.4:
                old = chance.choice(pools[chinese])
                parts = chance.choice([old, [*old, *parts], [*parts, *old[:3]]])
            pools[chinese].append(parts)
            space = "" if chinese else chance.choice([" ", "  ", "\n"])
            text = space.join(parts)
            blocks.append(text.upper() if chance.random() < 0.1 else text)
        texts.append(chance.choice(["\n\n", "\n", "\n \n\n"]).join(blocks) + chance.choice(["", "\n"]))
    return texts


def write_documents(path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": t, "id": f"{path.stem}{i:04}"}) + "\n" for i, t in enumerate(texts)))


def rows(path) -> dict[str, dict]:
    return {row["source_id"]: row for batch in Shards.open(path).batches() for row in batch.to_pylist()}


def run(path, output, *rules, **common):
    options = CleanOptions(rules=list(rules), keep_rejected=True)
    return clean([path], options, Common(output=output, **common))


@pytest.mark.parametrize(("rule", "options"), [
    ("paragraphs", {}), ("paragraphs", {"split": "lines", "min_words": 3, "left_share": 0.5}),
    ("paragraphs", {"most": 2, "min_words": 0, "min_characters": 0}),
    ("paragraphs", {"repeated": "all", "left_words": 30, "left_characters": 60}),
    ("sentences", {}), ("sentences", {"span": 1, "min_sentences": 0, "left_words": 5, "left_characters": 5}),
    ("sentences", {"span": 2, "left_words": 20, "left_characters": 20}),
])  # fmt: skip
def test_texts_and_reasons_are_those_of_a_plain_implementation(here, monkeypatch, reference, rule, options):
    monkeypatch.setattr("aigc_cli.core.shards.UNIT_ROWS", 17)
    texts = documents(4)
    write_documents(here / "d.jsonl", texts)
    result = run(here / "d.jsonl", here / "out", {rule: options})
    kept, gone = rows(here / "out"), rows(here / "out" / "rejected")
    expected, times = cut(texts, rule, reference.words, **options)
    found = [
        ((kept.get(i) or gone[i])["text"], gone.get(i, {}).get("reason")) for i in map("d{:04}".format, range(120))
    ]
    assert found == expected
    reasons = Counter(reason for _, reason in expected if reason)
    changed = sum(new != old and reason is None for (new, reason), old in zip(expected, texts, strict=True))
    assert changed > 5 and reasons
    entry = result.manifest["facts"]["funnel"][0]
    assert entry["reasons"] == dict(reasons) and entry["changed"] == changed and entry["in"] == 120
    assert {reason: len(shown) for reason, shown in entry["examples"].items()} == {
        r: min(n, 3) for r, n in reasons.items()
    }
    shown = [e for e in result.manifest["facts"]["examples"] if e["rule"] == rule]
    assert shown and all(e["before"] != e["after"] for e in shown)
    facts = result.manifest["facts"]["passages"][rule]
    common = [entry["times"] for entry in facts["common"]]
    assert common == times if rule == "paragraphs" or options.get("span") == 1 else common[0] == times[0]
    assert facts["compared"] > facts["removed"] > 0


def test_the_commonest_passages_are_told_with_their_first_document(here):
    notice = "All pages of this site are free to use. Last change: today. Write to us with any question. Good bye."
    texts = [f"{sentence(random.Random(i), False)}\n\n{notice}\n\n{documents(i, 1)[0]}" for i in range(9)]
    write_documents(here / "d.jsonl", texts)
    result = run(here / "d.jsonl", here / "out", {"paragraphs": {}})
    first = result.manifest["facts"]["passages"]["paragraphs"]["common"][0]
    assert (first["text"], first["times"], first["source"]) == (notice, 8, "d.jsonl")
    assert first["id"] == rows(here / "out")["d0000"]["id"] and notice in rows(here / "out")["d0000"]["text"]
    assert main(["report", "out", "-o", "report.html", "-q"]) == 0
    page = (here / "report.html").read_text()
    assert f"<td class=n>8</td><td>{notice}</td>" in page.replace('"', "") and "paragraphs" in page
    result = run(here / "d.jsonl", here / "out2", {"sentences": {"left_words": 0, "min_sentences": 0}})
    common = result.manifest["facts"]["passages"]["sentences"]["common"]
    assert common[0]["times"] == 8 and sum(entry["times"] == 8 for entry in common) == 1  # overlapping spans are one


def test_what_comes_after_sees_the_changed_texts(here):
    """As if the texts that are left had been written to files and cleaned again."""
    write_documents(here / "d.jsonl", documents(7))
    later = ["exact", {"minhash": {"threshold": 0.3, "bands": 50, "rows": 2}}]
    least = {"min_words": 0, "min_characters": 0, "min_stop_words": 0, "min_alpha_words": 0}
    measures = ["length", {"gopher_quality": {**least, "max_ellipsis_lines": 1, "max_symbol_ratio": 9}}]
    run(here / "d.jsonl", here / "whole", *measures, {"paragraphs": {"split": "lines"}}, *later)
    run(here / "d.jsonl", here / "cut", *measures, {"paragraphs": {"split": "lines"}})
    names = rows(here / "cut")
    write_documents(here / "e.jsonl", [row["text"] for row in names.values()])
    run(here / "e.jsonl", here / "again", *measures, *later)
    whole, again = list(rows(here / "whole").values()), list(rows(here / "again").values())
    dropped = {row["rule"] for row in rows(here / "whole" / "rejected").values()}
    assert "minhash" in dropped and len(whole) > 20
    for name in ("text", "hash", "stats"):
        assert [row[name] for row in whole] == [row[name] for row in again]


def test_a_document_that_becomes_equal_to_another_is_an_exact_duplicate(here):
    one, other = "A first text of the river and the stones in it.", "Winter in the garden was long and very silent."
    notice = "Please subscribe to our letter and do not forget to visit again."
    write_documents(here / "d.jsonl", [one, f"{notice}\n\n{other}", f"{notice}\n\n{one}", f"{one}  \n\n{notice}"])
    run(here / "d.jsonl", here / "out", {"paragraphs": {"min_words": 12}}, "exact")
    kept, gone = rows(here / "out"), rows(here / "out" / "rejected")
    assert {name: row["text"] for name, row in kept.items()} == {"d0000": one, "d0001": f"{notice}\n\n{other}"}
    assert {name: (row["rule"], row["text"], row["matched"]) for name, row in gone.items()} == {
        name: ("exact", one, kept["d0000"]["id"]) for name in ("d0002", "d0003")
    }


def test_a_document_that_becomes_equal_to_an_indexed_one_is_found(here):
    notice = "Please subscribe to our letter and do not forget to visit again."
    theirs, mine = [documents(i, 1)[0] for i in (1, 2, 3)], [documents(i, 1)[0] for i in (7, 2, 8)]
    write_documents(here / "b.jsonl", theirs)
    clean([here / "b.jsonl"], CleanOptions(rules=["exact", "minhash"], index=here / "index"), Common(output=here / "b"))
    write_documents(here / "a.jsonl", [f"{text}\n\n{notice}" for text in mine])
    rules = [{"paragraphs": {"repeated": "all", "left_words": 0, "left_characters": 0}}, "against", "exact"]
    options = CleanOptions(rules=rules, against=[str(here / "index")], keep_rejected=True)
    clean([here / "a.jsonl"], options, Common(output=here / "a"))
    gone = rows(here / "a" / "rejected")
    assert {name: (row["rule"], row["reason"]) for name, row in gone.items()} == {
        "a0001": ("against", "exact_duplicate")
    }
    assert gone["a0001"]["matched"] == rows(here / "b")["b0001"]["id"]


def test_nothing_that_is_written_holds_personal_data(here):
    secret = "ann.lee@mail.org"
    notice = f"Write to {secret} with any question about the garden or the river."
    texts = [f"{text}\n\n{notice}\n\n{notice} {secret}" for text in documents(3, 6)]
    write_documents(here / "d.jsonl", texts)
    for rule in ("paragraphs", {"paragraphs": {"left_share": 0.9}}, {"sentences": {"span": 1}}):
        result = run(here / "d.jsonl", here / "out", "pii", rule, "exact")
        assert "[EMAIL]" in json.dumps(result.manifest["facts"]["passages"])
        for file in (here / "out").rglob("*"):
            assert file.is_dir() or secret.encode() not in file.read_bytes(), file


def test_without_rejected_documents_the_rest_is_the_same(here):
    write_documents(here / "d.jsonl", documents(4))
    manifests = []
    for keep in (False, True):
        options = CleanOptions(rules=["length", "sentences", "minhash"], keep_rejected=keep)
        manifests.append(clean([here / "d.jsonl"], options, Common(output=here / f"out{keep}")).manifest)
    assert rows(here / "outFalse") == rows(here / "outTrue") and not (here / "outFalse" / "rejected").exists()
    funnels = [manifest["facts"]["funnel"] for manifest in manifests]
    assert funnels[0] == funnels[1] and sum(funnels[0][1]["reasons"].values()) > 3


def test_splits_are_one_collection_in_their_order(here):
    texts = documents(4, 40)
    for split, part in (("train", texts[:25]), ("validation", texts[25:])):
        writer = ShardWriter(here / "in" / split, DOCUMENT_SCHEMA, split=split)
        listed = [{"id": f"{split}{i}", "text": text} for i, text in enumerate(part)]
        writer.write(pa.RecordBatch.from_pylist(listed, schema=DOCUMENT_SCHEMA))
        writer.close()
    write_dataset_dict(here / "in", ["train", "validation"])
    write_documents(here / "d.jsonl", texts)
    options = CleanOptions(rules=["sentences", "paragraphs"])
    clean([here / "in"], options, Common(output=here / "splits"))
    clean([here / "d.jsonl"], options, Common(output=here / "one"))
    opened = Shards.open(here / "splits")
    found = [row["text"] for split in opened.splits for b in opened.batches(split=split) for row in b.to_pylist()]
    assert opened.splits == ["train", "validation"] and opened.num_rows("validation") > 5
    assert found == [row["text"] for row in rows(here / "one").values()]


def test_passages_of_dropped_documents_do_not_count(here):
    paragraph = "Winter in the garden was long and very silent."
    write_documents(here / "d.jsonl", [paragraph, f"{paragraph}\n\n{'The river and the stones in it. ' * 3}"])
    result = run(here / "d.jsonl", here / "out", {"length": {"min_words": 12}}, {"paragraphs": {}})
    assert paragraph in rows(result.path)["d0001"]["text"]


RULES = (
    "length", {"sentences": {"left_words": 20, "left_characters": 20}}, {"paragraphs": {"split": "lines"}}, "exact",
    "minhash",
)  # fmt: skip


@pytest.fixture
def raw(here, monkeypatch):
    """Files of which every unit is a task of its own."""
    monkeypatch.setattr("aigc_cli.core.engine.INLINE_BYTES", 0)
    monkeypatch.setattr("aigc_cli.core.engine.TASK_UNITS", 1)
    monkeypatch.setattr("aigc_cli.core.shards.UNIT_ROWS", 13)
    (here / "raw").mkdir()
    for n in range(3):
        write_documents(here / "raw" / f"{n}.jsonl", documents(1, 90)[n * 30 : n * 30 + 30])
    return here / "raw"


def test_equal_bytes_with_one_worker_and_two_and_from_files(raw, here, monkeypatch):
    digests = [run(raw, here / f"out{n}", *RULES, workers=n).manifest["digest"] for n in (1, 2)]
    monkeypatch.setattr("aigc_cli.clean.dedup.scratch.IN_MEMORY_BYTES", 0)
    for module in ("passages", "near", "find"):
        monkeypatch.setattr(f"aigc_cli.clean.dedup.{module}.BLOCK", 5)
    monkeypatch.setattr("aigc_cli.core.engine.TASK_UNITS", 256)  # other batches in the parts
    digests.append(run(raw, here / "out3", *RULES, workers=1).manifest["digest"])
    assert len(set(digests)) == 1


def test_a_new_file_gives_what_a_run_from_nothing_gives(raw, here):
    run(raw, here / "out", *RULES)
    write_documents(raw / "00.jsonl", documents(1, 90)[20:50])  # it comes first: what others have is a repeat now
    again = run(raw, here / "out", *RULES)
    times = json.loads((here / "out" / "run.json").read_text())
    assert 0 < times["units_computed"] < times["units"]
    assert again.manifest["digest"] == run(raw, here / "fresh", *RULES).manifest["digest"]
    assert not [
        row
        for name, row in rows(here / "out").items()
        if name.startswith("1") and row["text"] in documents(1, 90)[30:50]
    ]


def test_other_passage_rules_reuse_every_unit(raw, here):
    run(raw, here / "out", "length", "exact")
    run(raw, here / "out", "length", {"paragraphs": {}}, "exact")
    assert json.loads((here / "out" / "run.json").read_text())["units_computed"] == 0
    fresh = run(raw, here / "fresh", "length", {"paragraphs": {}}, "exact")
    assert json.loads((here / "out" / "manifest.json").read_text())["digest"] == fresh.manifest["digest"]


CHILD = """
import os, signal, sys
from aigc_cli.cli import main
from aigc_cli.core import engine, shards
from aigc_cli.core.journal import Journal
engine.INLINE_BYTES, engine.TASK_UNITS, shards.UNIT_ROWS = 0, 1, 13
append, seen = Journal.append, []

def append_and_die(self, entry):
    append(self, entry)
    seen.append(entry.get("map"))
    if seen.count(sys.argv[1]) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

Journal.append = append_and_die
main(["clean", "raw", "-o", "out", "--config", "recipe.yaml", "--workers", "1", "-q"])
"""


def test_killed_in_each_pass_a_run_continues_to_the_same_bytes(raw, here):
    whole = run(raw, here / "whole", *RULES).manifest
    (here / "recipe.yaml").write_text(json.dumps({"rules": list(RULES), "keep_rejected": True}))
    for label in ("clean", "sentences", "paragraphs"):
        done = subprocess.run(
            [sys.executable, "-c", CHILD, label], cwd=here, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not (here / "out").exists()
    assert main(["clean", "raw", "-o", "out", "--config", "recipe.yaml", "--workers", "1", "-q"]) == 0
    manifest = json.loads((here / "out" / "manifest.json").read_text())
    assert (manifest["digest"], manifest["files"]) == (whole["digest"], whole["files"])


def test_a_worker_that_dies_while_texts_are_cut_changes_nothing(raw, here, monkeypatch, capsys):
    whole = run(raw, here / "whole", *RULES, workers=1).manifest["digest"]
    append, killed, pools, real = Journal.append, [], [], pool._pool

    def remember(workers):
        pools.append(real(workers))
        return pools[-1]

    def append_and_kill(self, entry):
        append(self, entry)
        if entry.get("map") == "paragraphs" and not killed:
            killed.append(next(iter(pools[-1]._processes)))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(pool, "_pool", remember)
    monkeypatch.setattr(Journal, "append", append_and_kill)
    assert run(raw, here / "out", *RULES, workers=2).manifest["digest"] == whole
    assert killed and "a worker process was killed" in capsys.readouterr().err


def test_standard_input(here, monkeypatch, capsys):
    texts = [
        "Winter in the garden was long and very silent.\n\nThe river and the stones in it are old, as we know."
    ] * 2
    texts[1] = texts[1].replace("The river", "The winter and the letter of the captain, a river")
    (here / "r.yaml").write_text("rules: [paragraphs]\n")
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO("".join(json.dumps({"text": t}) + "\n" for t in texts).encode()))
    )
    assert main(["clean", "-", "--config", "r.yaml"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["text"] for line in out.splitlines()] == [texts[0], texts[1].split("\n\n")[1]]
    assert "2 of 2 documents kept" in err


@pytest.mark.parametrize("rules", [
    ["exact", "paragraphs"], ["minhash", "sentences"], ["paragraphs", "length"], [{"paragraphs": {"split": "words"}}],
    [{"paragraphs": {"most": 0}}], [{"sentences": {"span": 0}}], [{"sentences": {"n": 3}}],
])  # fmt: skip
def test_wrong_recipes_are_refused(rules):
    with pytest.raises(ConfigError) as error:
        clean(["raw"], CleanOptions(rules=rules), Common(dry_run=True))
    assert error.value.hint
