"""kill -9 in every stage: the same command continues, and the payload is the same to the byte."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aigc_cli.core.manifest import read_manifest

AIGC = [sys.executable, "-m", "aigc_cli"]
WORDS = [
    "river",
    "stone",
    "lantern",
    "morning",
    "quiet",
    "garden",
    "letter",
    "winter",
    "harbor",
    "silver",
    "window",
    "market",
    "teacher",
    "bridge",
    "forest",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Raw files, and each stage done once without interruption."""
    root = tmp_path_factory.mktemp("project")
    raw = root / "raw"
    raw.mkdir()
    random.seed(3)
    for n in range(12):
        lines = []
        for d in range(60):
            words = [random.choice(WORDS) + random.choice(["", "s", "ed"]) for _ in range(90)]
            text = f"The {n} and {d} of " + " ".join(words) + " to be with that have the."
            lines.append(json.dumps({"text": text}))
        (raw / f"{n:02d}.jsonl").write_text("\n".join(lines))
    (root / "student.yaml").write_text("n_layer: 1\nsteps: 12\ncontrol: false\n")
    for name, command in STAGES.items():
        run_whole(root, [part.format(out=name) for part in command])
    return root


STAGES = {
    "collected": ["collect", "raw", "-o", "{out}"],
    "cleaned": ["clean", "collected", "-o", "{out}", "--no-dedup"],
    "tokens": ["tokenize", "cleaned", "-o", "{out}", "--vocab-size", "440", "--length", "64"],
    "teacher": [
        "train",
        "gpt",
        "--shards",
        "tokens",
        "-o",
        "{out}",
        "--depth",
        "2",
        "--steps",
        "25",
        "--checkpoint-s",
        "0.2",
    ],
    "student": ["distill", "teacher", "student.yaml", "-o", "{out}"],
    "onnx": ["export", "teacher", "--to", "onnx", "-o", "{out}"],
    "int8": ["quantize", "teacher", "--to", "int8", "-o", "{out}"],
    "generated": ["generate", "teacher", "--n", "6", "--batch-size", "2", "--max-new-tokens", "20", "-o", "{out}"],
    "filtered": ["postprocess", "filter", "generated", "-o", "{out}"],
    "corrected": ["postprocess", "correct", "generated", "-o", "{out}"],
}


def environment() -> dict[str, str]:
    return {**os.environ, "AIGC_THREADS": "1", "OMP_NUM_THREADS": "1"}


def run_whole(root: Path, command: list[str]) -> None:
    done = subprocess.run([*AIGC, *command], cwd=root, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def kill_at_random(root: Path, command: list[str], kill: int, spread_s: float) -> bool:
    """Start the command, send `kill` to its whole group somewhere in the first `spread_s`; True if it was hit."""
    process = subprocess.Popen(
        [*AIGC, *command], cwd=root, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(timeout=random.uniform(0.3, spread_s))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, kill)
        process.wait()
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_stage_ends_with_the_same_bytes(project, stage):
    random.seed(stage)
    target = f"killed-{stage}"
    command = [part.format(out=target) for part in STAGES[stage]]
    started = time.monotonic()
    for kill in (signal.SIGKILL, signal.SIGKILL, signal.SIGINT):
        kill_at_random(project, command, kill, spread_s=4.0)
        place = project / target
        assert not place.exists() or place.is_file() or read_manifest(place) is not None, "half published"
    run_whole(project, command)
    if (project / stage).is_file():
        assert (project / stage).read_bytes() == (project / target).read_bytes()
    else:
        whole, killed = read_manifest(project / stage), read_manifest(project / target)
        assert whole is not None and killed is not None
        assert {n: f for n, f in whole["files"].items() if n != "metrics.jsonl"} == {
            n: f for n, f in killed["files"].items() if n != "metrics.jsonl"
        }
        assert whole["digest"] == killed["digest"]
    assert time.monotonic() - started < 300
