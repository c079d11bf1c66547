"""Sentences and paragraphs that occurred before: what is left, why documents go, what comes after sees."""

from __future__ import annotations

import json
import random
from collections import Counter

import pyarrow as pa
import pytest

from aigc_cli.clean.api import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.cli import main
from aigc_cli.core.options import Common
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards


@pytest.mark.parametrize(("rule", "options"), [
    ("paragraphs", {}), ("paragraphs", {"split": "lines", "min_words": 3, "left_share": 0.5}),
    ("paragraphs", {"most": 2, "min_words": 0, "min_characters": 0}),
    ("paragraphs", {"repeated": "all", "left_words": 30, "left_characters": 60}),
    ("sentences", {}), ("sentences", {"span": 1, "min_sentences": 0, "left_words": 5, "left_characters": 5}),
    ("sentences", {"span": 2, "left_words": 20, "left_characters": 20}),
])  # fmt: skip
def test_texts_and_reasons_are_those_of_a_plain_implementation(here, monkeypatch, reference, rule, options, plain):
    monkeypatch.setattr("aigc_cli.core.shards.UNIT_ROWS", 17)
    texts = plain.documents(4)
    plain.write_documents(here / "d.jsonl", texts)
    result = plain.run(here / "d.jsonl", here / "out", {rule: options})
    kept, gone = plain.rows(here / "out"), plain.rows(here / "out" / "rejected")
    expected, times = plain.cut(texts, rule, reference.words, **options)
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


def test_the_commonest_passages_are_told_with_their_first_document(here, plain):
    notice = "All pages of this site are free to use. Last change: today. Write to us with any question. Good bye."
    texts = [f"{plain.sentence(random.Random(i), False)}\n\n{notice}\n\n{plain.documents(i, 1)[0]}" for i in range(9)]
    plain.write_documents(here / "d.jsonl", texts)
    result = plain.run(here / "d.jsonl", here / "out", {"paragraphs": {}})
    first = result.manifest["facts"]["passages"]["paragraphs"]["common"][0]
    assert (first["text"], first["times"], first["source"]) == (notice, 8, "d.jsonl")
    assert (
        first["id"] == plain.rows(here / "out")["d0000"]["id"] and notice in plain.rows(here / "out")["d0000"]["text"]
    )
    assert main(["report", "out", "-o", "report.html", "-q"]) == 0
    page = (here / "report.html").read_text()
    assert f"<td class=n>8</td><td>{notice}</td>" in page.replace('"', "") and "paragraphs" in page
    result = plain.run(here / "d.jsonl", here / "out2", {"sentences": {"left_words": 0, "min_sentences": 0}})
    common = result.manifest["facts"]["passages"]["sentences"]["common"]
    assert common[0]["times"] == 8 and sum(entry["times"] == 8 for entry in common) == 1  # overlapping spans are one


def test_what_comes_after_sees_the_changed_texts(here, plain):
    """As if the texts that are left had been written to files and cleaned again."""
    plain.write_documents(here / "d.jsonl", plain.documents(7))
    later = ["exact", {"minhash": {"threshold": 0.3, "bands": 50, "rows": 2}}]
    least = {"min_words": 0, "min_characters": 0, "min_stop_words": 0, "min_alpha_words": 0}
    measures = ["length", {"gopher_quality": {**least, "max_ellipsis_lines": 1, "max_symbol_ratio": 9}}]
    plain.run(here / "d.jsonl", here / "whole", *measures, {"paragraphs": {"split": "lines"}}, *later)
    plain.run(here / "d.jsonl", here / "cut", *measures, {"paragraphs": {"split": "lines"}})
    names = plain.rows(here / "cut")
    plain.write_documents(here / "e.jsonl", [row["text"] for row in names.values()])
    plain.run(here / "e.jsonl", here / "again", *measures, *later)
    whole, again = list(plain.rows(here / "whole").values()), list(plain.rows(here / "again").values())
    dropped = {row["rule"] for row in plain.rows(here / "whole" / "rejected").values()}
    assert "minhash" in dropped and len(whole) > 20
    for name in ("text", "hash", "stats"):
        assert [row[name] for row in whole] == [row[name] for row in again]


def test_a_document_that_becomes_equal_to_another_is_an_exact_duplicate(here, plain):
    one, other = "A first text of the river and the stones in it.", "Winter in the garden was long and very silent."
    notice = "Please subscribe to our letter and do not forget to visit again."
    plain.write_documents(here / "d.jsonl", [one, f"{notice}\n\n{other}", f"{notice}\n\n{one}", f"{one}  \n\n{notice}"])
    plain.run(here / "d.jsonl", here / "out", {"paragraphs": {"min_words": 12}}, "exact")
    kept, gone = plain.rows(here / "out"), plain.rows(here / "out" / "rejected")
    assert {name: row["text"] for name, row in kept.items()} == {"d0000": one, "d0001": f"{notice}\n\n{other}"}
    assert {name: (row["rule"], row["text"], row["matched"]) for name, row in gone.items()} == {
        name: ("exact", one, kept["d0000"]["id"]) for name in ("d0002", "d0003")
    }


