"""The stage as a whole: what it writes, counts, reuses and refuses."""

from __future__ import annotations

import io
import json
import random

import datasets
import pyarrow as pa
import pytest

from aigc_cli.clean.api import clean
from aigc_cli.clean.kernels.shingles import shingles
from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.step import conform, document_schema
from aigc_cli.cli import main
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards

VOCABULARY = (
    "river stone garden winter letter captain morning silver market window engine harvest village summer bridge "
    "kitchen forest doctor candle island the of and to that with have be"
)
WORDS = VOCABULARY.split()
HAN = "春夏秋冬山水花鸟风雨雪月江湖河海天地人心的一是不了在有我他明清长短高低远近红白青黄"


def prose(seed: int, words: int = 80) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) + ("." if k % 12 == 11 else "") for k in range(words))


def chinese(seed: int, characters: int = 120) -> str:
    rng = random.Random(seed)
    return "".join(rng.choice(HAN) + ("，" if k % 9 == 8 else "") for k in range(characters))


def write_documents(path, texts: list[str]) -> None:
    lines = [json.dumps({"text": text, "id": f"{path.name}{i}"}) + "\n" for i, text in enumerate(texts)]
    path.write_text("".join(lines))


def replaced(text: str, word: int, by: str) -> str:
    parts = text.split()
    parts[word] = by
    return " ".join(parts)


@pytest.fixture
def raw(here):
    """A folder of raw files with every kind of document that a rule drops or changes."""
    folder = here / "raw"
    folder.mkdir()
    first = [prose(1), prose(2), prose(1).upper(), replaced(prose(2), 40, "lantern"), "too short", chinese(3)]
    second = ["tick tock " * 60, f"{prose(4)} Mail ann@mail.org.", f"The cafÃ© opens. {prose(5)}  ", chinese(3) + "。"]
    for name, texts in (("a.jsonl", first), ("b.jsonl", second)):
        write_documents(folder / name, texts)
    return folder


def rows(path) -> list[dict]:
    return [row for batch in Shards.open(path).batches() for row in batch.to_pylist()]


def test_what_stays_and_why_the_rest_went(raw, here):
    result = clean([raw], CleanOptions(keep_rejected=True), Common(output=here / "out"))
    kept = rows(result.path)
    assert [r["source_id"] for r in kept] == ["a.jsonl0", "a.jsonl1", "a.jsonl5", "b.jsonl1", "b.jsonl2"]
    assert kept[3]["text"].endswith("Mail [EMAIL].") and kept[4]["text"].startswith("The café opens.")
    assert kept[4]["text"] == kept[4]["text"].strip()
    gone = {r["source_id"]: r for r in rows(here / "out" / "rejected")}
    assert {name: (r["rule"], r["reason"]) for name, r in gone.items()} == {
        "a.jsonl2": ("exact", "exact_duplicate"), "a.jsonl3": ("minhash", "near_duplicate"),
        "a.jsonl4": ("length", "short"), "b.jsonl0": ("gopher_quality", "min_stop_words"),
        "b.jsonl3": ("minhash", "near_duplicate"),
    }  # fmt: skip
    assert gone["a.jsonl2"]["matched"] == kept[0]["id"] and gone["b.jsonl3"]["matched"] == kept[2]["id"]
    assert gone["a.jsonl2"]["similarity"] == 1 and 0.65 < gone["a.jsonl3"]["similarity"] < 1
    assert gone["a.jsonl4"]["matched"] is None and gone["a.jsonl4"]["text"] == "too short"
    assert kept[0]["lang"] == "en" and kept[2]["lang"] == "zh" and kept[0]["stats"]["words"] == 80


