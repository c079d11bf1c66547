"""Files that are out to break collect: every one is a counted reason, and the rest is collected."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_cli.cli import main
from aigc_cli.collect import api
from aigc_cli.collect.readers import READERS, kind_of
from aigc_cli.core.manifest import read_manifest
from aigc_cli.core.shards import Shards

GOOD = "a good line of text"
LINE = json.dumps({"text": GOOD}).encode() + b"\n"
DEEP = 100_000
VOCABULARY = "river stone garden winter letter the of and to that with have be"


def collected(*extra: str, code: int = 0) -> tuple[list[str], dict]:
    """(texts, facts) of raw/ as the command collects it."""
    assert main(["collect", "raw", "-o", "docs", "-q", "--workers", "1", *extra]) == code
    texts = [text for batch in Shards.open("docs").batches(["text"]) for text in batch.column("text").to_pylist()]
    return texts, read_manifest(Path("docs"))["facts"]


@pytest.fixture
def raw(here) -> Path:
    (here / "raw").mkdir()
    (here / "raw" / "good.jsonl").write_bytes(LINE)
    return here / "raw"


HOSTILE = {
    "long line": ("a.jsonl", LINE + b'{"text": "' + b"x" * 3_000_000 + b'"}\n' + LINE, {"too_long": 1}, 2),
    "nan": ("a.jsonl", b'{"text": "n", "score": NaN}\n{"text": NaN}\n{"text": "i", "x": -Infinity}\n',
            {"text_not_a_string": 1}, 2),
    "lone surrogates": ("a.jsonl", b'{"text": "a \\ud800 b", "id": "\\udfff"}\n{"text": "\\ud83d\\ude00"}\n', {}, 2),
    "deep array": ("a.jsonl", LINE + b'{"text": "t", "x": ' + b"[" * DEEP + b"]" * DEEP + b"}\n" + LINE,
                   {"invalid_json": 1}, 2),
    "deep object": ("a.jsonl", LINE + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"\n" + LINE, {"invalid_json": 1}, 2),
    "deep file": ("a.json", b"[" * DEEP + b"]" * DEEP, {"invalid_json": 1}, 0),
    "deep and open": ("a.json", b'{"a":' * DEEP, {"invalid_json": 1}, 0),
    "nul in a table": ("a.csv", b"id,text\n1,a\0b\n2,fine\n", {}, 2),
    "open quote": ("a.csv", b'id,text\n1,fine\n2,"never closed\n' + b"3,line\n" * 500, {"unclosed_quote": 1}, 1),
    "open quote, long": ("a.csv", b'id,text\n1,fine\n2,"' + b"x,y\n" * 600_000, {"too_long": 1}, 1),
    "one column": ("a.csv", b'text\n"closed\nquote"\n', {}, 1),
    "no line feed": ("a.txt", b"word " * 600_000, {"too_long": 1}, 0),
    "nested page": ("a.html", b"<html><body>" + b"<div>" * 150_000 + b"deep words" + b"</div>" * 70_000, {}, 1),
    "mixed soup": ("a.html", b"<b><i><p><table><tr><td><ul><li>" * 30_000 + b"deep words", {}, 1),
    "open comment": ("a.html", b"<p>seen words<!--" + b"<p>x" * 200_000, {}, 1),
    "attributes": ("a.html", b"<div " + b"a=b " * 200_000 + b">seen words</div>", {}, 1),
    "cut parquet": ("a.parquet", b"PAR1" + bytes(500), {"corrupt": 1}, 0),
    "cut arrow": ("a.arrow", b"ARROW1\0\0" + b"\xff\xff\xff\xff\x10\x01\0\0" + bytes(40), {"corrupt": 1}, 0),
    "cut warc": ("a.warc", b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 9999\r\n\r\nHTTP/1.1 200 OK\r\n",
                 {"truncated": 1}, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_itself_alone(raw, name):
    file, content, rejected, found = HOSTILE[name]
    (raw / file).write_bytes(content)
    texts, facts = collected("--max-document-bytes", "2000000")
    assert facts["rejected"] == rejected and len(texts) == found + 1 and GOOD in texts


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_a_line(here):
    """A line of 200 MB, written as holes and read in pieces, in a process of its own."""
    (here / "raw").mkdir()
    with open(here / "raw" / "a.jsonl", "wb") as file:
        file.write(LINE + b'{"text": "')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + LINE)
    # Not getrusage: what it says of a new process begins with the peak of the one that started it.
    code = (
        "import re, sys; from aigc_cli.cli import main; "
        "rc = main(['collect', 'raw', '-o', 'docs', '-q', '--workers', '1']); "
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]); sys.exit(rc)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout.split()[-1])
    assert peak < 400_000, f"{peak} kB"
    assert read_manifest(Path("docs"))["facts"]["rejected"] == {"too_long": 1}


def test_an_empty_file_of_every_kind(raw):
    names = [f"empty{kind}" for kind in READERS if kind_of(f"empty{kind}")]
    for name in names:
        (raw / name).write_bytes(b"")
    texts, facts = collected()
    assert texts == [GOOD]
    told = facts["rejected"].get("empty", 0) + sum(facts["skipped"].values())
    assert facts["rejected"].keys() == {"empty"} and told == len(names) and facts["rejected"]["empty"] > 100


@pytest.mark.parametrize(
    "name", [b"line\nfeed.txt", b"\xff\xfe.txt", b"n" * 251 + b".txt", b"-rf.txt", b" .txt ", b"a\x1b[31mred.txt",
             "花园.txt".encode(), b"a[1]?*.txt", b"'\"`$(x).txt"]
)  # fmt: skip
def test_names(raw, capsys, name):
    path = os.fsencode(raw) + b"/" + name
    with open(path, "wb") as file:
        file.write(b"named")
    with open(path[:-5] + b".jsonl" if len(name) < 250 else path[:-9] + b".jsonl", "wb") as file:
        file.write(b"{broken\n")
    texts, facts = collected()
    assert len(texts) in (1, 2) and facts["rejected"] == {"invalid_json": 1}
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err and "\x1b" not in shown.out
    (line,) = [line for line in shown.out.splitlines() if "invalid_json" in line]
    assert line.startswith("rejected 1 invalid_json: ") and line.endswith(".jsonl:1"), "one line a reason"
    assert main(["clean", "docs", "-o", "clean", "-q"]) in (0, 3)
    assert main(["report", "docs"]) == 0
    Path("docs/report.html").read_text(encoding="utf-8")


def test_a_file_that_vanishes_or_changes_after_the_listing(raw, monkeypatch):
    for name in ("gone.txt", "short.jsonl", "long.txt", "pipe.txt"):
        (raw / name).write_bytes(LINE * 3 if name.endswith("l") else b"as listed")
    real = api.units

    def changed(files, settings, version):
        (raw / "gone.txt").unlink()
        os.truncate(raw / "short.jsonl", len(LINE) + 9)
        (raw / "long.txt").write_text("another, longer text")
        (raw / "pipe.txt").unlink()
        os.mkfifo(raw / "pipe.txt")
        return real(files, settings, version)

    with monkeypatch.context() as patch:
        patch.setattr(api, "units", changed)
        texts, facts = collected()
    assert sorted(texts) == [GOOD, GOOD, "another, longer text"]
    assert facts["rejected"]["unreadable"] == 1 and facts["rejected"]["invalid_json"] == 1
    assert facts["examples"]["unreadable"] == ["gone.txt (No such file or directory)"]
    os.unlink(raw / "pipe.txt")
    assert sorted(collected()[0]) == [GOOD, GOOD, "another, longer text"], "what changed is read again"


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE as Linux has it")
@pytest.mark.parametrize("stage", ["collect", "clean", "tokenize"])
def test_a_limit_on_the_size_of_files_is_two_lines(here, stage):
    """Every write fails in earnest, in whatever library: what was published stays, and the stage goes on later."""
    words = VOCABULARY.split(" ")
    lines = [
        json.dumps({"text": " ".join(words[(n * k) % 13] + str(n * k % 17) for k in range(200))}) for n in range(900)
    ]
    Path("raw.jsonl").write_text("\n".join(lines))
    Path("few.yaml").write_text("rules: [whitespace]\n")
    assert main(["collect", "raw.jsonl", "-o", "in", "-q"]) == 0
    source = "raw.jsonl" if stage == "collect" else "in"
    command = [stage, source, "-o", "out", "-q", "--workers", "1"]
    command += {"clean": ["--config", "few.yaml"], "tokenize": ["--vocab-size", "450"]}.get(stage, [])
    done = subprocess.run(
        [sys.executable, "-m", "aigc_cli", *command], capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY)),
    )  # fmt: skip
    last = done.stderr.strip().splitlines()[-2:]
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert last[0].startswith("error: a file larger than") and last[1].startswith("hint: ")
    assert not Path("out").exists()
    assert main(command) == 0 and read_manifest(Path("out"))["counts"]["documents"] == 900
