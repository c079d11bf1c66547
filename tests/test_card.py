"""The lines that the toolkit promises, to the letter and with default budgets, in a directory of raw/ and a recipe."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES = """\
aigc clean raw/ -o shards/
aigc train gpt --shards shards/
aigc train gpt --shards shards/ -o teacher.pt
aigc distill teacher.pt student.yaml
aigc quantize runs/student --to int8
aigc generate --top-p 0.9
"""
LIMIT_S = 600


@pytest.mark.long
def test_the_card_works_to_the_letter(tmp_path):
    shutil.copytree(ROOT / "sample_data" / "text", tmp_path / "raw")
    env = {k: v for k, v in os.environ.items() if k not in ("AIGC_THREADS", "OMP_NUM_THREADS")}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    run = {"cwd": tmp_path, "env": env, "check": True, "stdin": subprocess.DEVNULL}
    subprocess.run(["aigc", "distill", "--init"], **run)
    started = time.monotonic()
    for line in LINES.splitlines():
        begun = time.monotonic()
        done = subprocess.run(line.split(), stdout=subprocess.PIPE, text=True, **run)
        print(f"{time.monotonic() - begun:6.1f} s  {line}")
    assert done.stdout.strip(), "generate wrote nothing"
    assert time.monotonic() - started < LIMIT_S