def test_facts_tell_the_whole_story(raw, here):
    result = clean([raw], None, Common(output=here / "out"))
    manifest = result.manifest
    assert manifest["counts"]["documents_in"] == 10 and manifest["counts"]["documents"] == 5
    facts = manifest["facts"]
    funnel = {entry["rule"]: entry for entry in facts["funnel"]}
    assert [entry["in"] for entry in facts["funnel"]] == [10, 10, 10, 10, 9, 8, 8, 8, 7]
    assert funnel["length"]["reasons"] == {"short": 1} and funnel["unicode"]["changed"] == 1
    assert funnel["length"]["examples"]["short"][0]["text"] == "too short"
    assert sum(entry["dropped"] for entry in facts["funnel"]) == manifest["counts"]["dropped"] == 5
    assert facts["pii"] == {"email": 1} and facts["languages"]["after"] == {"en": 4, "zh": 1}
    assert sum(facts["lengths"]["before"]) == 10 and sum(facts["lengths"]["after"]) == 5
    assert {e["rule"] for e in facts["examples"]} == {"unicode", "whitespace", "pii"}
    assert [c["size"] for c in facts["clusters"]] == [2, 2, 2]
    assert facts["clusters"][0]["text"].startswith(prose(1)[:50]) and len(facts["clusters"][0]["members"]) == 1
    nearest = {c["nearest"]["source"]: c["nearest"] for c in facts["clusters"] if c["nearest"]}
    assert len(nearest) == 2, "the copy in all letters has nothing to show"
    for pair in nearest.values():
        assert pair["kept"] != pair["gone"] and 0 < len(pair["kept"]) <= 400 and pair["similarity"] <= 1
    assert "5 of 10 documents kept" in result.lines[0]


def test_nothing_that_is_written_holds_personal_data(here):
    secret = "ann.lee@mail.org"
    texts = [f"{prose(1)} {secret}", f"write {secret}", f"{prose(2)}\u200b {secret}  ", "tick tock " * 60 + secret]
    write_documents(here / "d.jsonl", texts)
    for keep in (False, True):
        out = here / f"out{keep}"
        clean([here / "d.jsonl"], CleanOptions(keep_rejected=keep), Common(output=out))
        for file in out.rglob("*"):
            assert file.is_dir() or secret.encode() not in file.read_bytes(), file
    assert "••••" in (out / "manifest.json").read_text()


def test_datasets_opens_the_result(raw, here):
    clean([raw], None, Common(output=here / "out"))
    opened = datasets.load_from_disk(str(here / "out"))
    assert opened.num_rows == 5 and set(opened.column_names) == {*DOCUMENT_SCHEMA.names, "stats"}


def test_equal_runs_give_equal_bytes_whatever_the_workers(raw, here, monkeypatch):
    monkeypatch.setattr("aigc_cli.core.engine.INLINE_BYTES", 0)
    monkeypatch.setattr("aigc_cli.core.engine.TASK_UNITS", 1)
    digests = {
        clean([raw], CleanOptions(keep_rejected=True), Common(output=here / f"out{n}", workers=n)).manifest["digest"]
        for n in (1, 2)
    }
    assert len(digests) == 1


def test_a_new_raw_file_is_cleaned_alone_and_gives_what_a_fresh_run_gives(raw, here):
    first = clean([raw], None, Common(output=here / "out"))
    assert clean([raw], None, Common(output=here / "out")).manifest == first.manifest
    (raw / "c.jsonl").write_text(json.dumps({"text": prose(9)}) + "\n" + json.dumps({"text": prose(1)}) + "\n")
    again = clean([raw], None, Common(output=here / "out"))
    times = json.loads((here / "out" / "run.json").read_text())
    assert (times["units"], times["units_computed"]) == (3, 1)
    fresh = clean([raw], None, Common(output=here / "fresh"))
    assert again.manifest["digest"] == fresh.manifest["digest"] and again.manifest["counts"]["documents"] == 6


def test_other_dedup_options_reuse_every_unit(raw, here):
    clean([raw], CleanOptions(rules=["length", {"minhash": {"threshold": 0.65}}]), Common(output=here / "out"))
    clean([raw], CleanOptions(rules=["length", {"minhash": {"threshold": 1.0}}]), Common(output=here / "out"))
    assert json.loads((here / "out" / "run.json").read_text())["units_computed"] == 0
    assert "a.jsonl3" in {r["source_id"] for r in rows(here / "out")}


