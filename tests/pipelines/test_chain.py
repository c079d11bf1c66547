"""From raw files to a report with the real commands and tiny recipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAGES = {
    "raw": "collect", "clean": "clean", "tokens": "tokenize", "gpt": "train", "onnx": "export", "int8": "quantize",
    "student": "distill", "student-int8": "quantize", "texts": "generate", "eval": "eval",
    "kept": "filter", "corrected": "correct",
}  # fmt: skip


@pytest.mark.slow
def test_raw_files_become_a_model_and_its_texts(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for lang in ("en", "zh"):
        lines = (ROOT / "sample_data/text" / lang / "museum.jsonl").read_text(encoding="utf-8").splitlines()
        (raw / f"{lang}.jsonl").write_text("\n".join(lines[:30]) + "\n", encoding="utf-8")
    settings = [f"OUT={tmp_path}/out", f"RAW={raw}", f"RECIPES={ROOT}/pipelines/recipes/tiny"]
    command = ["make", "-f", str(ROOT / "pipelines/text.mk"), *settings, f"AIGC={sys.executable} -m aigc_cli"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")} | {"AIGC_THREADS": "1"}

    def run() -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run()
    out = tmp_path / "out"
    manifests = {name: json.loads((out / name / "manifest.json").read_text()) for name in STAGES}
    assert {name: manifest["stage"].split()[0] for name, manifest in manifests.items()} == STAGES
    texts = [json.loads(line) for line in (out / "corrected/corrected.jsonl").read_text().splitlines()]
    assert 1 <= len(texts) <= 4 and all(record["text"] for record in texts)
    assert (out / "report.html").read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    assert "Nothing to be done" in run()
