"""Bad input through the command line: two lines or a counted rejection, never a traceback, never half a directory."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest

from aigc_cli.cli import main
from aigc_cli.core.manifest import read_manifest

TEXT = "The {0} garden of the old {0} harbor was quiet, and in the morning they went to it with a lantern. "
MODELS = ["generate", "eval", "export", "quantize", "report", "lineage"]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Raw files and one small model made of them."""
    root = tmp_path_factory.mktemp("bad")
    (root / "raw").mkdir()
    for n in range(40):
        (root / "raw" / f"{n:02d}.txt").write_text("".join(TEXT.format(f"w{n}x{i}") for i in range(8)))
    before = Path.cwd()
    os.chdir(root)
    try:
        assert main(["tokenize", "raw", "-o", "tokens", "--vocab-size", "420", "--length", "32", "-q"]) == 0
        assert (
            main(["train", "gpt", "--shards", "tokens", "-o", "teacher.pt", "--depth", "1", "--steps", "3", "-q"]) == 0
        )
    finally:
        os.chdir(before)
    return root


@pytest.fixture
def work(project, tmp_path, monkeypatch) -> Path:
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, code: int, *command: str) -> str:
    """Run a command that must end with `code`, two last lines and nothing half published; gives stderr."""
    capsys.readouterr()
    known = set(Path().iterdir())
    assert main(list(command)) == code, capsys.readouterr().err
    error = capsys.readouterr().err
    last = error.strip().splitlines()[-2:]
    assert last[0].startswith("error: ") and last[1].startswith("hint: "), error
    assert "Traceback" not in error
    for made in set(Path().iterdir()) - known:
        assert not made.is_dir() or made.name.endswith(".partial") or made.name.startswith("."), (
            f"half published: {made}"
        )
    return error


def test_an_empty_directory(work, capsys):
    Path("empty").mkdir()
    for command in (["collect", "empty", "-o", "x"], ["clean", "empty", "-o", "x"], ["tokenize", "empty", "-o", "x"]):
        refused(capsys, 3, *command)
    refused(capsys, 3, "train", "gpt", "--shards", "empty", "-o", "x")


def test_broken_files_are_counted_and_the_rest_is_kept(work, capsys):
    Path("raw/cut.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00truncated")
    Path("raw/cut.parquet").write_bytes(b"PAR1nothing")
    Path("raw/binary.txt").write_bytes(bytes(range(256)) * 50)
    Path("raw/long.jsonl").write_text(json.dumps({"text": "x" * 2_000_000}) + "\n" + json.dumps({"text": "short one"}))
    Path("raw/gbk.txt").write_bytes("春天的早上，老师带着学生去河边看花。".encode("gbk") * 20)
    with zipfile.ZipFile("raw/evil.zip", "w") as archive:
        archive.writestr("../../escaped.txt", "out")
        archive.writestr("good.txt", "inside and fine")
    with zipfile.ZipFile("raw/bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", b"a" * 80_000_000)
    command = ["collect", "raw", "-o", "out", "--max-document-bytes", "1000000"]
    assert main(command) == 0
    assert "Traceback" not in capsys.readouterr().err
    facts = read_manifest(Path("out"))["facts"]
    assert sum(facts["rejected"].values()) >= 6, facts["rejected"]
    assert read_manifest(Path("out"))["counts"]["documents"] >= 43
    assert not (work.parent / "escaped.txt").exists() and not (work.parent.parent / "escaped.txt").exists()