def test_an_interrupted_run_continues_to_the_same_bytes(raw, here, monkeypatch):
    whole = clean([raw], None, Common(output=here / "whole")).manifest["digest"]

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("aigc_cli.clean.api.write", stop)
        with pytest.raises(KeyboardInterrupt):
            clean([raw], None, Common(output=here / "out"))
    assert (here / "out.partial").is_dir()
    assert clean([raw], None, Common(output=here / "out")).manifest["digest"] == whole


def test_splits_and_own_columns_of_shards_are_kept(here):
    schema = pa.schema([*DOCUMENT_SCHEMA, ("title", pa.string())])
    for split, seeds in (("train", (1, 2, 1)), ("validation", (3, 2))):
        writer = ShardWriter(here / "in" / split, schema, split=split)
        listed = [{"id": f"{split}{i}", "text": prose(s), "title": str(s)} for i, s in enumerate(seeds)]
        writer.write(pa.RecordBatch.from_pylist(listed, schema=schema))
        writer.close()
    write_dataset_dict(here / "in", ["train", "validation"])
    clean([here / "in"], None, Common(output=here / "out"))
    opened = datasets.load_from_disk(str(here / "out"))
    assert opened["train"]["title"] == ["1", "2"] and opened["validation"]["title"] == ["3"]


def test_keep_longest_keeps_the_longest(here):
    texts = [prose(1), prose(1) + " " + prose(2, 6), prose(7)]
    write_documents(here / "d.jsonl", texts)
    for keep, expected in (("first", [texts[0], texts[2]]), ("longest", texts[1:])):
        rules = [{"minhash": {"keep": keep}}]
        result = clean([here / "d.jsonl"], CleanOptions(rules=rules), Common(output=here / keep))
        assert [r["text"] for r in rows(result.path)] == expected


def test_every_near_duplicate_is_truly_similar_to_what_stays_in_its_place(here):
    rng = random.Random(0)
    texts = []
    for family in range(12):
        text = prose(family, 120)
        for _ in range(6):  # a chain: each differs from the one before, so the ends differ more
            texts.append(text)
            text = replaced(text, rng.randrange(120), rng.choice(WORDS))
    write_documents(here / "d.jsonl", texts)
    options = CleanOptions(rules=[{"minhash": {"threshold": 0.8}}], keep_rejected=True)
    clean([here / "d.jsonl"], options, Common(output=here / "out"))
    kept, gone = {r["id"]: r["text"] for r in rows(here / "out")}, rows(here / "out" / "rejected")
    assert gone and len(kept) + len(gone) == len(texts)

    def similarity(a: str, b: str) -> float:
        one, other = (set(shingles(pa.array([t], pa.large_string()), 5)[0].tolist()) for t in (a, b))
        return len(one & other) / len(one | other)

    for row in gone:
        assert similarity(row["text"], kept[row["matched"]]) == pytest.approx(row["similarity"], abs=1e-6)
        assert row["similarity"] >= 0.8 - 1e-6
    for a in kept.values():  # and no two that stay are nearly equal
        assert sum(similarity(a, b) > 0.93 for b in kept.values()) == 1


def test_a_rule_that_drops_most_says_so(here, capsys):
    write_documents(here / "d.jsonl", [*(f"word {i}" for i in range(20)), prose(1)])
    clean([here / "d.jsonl"], None, Common(output=here / "out"))
    assert "length dropped 20 of 21 documents (short); --min-words" in capsys.readouterr().err


def test_nothing_left_is_an_error_with_a_remedy(here):
    write_documents(here / "d.jsonl", ["one two"])
    with pytest.raises(DataError) as error:
        clean([here / "d.jsonl"], None, Common(output=here / "out"))
    assert "every document was dropped: length 1" in error.value.message and "--min-words" in error.value.hint
    assert not (here / "out").exists()
    result = clean([here / "d.jsonl"], CleanOptions(min_words=2), Common(output=here / "out"))
    assert result.manifest["counts"]["documents"] == 1