def test_a_document_that_becomes_equal_to_an_indexed_one_is_found(here, plain):
    notice = "Please subscribe to our letter and do not forget to visit again."
    theirs, mine = [plain.documents(i, 1)[0] for i in (1, 2, 3)], [plain.documents(i, 1)[0] for i in (7, 2, 8)]
    plain.write_documents(here / "b.jsonl", theirs)
    clean([here / "b.jsonl"], CleanOptions(rules=["exact", "minhash"], index=here / "index"), Common(output=here / "b"))
    plain.write_documents(here / "a.jsonl", [f"{text}\n\n{notice}" for text in mine])
    rules = [{"paragraphs": {"repeated": "all", "left_words": 0, "left_characters": 0}}, "against", "exact"]
    options = CleanOptions(rules=rules, against=[str(here / "index")], keep_rejected=True)
    clean([here / "a.jsonl"], options, Common(output=here / "a"))
    gone = plain.rows(here / "a" / "rejected")
    assert {name: (row["rule"], row["reason"]) for name, row in gone.items()} == {
        "a0001": ("against", "exact_duplicate")
    }
    assert gone["a0001"]["matched"] == plain.rows(here / "b")["b0001"]["id"]


def test_nothing_that_is_written_holds_personal_data(here, plain):
    secret = "ann.lee@mail.org"
    notice = f"Write to {secret} with any question about the garden or the river."
    texts = [f"{text}\n\n{notice}\n\n{notice} {secret}" for text in plain.documents(3, 6)]
    plain.write_documents(here / "d.jsonl", texts)
    for rule in ("paragraphs", {"paragraphs": {"left_share": 0.9}}, {"sentences": {"span": 1}}):
        result = plain.run(here / "d.jsonl", here / "out", "pii", rule, "exact")
        assert "[EMAIL]" in json.dumps(result.manifest["facts"]["passages"])
        for file in (here / "out").rglob("*"):
            assert file.is_dir() or secret.encode() not in file.read_bytes(), file


def test_without_rejected_documents_the_rest_is_the_same(here, plain):
    plain.write_documents(here / "d.jsonl", plain.documents(4))
    manifests = []
    for keep in (False, True):
        options = CleanOptions(rules=["length", "sentences", "minhash"], keep_rejected=keep)
        manifests.append(clean([here / "d.jsonl"], options, Common(output=here / f"out{keep}")).manifest)
    assert (
        plain.rows(here / "outFalse") == plain.rows(here / "outTrue") and not (here / "outFalse" / "rejected").exists()
    )
    funnels = [manifest["facts"]["funnel"] for manifest in manifests]
    assert funnels[0] == funnels[1] and sum(funnels[0][1]["reasons"].values()) > 3


def test_splits_are_one_collection_in_their_order(here, plain):
    texts = plain.documents(4, 40)
    for split, part in (("train", texts[:25]), ("validation", texts[25:])):
        writer = ShardWriter(here / "in" / split, DOCUMENT_SCHEMA, split=split)
        listed = [{"id": f"{split}{i}", "text": text} for i, text in enumerate(part)]
        writer.write(pa.RecordBatch.from_pylist(listed, schema=DOCUMENT_SCHEMA))
        writer.close()
    write_dataset_dict(here / "in", ["train", "validation"])
    plain.write_documents(here / "d.jsonl", texts)
    options = CleanOptions(rules=["sentences", "paragraphs"])
    clean([here / "in"], options, Common(output=here / "splits"))
    clean([here / "d.jsonl"], options, Common(output=here / "one"))
    opened = Shards.open(here / "splits")
    found = [row["text"] for split in opened.splits for b in opened.batches(split=split) for row in b.to_pylist()]
    assert opened.splits == ["train", "validation"] and opened.num_rows("validation") > 5
    assert found == [row["text"] for row in plain.rows(here / "one").values()]


def test_passages_of_dropped_documents_do_not_count(here, plain):
    paragraph = "Winter in the garden was long and very silent."
    plain.write_documents(here / "d.jsonl", [paragraph, f"{paragraph}\n\n{'The river and the stones in it. ' * 3}"])
    result = plain.run(here / "d.jsonl", here / "out", {"length": {"min_words": 12}}, {"paragraphs": {}})
    assert paragraph in plain.rows(result.path)["d0001"]["text"]


def test_statistics_of_the_texts_that_are_left_are_those_of_the_parity_mode(here, plain):
    """As if the texts that are left had been cleaned in that mode."""
    pytest.importorskip("spacy")
    shared = "The committee's members can't agree, and don't want to, on the e-mail about the boat's U.S. licence."
    texts = [f"The keeper's dog number {n} doesn't bark at the sea-gulls of the harbour. " * 4 for n in range(4)]
    plain.write_documents(here / "d.jsonl", [f"{text}\n\n{shared}" for text in texts])
    rules = ["language", {"gopher_quality": {"min_words": 0, "min_alpha_words": 0, "min_stop_words": 0}}]

    def cleaned(source, output, *more):
        clean([source], CleanOptions(rules=[*rules, *more], parity="datatrove"), Common(output=output))
        return list(plain.rows(output).values())

    cut = cleaned(here / "d.jsonl", here / "cut", {"paragraphs": {"min_words": 3}})
    assert sum(row["text"].endswith(shared) for row in cut) == 1
    plain.write_documents(here / "e.jsonl", [row["text"] for row in cut])
    again = cleaned(here / "e.jsonl", here / "again")
    own = [name for name in again[0]["stats"] if name != "lang_score"]
    assert own and [[r["stats"][n] for n in own] for r in cut] == [[r["stats"][n] for n in own] for r in again]
