"""SIGKILL to a worker process in the middle of a stage: the stage ends with the same bytes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from aigc_cli.cli import main
from aigc_cli.core import engine, pool
from aigc_cli.core.journal import Journal
from aigc_cli.core.manifest import read_manifest

WORDS = ["river", "stone", "lantern", "morning", "quiet", "garden", "letter", "winter", "harbor", "silver", "window"]
COMMANDS = {
    "collect": ["collect", "raw"],
    "clean": ["clean", "docs"],
    "tokenize": ["tokenize", "docs", "--length", "64", "--tokenizer", "tokens/tokenizer"],
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Raw files, and each stage done once in one process."""
    root = tmp_path_factory.mktemp("project")
    (root / "raw").mkdir()
    chance = random.Random(3)
    for n in range(12):
        lines = [json.dumps({"text": f"The {n} and {d} of " + " ".join(chance.choices(WORDS, k=90)) + " to be with."})
                 for d in range(60)]  # fmt: skip
        (root / "raw" / f"{n:02d}.jsonl").write_text("\n".join(lines))
    before = Path.cwd()
    os.chdir(root)
    try:
        for command in (["collect", "raw", "-o", "docs"], ["tokenize", "docs", "-o", "tokens", "--vocab-size", "440"],
                        *([*command, "-o", f"{name}-whole"] for name, command in COMMANDS.items())):  # fmt: skip
            assert main([*command, "-q", "--workers", "1"]) == 0
    finally:
        os.chdir(before)
    return root


@pytest.fixture
def pools(project, monkeypatch) -> list:
    """The pools that are made from now on; small inputs are shared between workers, too."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(engine, "INLINE_BYTES", 0)
    made: list = []
    real = pool._pool

    def remember(workers):
        made.append(real(workers))
        return made[-1]

    monkeypatch.setattr(pool, "_pool", remember)
    return made


@pytest.mark.parametrize("stage", COMMANDS)
def test_a_stage_survives_the_death_of_a_worker(pools, stage, monkeypatch, capsys):
    append, killed = Journal.append, []

    def append_and_kill(self, entry):
        append(self, entry)
        if "map" in entry and not killed and pools:  # the first task is done, others are under way
            killed.append(next(iter(pools[-1]._processes)))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(Journal, "append", append_and_kill)
    assert main([*COMMANDS[stage], "-o", f"{stage}-killed", "-q", "--workers", "2"]) == 0
    assert killed and "a worker process was killed" in capsys.readouterr().err
    whole, found = read_manifest(Path(f"{stage}-whole")), read_manifest(Path(f"{stage}-killed"))
    assert whole is not None and found is not None
    assert whole["files"] == found["files"] and whole["digest"] == found["digest"]


def test_killed_twice_on_the_same_input_is_two_lines(pools, monkeypatch, capsys):
    """Every pool loses its worker as soon as it has work, as when one document needs more memory than there is."""
    submit = pool.ProcessPoolExecutor.submit

    def submit_and_kill(self, *arguments):
        future = submit(self, *arguments)
        with contextlib.suppress(ProcessLookupError):  # dead already
            os.kill(next(iter(self._processes)), signal.SIGKILL)
        return future

    with monkeypatch.context() as patched:
        patched.setattr(pool.ProcessPoolExecutor, "submit", submit_and_kill)
        assert main(["collect", "raw", "-o", "twice", "-q", "--workers", "2"]) == 3
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-2].startswith("error: a worker process was killed twice") and "--workers 1" in error[-1]
    assert not Path("twice").exists()
    assert main(["collect", "raw", "-o", "twice", "-q", "--workers", "1"]) == 0
    whole, found = read_manifest(Path("collect-whole")), read_manifest(Path("twice"))
    assert whole is not None and found is not None and whole["files"] == found["files"]


def slowly(number):
    time.sleep(0.01)
    return -number


def test_an_ordered_map_survives_the_death_of_a_worker(pools):
    found = pool.pool_map(slowly, range(40), workers=2)
    first = [next(found) for _ in range(3)]
    os.kill(next(iter(pools[-1]._processes)), signal.SIGKILL)
    assert first + list(found) == list(range(0, -40, -1))
    assert len(pools) > 1