def test_languages_option(raw, here):
    result = clean([raw], CleanOptions(languages="zh"), Common(output=here / "out"))
    assert {r["lang"] for r in rows(result.path)} == {"zh"}
    assert result.manifest["facts"]["languages"]["before"]["en"] > 0


def test_dry_run_writes_nothing(raw, here):
    result = clean([raw], None, Common(output=here / "out", dry_run=True))
    assert result.path is None and "minhash" in result.lines[1] and not (here / "out").exists()
    with pytest.raises(ConfigError):
        clean([raw], CleanOptions(rules=["nothing"]), Common(dry_run=True))


def test_null_texts_and_missing_columns_are_filled():
    batch = pa.RecordBatch.from_pydict({"text": pa.array(["a", None]), "id": pa.array(["1", "2"])})
    whole = conform(batch, document_schema(batch.schema))
    assert whole.column("text").to_pylist() == ["a", ""] and whole.column("lang").null_count == 2


# -- the command -------------------------------------------------------------------------------------------------


def pipe(monkeypatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_standard_input_to_standard_output(here, monkeypatch, capsys):
    documents = [{"text": prose(1) + " Mail ann@mail.org.", "id": "x1"}, {"text": "short"}, {"text": chinese(2)}]
    pipe(monkeypatch, "".join(json.dumps(d) + "\n" for d in [*documents, documents[0]]))
    assert main(["clean", "-"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["text"] for line in lines] == [prose(1) + " Mail [EMAIL].", chinese(2)]
    assert lines[0]["source_id"] == "x1" and "2 of 4 documents kept" in err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--json"], ["--keep-rejected"]])
def test_options_without_a_place_beside_standard_output_are_refused(here, monkeypatch, capsys, arguments):
    pipe(monkeypatch, json.dumps({"text": prose(1)}))
    assert main(["clean", "-", *arguments]) == 2
    assert "give a directory with -o" in capsys.readouterr().err


def test_empty_standard_input_is_a_data_error(here, monkeypatch, capsys):
    pipe(monkeypatch, "\n\n")
    assert main(["clean", "-", "-q"]) == 3
    assert capsys.readouterr().out == ""


def test_recipe_from_a_file(raw, here, capsys):
    (here / "c.yaml").write_text(
        "keep_rejected: true\nrules:\n- whitespace\n- gopher_quality: {min_words: 30}\n- exact\n"
    )
    assert main(["clean", "raw", "-o", "out", "--config", "c.yaml", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [next(iter(rule)) for rule in printed["options"]["rules"]] == ["whitespace", "gopher_quality", "exact"]
    assert printed["options"]["rules"][1]["gopher_quality"]["min_words"] == 30
    (here / "c.yaml").write_text("rules: [gopher_qualty]\n")
    assert main(["clean", "raw", "-o", "out2", "--config", "c.yaml"]) == 2
    assert "did you mean 'gopher_quality'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [(["raw", "--min-words", "-1"], 2, "0 or more"), (["nowhere"], 3, "nowhere"),
     (["raw", "--languages", "engl"], 2, "codes"), (["raw", "--rules", "x"], 2, "rules"),
     (["raw", "--languages", "fr"], 3, "every document was dropped")],
)  # fmt: skip
def test_wrong_commands_end_with_a_fact_and_a_remedy(raw, capsys, arguments, code, text):
    assert main(["clean", *arguments, "-o", "out"]) == code
    err = capsys.readouterr().err
    assert text in err and "Traceback" not in err


def test_the_same_name_in_another_place_is_read_anew(tmp_path, monkeypatch):
    """One process, two working directories, shards of the same relative name in both."""
    for number in range(2):
        place = tmp_path / str(number)
        place.mkdir()
        monkeypatch.chdir(place)
        write_documents(place / "raw.jsonl", [prose(10 * number + k) for k in range(3)])
        assert main(["collect", "raw.jsonl", "-o", "docs", "-q"]) == 0
        assert main(["clean", "docs", "-o", "out", "-q"]) == 0
        found = [text for batch in Shards.open("out").batches() for text in batch.column("text").to_pylist()]
        assert found == [prose(10 * number + k) for k in range(3)]
