"""Runs with the rules that compare passages: workers, kills, added files, standard input, wrong recipes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys

import pytest

from aigc_cli.clean.api import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.cli import main
from aigc_cli.core import pool
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.journal import Journal
from aigc_cli.core.options import Common

RULES = (
    "length", {"sentences": {"left_words": 20, "left_characters": 20}}, {"paragraphs": {"split": "lines"}}, "exact",
    "minhash",
)  # fmt: skip


@pytest.fixture
def raw(here, monkeypatch, plain):
    """Files of which every unit is a task of its own."""
    monkeypatch.setattr("aigc_cli.core.engine.INLINE_BYTES", 0)
    monkeypatch.setattr("aigc_cli.core.engine.TASK_UNITS", 1)
    monkeypatch.setattr("aigc_cli.core.shards.UNIT_ROWS", 13)
    (here / "raw").mkdir()
    for n in range(3):
        plain.write_documents(here / "raw" / f"{n}.jsonl", plain.documents(1, 90)[n * 30 : n * 30 + 30])
    return here / "raw"


def test_equal_bytes_with_one_worker_and_two_and_from_files(raw, here, monkeypatch, plain):
    digests = [plain.run(raw, here / f"out{n}", *RULES, workers=n).manifest["digest"] for n in (1, 2)]
    monkeypatch.setattr("aigc_cli.clean.dedup.scratch.IN_MEMORY_BYTES", 0)
    for module in ("passages", "near", "find"):
        monkeypatch.setattr(f"aigc_cli.clean.dedup.{module}.BLOCK", 5)
    monkeypatch.setattr("aigc_cli.core.engine.TASK_UNITS", 256)  # other batches in the parts
    digests.append(plain.run(raw, here / "out3", *RULES, workers=1).manifest["digest"])
    assert len(set(digests)) == 1


def test_a_new_file_gives_what_a_run_from_nothing_gives(raw, here, plain):
    plain.run(raw, here / "out", *RULES)
    plain.write_documents(
        raw / "00.jsonl", plain.documents(1, 90)[20:50]
    )  # it comes first: what others have is a repeat now
    again = plain.run(raw, here / "out", *RULES)
    times = json.loads((here / "out" / "run.json").read_text())
    assert 0 < times["units_computed"] < times["units"]
    assert again.manifest["digest"] == plain.run(raw, here / "fresh", *RULES).manifest["digest"]
    assert not [
        row
        for name, row in plain.rows(here / "out").items()
        if name.startswith("1") and row["text"] in plain.documents(1, 90)[30:50]
    ]


def test_other_passage_rules_reuse_every_unit(raw, here, plain):
    plain.run(raw, here / "out", "length", "exact")
    plain.run(raw, here / "out", "length", {"paragraphs": {}}, "exact")
    assert json.loads((here / "out" / "run.json").read_text())["units_computed"] == 0
    fresh = plain.run(raw, here / "fresh", "length", {"paragraphs": {}}, "exact")
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


def test_killed_in_each_pass_a_run_continues_to_the_same_bytes(raw, here, plain):
    whole = plain.run(raw, here / "whole", *RULES).manifest
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


def test_a_worker_that_dies_while_texts_are_cut_changes_nothing(raw, here, monkeypatch, capsys, plain):
    whole = plain.run(raw, here / "whole", *RULES, workers=1).manifest["digest"]
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
    assert plain.run(raw, here / "out", *RULES, workers=2).manifest["digest"] == whole
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