def test_a_corrupted_arrow_file(work, capsys):
    assert main(["collect", "raw", "-o", "docs", "-q"]) == 0
    file = next(Path("docs").glob("data-*.arrow"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    refused(capsys, 3, "clean", "docs", "-o", "x")
    refused(capsys, 3, "tokenize", "docs", "-o", "x")


@pytest.mark.parametrize("command", MODELS)
def test_a_malicious_pickle_is_not_executed(work, capsys, command):
    class Evil:
        def __reduce__(self):
            return os.mkdir, ("owned",)

    Path("evil.pt").write_bytes(pickle.dumps(Evil()))
    with zipfile.ZipFile("teacher.pt") as good, zipfile.ZipFile("inner.pt", "w") as bad:
        for info in good.infolist():
            bad.writestr(info, pickle.dumps(Evil()) if info.filename.endswith("data.pkl") else good.read(info))
    extra = {"generate": ["--prompt", "a"], "export": ["--to", "hf", "-o", "x"], "quantize": ["-o", "x"]}.get(
        command, []
    )
    refused(capsys, 3, command, "evil.pt", *extra)
    if command not in ("report", "lineage"):  # these two read the manifest alone
        refused(capsys, 3, command, "inner.pt", *extra)
    assert not Path("owned").exists()


def test_a_malicious_pickle_as_teacher(work, capsys):
    Path("evil.pt").write_bytes(pickle.dumps(print))
    Path("student.yaml").write_text("n_layer: 1\nsteps: 2\n")
    refused(capsys, 3, "distill", "evil.pt", "student.yaml", "-o", "x")


@pytest.mark.parametrize("stage", ["collect", "clean", "tokenize", "train"])
def test_a_full_disk_keeps_what_was_there(work, capsys, monkeypatch, stage):
    command = {
        "collect": ["collect", "raw", "-o", "out"],
        "clean": ["clean", "raw", "-o", "out", "--config", "whitespace.yaml"],
        "tokenize": ["tokenize", "raw", "-o", "out", "--vocab-size", "420"],
        "train": ["train", "gpt", "--shards", "tokens", "-o", "out", "--depth", "1", "--steps", "2"],
    }[stage]
    Path("whitespace.yaml").write_text("rules: [whitespace]\n")
    assert main([*command, "-q"]) == 0
    before = Path("out/manifest.json").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert "disk is full" in refused(capsys, 1, *command, "--force")
    assert Path("out/manifest.json").read_bytes() == before
    assert main([*command, "--force", "-q"]) == 0


@pytest.mark.parametrize(
    "command",
    [["collect", "raw"], ["clean", "raw"], ["tokenize", "raw"], ["train", "gpt", "--shards", "tokens"],
     ["export", "teacher", "--to", "onnx"], ["quantize", "teacher"], ["generate", "teacher", "--prompt", "a"]],
    ids=lambda c: c[0],
)  # fmt: skip
def test_foreign_outputs_are_left_alone(work, capsys, command):
    Path("mine").mkdir()
    Path("mine/precious").write_text("mine")
    refused(capsys, 2, *command, "-o", "mine")
    refused(capsys, 2, *command, "-o", "mine", "--force")
    assert Path("mine/precious").read_text() == "mine"
    refused(capsys, 2, *command, "-o", "raw/00.txt/below")


def test_recipes_options_and_sizes(work, capsys):
    Path("r.yaml").write_text("min_wrods: 3\n")
    assert "min_words" in refused(capsys, 2, "clean", "raw", "-o", "x", "--config", "r.yaml")
    Path("r.yaml").write_text("rules: [gofer_quality]\n")
    assert "gopher_quality" in refused(capsys, 2, "clean", "raw", "-o", "x", "--config", "r.yaml")
    assert "vocab" in refused(capsys, 2, "tokenize", "raw", "-o", "x", "--vocab-size", "60000")
    refused(capsys, 2, "train", "gpt", "--shards", "tokens", "-o", "x", "--steps", "3", "--minutes", "1")
    Path("student.yaml").write_text("n_layr: 1\n")
    assert "n_layer" in refused(capsys, 2, "distill", "teacher", "student.yaml", "-o", "x")


def test_a_prompt_longer_than_the_context(work, capsys):
    refused(capsys, 2, "generate", "teacher", "--prompt", "garden " * 400)
    Path("p.txt").write_text("garden " * 400 + "\nThe\n")
    assert main(["generate", "teacher", "--prompts", "p.txt", "--max-new-tokens", "3", "-o", "texts"]) == 0
    records = [json.loads(line) for line in Path("texts/generated.jsonl").read_text().splitlines()]
    assert "error" in records[0] and "text" in records[1]


def test_damaged_models(work, capsys):
    weights = Path("teacher/model.safetensors")
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    refused(capsys, 3, "generate", "teacher", "--prompt", "a")
    weights.write_bytes(whole)
    config = json.loads(Path("teacher/config.json").read_text())
    for change in ({"vocab_size": 10**12}, {"num_hidden_layers": 10**9}, {"hidden_size": "wide"}):
        Path("teacher/config.json").write_text(json.dumps({**config, **change}))
        refused(capsys, 3, "generate", "teacher", "--prompt", "a")
