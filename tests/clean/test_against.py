"""Duplicates of documents elsewhere: indexes, what is compared with them, what happens when they are damaged."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pytest

from aigc_cli.clean.api import clean
from aigc_cli.clean.kernels.shingles import shingles
from aigc_cli.clean.options import CleanOptions
from aigc_cli.core.lineage import walk
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
    lines = "".join(json.dumps({"text": text, "id": str(i)}) + "\n" for i, text in enumerate(texts))
    if not path.exists() or path.read_text() != lines:  # an unchanged file keeps its date
        path.write_text(lines)


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


# -- against -----------------------------------------------------------------------------------------------------


def documents(here, name: str, texts: list[str]):
    path = here / f"{name}.jsonl"
    write_documents(path, texts)
    return path


def indexed(here, texts: list[str], name: str = "b", index: str = "index", **options):
    """`texts` cleaned into here/`name` and added to here/`index`."""
    options = CleanOptions(index=here / index, rules=["exact", "minhash"], **options)
    return clean([documents(here, name, texts)], options, Common(output=here / name))


def against(here, texts: list[str], *references: str, name: str = "a", rule: dict | None = None, **common):
    rules = [{"against": rule or {}}, "exact", "minhash"]
    options = CleanOptions(rules=rules, against=[str(here / r) for r in references], keep_rejected=True)
    return clean([documents(here, name, texts)], options, Common(output=here / name, **common))


def kept(here, name: str = "a") -> list[str]:
    return [row["source_id"] for row in rows(here / name)]


def similarity(a: str, b: str) -> float:
    one, other = (set(shingles(pa.array([t], pa.large_string()), 5)[0].tolist()) for t in (a, b))
    return len(one & other) / len(one | other)


def head(here, index: str = "index") -> dict:
    return json.loads((here / index / "manifest.json").read_text())


def test_duplicates_of_indexed_documents_go_and_name_what_they_duplicate(here):
    theirs = [prose(1), prose(2), prose(3)]
    indexed(here, theirs)
    b = {row["source_id"]: row for row in rows(here / "b")}
    mine = [prose(7), prose(2).upper(), edited(prose(3), 5, 60), prose(8), prose(8), edited(prose(7), 20)]
    result = against(here, mine, "index")
    assert kept(here) == ["0", "3"]
    gone = {row["source_id"]: row for row in rows(here / "a" / "rejected")}
    assert {k: (r["rule"], r["reason"]) for k, r in gone.items()} == {
        "1": ("against", "exact_duplicate"), "2": ("against", "near_duplicate"), "4": ("exact", "exact_duplicate"),
        "5": ("minhash", "near_duplicate"),
    }  # fmt: skip
    assert gone["1"]["matched"] == b["1"]["id"] and gone["2"]["matched"] == b["2"]["id"]
    assert gone["1"]["similarity"] == 1
    assert gone["2"]["similarity"] == pytest.approx(similarity(mine[2], theirs[2]), abs=1e-6)
    funnel = {entry["rule"]: entry for entry in result.manifest["facts"]["funnel"]}
    assert funnel["against"]["reasons"] == {"exact_duplicate": 1, "near_duplicate": 1} and funnel["exact"]["in"] == 4
    assert sum(entry["dropped"] for entry in funnel.values()) == result.manifest["counts"]["dropped"] == 4
    assert result.manifest["facts"]["against"] == {
        "documents": [3], "stays": {"indexed": 2, "document": 0, "neither": 0},
    }  # fmt: skip
    pairs = rows(here / "a" / "matches")
    dataset = json.loads((here / "b" / "manifest.json").read_text())["digest"]
    assert [(p["id"], p["matched"], p["matched_source"]) for p in pairs] == [
        (gone[k]["id"], b[k]["id"], "b.jsonl") for k in ("1", "2")
    ]
    assert {p["dataset"] for p in pairs} == {dataset}


def test_cleaned_shards_are_a_reference_as_an_index_of_them_is(here):
    indexed(here, [prose(k) for k in range(6)])
    mine = [edited(prose(k), 3, 44) for k in range(4, 9)]
    digests = {r: against(here, mine, r, name="a").manifest["counts"] for r in ("index", "b")}
    assert digests["index"] == digests["b"] and digests["b"]["documents"] == 3
    built = list((here / ".aigc").glob("*/segment-*/keys.arrow"))
    times = [path.stat().st_mtime_ns for path in built]
    against(here, [*mine, prose(30)], "b")
    assert len(built) == 1 and [path.stat().st_mtime_ns for path in built] == times


@pytest.mark.parametrize(("keep", "stays", "said"), [
    ("first", ["2"], ["indexed"] * 3), ("none", ["2"], ["neither"] * 3),
    ("longest", ["1", "2"], ["indexed", "document", "indexed"]),
])  # fmt: skip
def test_which_of_the_two_stays(here, keep, stays, said):
    indexed(here, [prose(1), prose(2), prose(3)])
    mine = [edited(prose(1)[:-3], 3), prose(2) + " winter of the bridge", prose(4), prose(3) + "  "]
    against(here, mine, "index", rule={"keep": keep})
    assert kept(here) == stays
    assert [pair["stays"] for pair in rows(here / "a" / "matches")] == said


def test_every_pair_above_the_threshold_is_as_a_comparison_of_all_pairs_finds_it(here):
    rng = random.Random(5)
    theirs = [prose(k, 60) for k in range(30)]
    mine = [edited(rng.choice(theirs), *rng.sample(range(60), rng.randrange(0, 9))) for _ in range(60)]
    indexed(here, theirs)
    rules = [{"against": {"threshold": 0.5}}, {"minhash": {"bands": 60, "rows": 2}}]
    indexed(here, theirs, "wide", "wide-index")
    options = CleanOptions(rules=rules[1:], index=here / "fine")
    clean([here / "b.jsonl"], options, Common(output=here / "fine-b"))
    options = CleanOptions(rules=[rules[0], {"minhash": {"bands": 60, "rows": 2, "threshold": 1.0}}],
                           against=[str(here / "fine")], keep_rejected=True)  # fmt: skip
    clean([documents(here, "a", mine)], options, Common(output=here / "a"))
    gone = {row["source_id"] for row in rows(here / "a" / "rejected") if row["rule"] == "against"}
    expected = {str(i) for i, text in enumerate(mine) if max(similarity(text, other) for other in theirs) >= 0.5}
    assert 10 < len(expected) < 60 and gone == expected


def test_equal_bytes_with_one_worker_and_two(here, monkeypatch):
    for module in ("core.engine", "clean.dedup.index_segment"):
        monkeypatch.setattr(f"aigc_cli.{module}.INLINE_BYTES", 0)
    monkeypatch.setattr("aigc_cli.core.engine.TASK_UNITS", 1)
    monkeypatch.setattr("aigc_cli.core.shards.UNIT_ROWS", 7)
    theirs = documents(here, "b", [prose(k) for k in range(20)])
    mine = documents(here, "a", [edited(prose(k), 4) for k in range(15, 30)])
    files = []
    for workers in (1, 2):
        options = CleanOptions(index=here / f"index{workers}")
        clean([theirs], options, Common(output=here / f"b{workers}", workers=workers))
        manifest = head(here, f"index{workers}")
        options = CleanOptions(against=[str(here / f"index{workers}")], keep_rejected=True)
        result = clean([mine], options, Common(output=here / f"a{workers}", workers=workers))
        files.append((manifest["files"], manifest["digest"], result.manifest["digest"], result.manifest["files"]))
    assert files[0] == files[1] and len(rows(here / "a1")) == 10


def test_without_deduplication_only_the_reference_counts(here):
    indexed(here, [prose(1)])
    options = CleanOptions(against=[str(here / "index")], dedup=False)
    clean([documents(here, "a", [prose(1), prose(2), prose(2)])], options, Common(output=here / "a"))
    assert kept(here) == ["1", "2"]


def test_the_index_enters_the_fingerprint_and_the_lineage(here):
    indexed(here, [prose(1)])
    first = against(here, [prose(1), prose(2), prose(3)], "index")
    assert against(here, [prose(1), prose(2), prose(3)], "index").manifest == first.manifest
    assert [entry["stage"] for entry in walk(here / "a")] == ["clean", "collect", "index", "clean", "collect"]
    indexed(here, [prose(2)], "c")
    again = against(here, [prose(1), prose(2), prose(3)], "index")
    assert first.manifest["counts"]["documents"] == 2 and again.manifest["counts"]["documents"] == 1
    times = json.loads((here / "a" / "run.json").read_text())
    assert times["units_computed"] == 0  # what the other rules did is reused


def test_a_new_raw_file_is_cleaned_alone(here):
    indexed(here, [prose(k) for k in range(3)])
    (here / "raw").mkdir()
    write_documents(here / "raw" / "one.jsonl", [prose(2), prose(5)])
    options = CleanOptions(against=[str(here / "index")])
    clean([here / "raw"], options, Common(output=here / "a"))
    write_documents(here / "raw" / "two.jsonl", [prose(1), prose(6)])
    again = clean([here / "raw"], options, Common(output=here / "a"))
    times = json.loads((here / "a" / "run.json").read_text())
    assert (times["units"], times["units_computed"]) == (2, 1)
    fresh = clean([here / "raw"], options, Common(output=here / "fresh"))
    assert again.manifest["digest"] == fresh.manifest["digest"] and len(rows(here / "a")) == 2


# -- the index ---------------------------------------------------------------------------------------------------


def test_an_index_grows_and_nothing_is_in_it_twice(here):
    indexed(here, [prose(k) for k in range(5)])
    indexed(here, [prose(k) for k in range(5)], "copy")  # other source names, so other ids: other documents
    assert head(here)["counts"] == {"documents": 10, "datasets": 2}
    before = (here / "index" / "manifest.json").read_bytes()
    result = indexed(here, [prose(k) for k in range(5)])
    assert (here / "index" / "manifest.json").read_bytes() == before
    assert "0 documents added, 10 in all" in result.lines[-1]
    (here / "again").mkdir()
    clean([here / "b"], CleanOptions(rules=["exact"], index=here / "index"), Common(output=here / "again" / "b"))
    assert head(here)["counts"] == {"documents": 10, "datasets": 3}  # the same ids and hashes
    assert len(pa.ipc.open_file(here / "index/segment-000001/documents.arrow").read_all()) == 10  # merged
    assert not list((here / "index").glob("segment-000000*"))


def test_segments_are_cut_and_merged_without_a_change_of_the_result(here, monkeypatch):
    texts = [prose(k) for k in range(40)]
    mine = [edited(prose(k), 4, 50) for k in range(30, 50)]
    indexed(here, texts)
    whole = against(here, mine, "index", name="a")
    monkeypatch.setattr("aigc_cli.clean.dedup.index_writer.SEGMENT_ROWS", 12)
    monkeypatch.setattr("aigc_cli.clean.dedup.index.KEY_ROWS", 5)
    monkeypatch.setattr("aigc_cli.core.shard_writer.BATCH_ROWS", 4)
    for k, part in enumerate((texts[:20], texts[20:23], texts[23:26], texts[26:])):
        indexed(here, part, f"b{k}", "small")
    sizes = [segment["documents"] for segment in head(here, "small")["facts"]["segments"]]
    assert sum(sizes) == 40 and max(sizes) <= 12 and len(sizes) > 3
    parts = against(here, mine, "small", name="a2")
    assert parts.manifest["counts"] == whole.manifest["counts"] and whole.manifest["counts"]["documents"] == 10


def test_comparing_with_an_index_and_extending_it_is_one_command_that_can_be_repeated(here):
    def crawl(name: str, texts: list[str]):
        options = CleanOptions(against=[str(here / "index")] if (here / "index").exists() else [], index=here / "index")
        return clean([documents(here, name, texts)], options, Common(output=here / f"out-{name}"))

    crawl("monday", [prose(1), prose(2)])
    first = crawl("tuesday", [prose(2), prose(3)])
    assert head(here)["counts"]["documents"] == 3 and first.manifest["counts"]["documents"] == 1
    assert crawl("tuesday", [prose(2), prose(3)]).manifest == first.manifest
    again = crawl("tuesday", [prose(2), prose(3), prose(4)])  # its own earlier documents are no duplicates
    assert again.manifest["counts"]["documents"] == 2
    assert head(here)["counts"] == {"documents": 4, "datasets": 2}
    assert crawl("wednesday", [prose(3), prose(4), prose(5)]).manifest["counts"]["documents"] == 1
