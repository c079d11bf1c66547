"""collect as a whole: shards, provenance, counts, resuming, reuse, standard input."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import xxhash

from aigc_cli.collect import api, collect, ensure_shards, read_documents, step
from aigc_cli.collect.options import CollectOptions
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards

PAGE = "<html lang='fr'><head><title>Titre</title></head><body><p>Un paragraphe assez long ici.</p></body></html>"


@pytest.fixture
def raw(here):
    files = {
        "a.txt": "plain text\n",
        "b/page.html": PAGE,
        "c.jsonl": '{"id": 1, "text": "one", "license": "MIT"}\n{bad\n{"text": ""}\n{"text": "t\\u0000wo \\ud800"}\n',
        "d.csv": "id,title\n1,x\n",
        "photo.png": "x",
    }
    for name, text in files.items():
        (here / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (here / "raw" / name).write_text(text)
    return Path("raw")


def rows(path):
    return pa.Table.from_batches(list(Shards.open(path).batches())).to_pylist()


def test_shards_provenance_and_counts(raw):
    result = collect([raw], CollectOptions(license="CC0-1.0", lang=None), Common(output=Path("docs")))
    found = {(row["source"], row["record"]): row for row in rows("docs")}
    second = len('{"id": 1, "text": "one", "license": "MIT"}\n{bad\n{"text": ""}\n')
    assert list(found) == [("a.txt", 0), ("b/page.html", 0), ("c.jsonl", 0), ("c.jsonl", second)]
    one = found["c.jsonl", 0]
    assert one == {
        "id": xxhash.xxh128_hexdigest(b"c.jsonl\x000"), "text": "one", "source": "c.jsonl", "record": 0,
        "source_id": "1", "url": None, "license": "MIT", "lang": None, "hash": xxhash.xxh128_hexdigest(b"one"),
        "code_lang": None,
    }  # fmt: skip
    assert found["c.jsonl", second]["text"] == "two \ufffd"
    assert found["b/page.html", 0]["lang"] == "fr"
    assert found["a.txt", 0]["license"] == "CC0-1.0"
    size = sum(len(row["text"].encode()) for row in found.values())
    assert result.manifest["counts"] == {"files": 4, "documents": 4, "bytes": size, "rejected": 3}
    facts = result.manifest["facts"]
    assert facts["rejected"] == {"empty": 1, "invalid_json": 1, "no_text_column": 1}
    assert facts["examples"]["invalid_json"] == ["c.jsonl:2"]
    assert facts["examples"]["no_text_column"] == ["d.csv (columns: id, title)"]
    assert facts["repaired"] == {"lone_surrogates": 1, "nul_characters": 1}
    assert facts["skipped"] == {"unsupported": 1}
    assert "4 documents" in result.lines[0]
    assert any("--text-field" in line for line in result.lines)
    assert result.next.startswith("aigc clean docs")


def test_datasets_opens_the_result(raw):
    import datasets

    collect([raw], common=Common(output=Path("docs")))
    assert datasets.load_from_disk("docs")["text"][0] == "plain text\n"
    assert Shards.open("docs").schema.equals(DOCUMENT_SCHEMA)


def test_a_directory_written_by_datasets_is_an_input(here):
    import datasets

    table = datasets.Dataset.from_dict({"content": ["x", "y"], "id": ["p", "q"]})
    table.save_to_disk("ds")
    datasets.DatasetDict({"train": table, "test": table.select([0])}).save_to_disk("split")
    collect(["ds"], common=Common(output=Path("docs")))
    assert [(r["text"], r["source_id"]) for r in rows("docs")] == [("x", "p"), ("y", "q")]
    collect(["."], CollectOptions(exclude=["ds/*"]), Common(output=Path("more")))
    assert {r["source"].split("/")[1] for r in rows("more")} == {"train", "test"}


def test_own_shards_pass_through_with_their_ids(raw):
    collect([raw], common=Common(output=Path("docs")))
    (raw / "new.txt").write_text("new")
    result = collect(["docs", raw / "new.txt"], common=Common(output=Path("both")))
    assert rows("both")[:-1] == rows("docs")
    assert result.manifest["parents"][0]["stage"] == "collect"


def test_up_to_date_and_only_the_new_file_is_read(raw, monkeypatch):
    read = []
    monkeypatch.setattr(api, "read_unit", lambda payload: read.append(payload[1]) or step.read_unit(payload))
    first = collect([raw], common=Common(output=Path("docs")))
    assert len(read) == 4
    assert collect([raw], common=Common(output=Path("docs"))).manifest == first.manifest
    assert len(read) == 4
    (raw / "aa.txt").write_text("new")
    second = collect([raw], common=Common(output=Path("docs")))
    assert read[4:] == ["aa.txt"]
    for kind in ("rejected", "examples", "skipped", "repaired"):
        assert second.manifest["facts"][kind] == first.manifest["facts"][kind]
    fresh = collect([raw], common=Common(output=Path("fresh")))
    assert fresh.manifest["digest"] == second.manifest["digest"]


def test_implicit_collection_reads_only_the_new_file(raw, monkeypatch):
    read = []
    monkeypatch.setattr(api, "read_unit", lambda payload: read.append(payload[1]) or step.read_unit(payload))
    first = ensure_shards([raw])
    assert first.parts[0] == ".aigc"
    assert ensure_shards([raw]) == first
    (raw / "new.txt").write_text("new")
    second = ensure_shards([raw])
    assert second != first
    assert read[4:] == ["new.txt"]
    assert ensure_shards([second]) == second


def test_the_number_of_workers_and_ranges_change_nothing(here, monkeypatch):
    lines = [json.dumps({"text": f"{i} " + "字" * (i * 7919 % 3000)}) for i in range(2500)]
    Path("big.jsonl").write_text("\n".join(lines))
    Path("small.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[:50]).encode()))
    monkeypatch.setattr(step, "RANGE_BYTES", 3_000_000)
    digests = set()
    for workers in (1, 2):
        result = collect(["big.jsonl", "small.jsonl.gz"], common=Common(output=Path(f"w{workers}"), workers=workers))
        digests.add(result.manifest["digest"])
        assert len(json.loads(Path(f"w{workers}/units.json").read_text())) == 9
    assert len(digests) == 1
    assert [r["text"] for r in rows("w1")][:2500] == [json.loads(line)["text"] for line in lines]
    monkeypatch.setattr(step, "RANGE_BYTES", 1 << 30)
    collect(["big.jsonl", "small.jsonl.gz"], common=Common(output=Path("whole")))
    assert rows("whole") == rows("w1")


def test_read_documents_gives_the_same_rows(raw):
    collect([raw], common=Common(output=Path("docs")))
    assert list(read_documents([raw])) == rows("docs")


def test_output_inside_the_input(raw):
    collect([raw], common=Common(output=raw / "docs"))
    before = rows(raw / "docs")
    (raw / "new.txt").write_text("new")
    collect([raw], common=Common(output=raw / "docs"))
    assert len(rows(raw / "docs")) == len(before) + 1


def test_dry_run_writes_nothing(raw):
    result = collect([raw], common=Common(output=Path("docs"), dry_run=True))
    assert not Path("docs").exists()
    assert not Path("docs.partial").exists()
    assert any(".jsonl" in line and "1" in line for line in result.lines[0].splitlines())


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({}, "no document", "empty"),
        ({"a.csv": b"id,title\n1,x"}, "columns: id, title", "--text-field"),
        ({"a.xyz": b"x"}, "unsupported", "--include"),
        ({"a.jsonl": b'{"title": "x"}\n'}, "has title", "--text-field"),
        ({"a.txt.gz": b"junk"}, "corrupt", "check"),
        ({"a.txt": b""}, "empty", "check"),
        ({"a.parquet": b"PAR1"}, "corrupt", "check"),
    ],
)
def test_no_document_at_all_is_an_error_that_says_why(here, files, message, hint):
    Path("raw").mkdir()
    for name, data in files.items():
        (Path("raw") / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        collect(["raw"], common=Common(output=Path("docs")))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert list(Path().iterdir()) == [Path("raw")]


def test_nothing_named(here):
    with pytest.raises(ConfigError):
        collect([])


# -- standard input ----------------------------------------------------------------------------------------------


class Pipe(io.TextIOWrapper):
    def isatty(self):
        return False


def piped(monkeypatch, data, options=None, output="docs"):
    monkeypatch.setattr(sys, "stdin", Pipe(io.BytesIO(data)))
    result = collect(["-"], options, Common(output=Path(output)))
    return [row["text"] for row in rows(output)], result


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b'{"text": "a"}\n{"text": "b"}\n', ["a", "b"]), (b"one\ntwo\n", ["one\ntwo\n"]),
        (b'[{"text": "a"}]', ["a"]), (gzip.compress(b"one\n", mtime=0), ["one\n"]),
        (b'{\n"text": "a"\n}', ["a"]),
    ],
)  # fmt: skip
def test_stdin(here, monkeypatch, data, texts):
    assert piped(monkeypatch, data)[0] == texts


def test_stdin_lines_and_equal_content(here, monkeypatch):
    texts, first = piped(monkeypatch, b"one\n\ntwo\n", CollectOptions(lines=True))
    assert texts == ["one", "two"]
    assert rows("docs")[0]["source"] == "stdin"
    _, again = piped(monkeypatch, b"one\n\ntwo\n", CollectOptions(lines=True))
    assert again.manifest["fingerprint"] == first.manifest["fingerprint"]
    assert piped(monkeypatch, b"three\n", CollectOptions(lines=True))[0] == ["three"]


def test_stdin_and_files_together(here, monkeypatch):
    Path("a.txt").write_text("file")
    monkeypatch.setattr(sys, "stdin", Pipe(io.BytesIO(b"piped")))
    collect(["a.txt", "-"], common=Common(output=Path("docs")))
    assert [row["text"] for row in rows("docs")] == ["file", "piped"]


# -- the command -------------------------------------------------------------------------------------------------


def test_the_command(raw):
    done = subprocess.run(
        [sys.executable, "-m", "aigc_cli", "collect", "raw", "-o", "docs", "--json", "--exclude", "*.csv"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout)["counts"]["documents"] == 4
    assert "next: aigc clean docs" in done.stderr


def test_the_command_on_an_empty_directory(here):
    Path("raw").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "aigc_cli", "collect", "raw", "-o", "docs"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2
