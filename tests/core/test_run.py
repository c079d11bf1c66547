"""Run: published whole or not at all, resumed, up to date, never over foreign files."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_cli.core import files
from aigc_cli.core.errors import AigcError, ConfigError
from aigc_cli.core.manifest import read_manifest
from aigc_cli.core.options import Common
from aigc_cli.core.run import Run


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make(output="out", stage="clean", text="hello", inputs=(), **options) -> Run:
    with Run(output, stage=stage, version=1, options=options, inputs=inputs, default="clean") as run:
        if not run.up_to_date:
            (run.dir / "payload.txt").write_text(text)
            run.publish(counts={"documents": 1}, times={"speed": 3.0})
    return run


def test_published_whole_and_then_up_to_date():
    first = make(a=1)
    manifest = read_manifest(Path("out"))
    assert (
        sorted(p.name for p in Path("out").iterdir()) == ["journal.jsonl", "manifest.json", "payload.txt", "run.json"]
        or "payload.txt" in manifest["files"]
    )
    assert manifest["files"]["payload.txt"]["bytes"] == 5
    assert "speed" not in json.dumps(manifest)
    before = Path("out/manifest.json").stat().st_mtime_ns
    second = make(a=1, text="other")
    assert second.up_to_date and second.fingerprint == first.fingerprint
    assert Path("out/payload.txt").read_text() == "hello"
    assert Path("out/manifest.json").stat().st_mtime_ns >= before
    assert not list(Path().glob(".*.lock")) and not Path("out.partial").exists()


def test_equal_runs_have_equal_manifests():
    make("one", a=1)
    make("two", a=1)
    assert Path("one/manifest.json").read_bytes() == Path("two/manifest.json").read_bytes()


def test_changed_options_replace_the_directory():
    make(a=1)
    run = make(a=2, text="new")
    assert run.previous == Path("out")
    assert Path("out/payload.txt").read_text() == "new"
    assert not Path(".out.old").exists()


def test_without_output_a_changed_run_takes_the_next_name():
    assert make(None, a=1).path == Path("runs/clean")
    assert make(None, a=2).path == Path("runs/clean-2")
    assert make(None, a=1).path == Path("runs/clean")


def test_a_failure_leaves_the_old_result_and_the_partial():
    make(a=1)
    with pytest.raises(RuntimeError), Run("out", stage="clean", version=1, options={"a": 2}) as run:
        (run.dir / "half").write_text("x")
        run.journal.append({"n": 1})
        raise RuntimeError
    assert Path("out/payload.txt").exists()
    with Run("out", stage="clean", version=1, options={"a": 2}) as run:
        assert run.resumed and run.journal.entries == [{"n": 1}] and (run.dir / "half").exists()


def test_a_partial_with_other_options_is_refused_unless_forced():
    with pytest.raises(RuntimeError), Run("out", stage="clean", version=1, options={"a": 1}):
        raise RuntimeError
    with pytest.raises(ConfigError) as error, Run("out", stage="clean", version=1, options={"a": 2}):
        pass
    assert "--force" in error.value.hint and "a 1 -> 2" in error.value.message
    with Run("out", stage="clean", version=1, options={"a": 2}, common=Common(force=True)) as run:
        assert not run.resumed


def test_foreign_directories_and_other_stages_are_left_alone():
    Path("out").mkdir()
    Path("out/precious").write_text("mine")
    for force in (False, True):
        with pytest.raises(ConfigError), Run("out", stage="clean", version=1, options={}, common=Common(force=force)):
            pass
    assert Path("out/precious").read_text() == "mine"
    make("other", stage="collect")
    with pytest.raises(ConfigError, match="collect"):
        make("other", stage="clean")
    Path("file").write_text("x")
    with pytest.raises(ConfigError):
        make("file")
    for name in ("mine.partial", "mine.old"):
        Path(name).mkdir()
        Path(name, "precious").write_text("mine")
    for force in (False, True):
        with pytest.raises(ConfigError), Run("mine", stage="clean", version=1, options={}, common=Common(force=force)):
            pass
    assert Path("mine.partial/precious").exists() and Path("mine.old/precious").exists()


def test_a_publish_cut_in_two_is_repaired():
    make(a=1)
    os.rename("out", ".out.old")  # killed between the two renames
    assert make(a=1).up_to_date
    make(".out.old", a=3)  # killed before the old directory was deleted
    assert make(a=1).up_to_date and not Path(".out.old").exists()


def test_a_torn_journal_line_never_happened():
    with pytest.raises(RuntimeError), Run("out", stage="clean", version=1, options={}) as run:
        run.journal.append({"n": 1})
        raise RuntimeError
    with open("out.partial/journal.jsonl", "a") as file:
        file.write('{"n": 2')
    with Run("out", stage="clean", version=1, options={}) as run:
        assert run.journal.entries == [{"n": 1}]
        run.journal.append({"n": 3})
    assert Path("out.partial/journal.jsonl").read_text() == '{"n": 1}\n{"n": 3}\n'


def test_two_processes_do_not_write_one_output():
    with Run("out", stage="clean", version=1, options={}):
        code = "from aigc_cli.core.run import Run\nwith Run('out', stage='clean', version=1, options={}): pass"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "another aigc is writing" in done.stderr


def test_a_full_disk_publishes_nothing(monkeypatch):
    make(a=1)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(AigcError, match="disk is full") as error:
        with Run("out", stage="clean", version=1, options={}) as run:
            patch.setattr(files.os, "fsync", full)
            run.journal.append({"n": 1})
    assert "continues" in error.value.hint
    assert read_manifest(Path("out"))["options"] == {"a": 1}
    assert not Path("out.partial/manifest.json").exists()


def test_raw_inputs_enter_the_fingerprint():
    Path("raw").mkdir()
    Path("raw/a.txt").write_text("a")
    make(inputs=["raw"])
    assert make(inputs=["raw"]).up_to_date
    Path("raw/b.txt").write_text("b")
    assert make(inputs=["raw"], text="again").previous is not None


def test_a_moved_parent_keeps_children_up_to_date():
    make("parent")
    make("child", stage="tokenize", inputs=["parent"])
    os.rename("parent", "elsewhere")
    assert make("child", stage="tokenize", inputs=["elsewhere"]).up_to_date


def test_a_newer_format_is_refused():
    make(a=1)
    manifest = json.loads(Path("out/manifest.json").read_text())
    Path("out/manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(ConfigError, match="newer"):
        make(a=1)
    Path("out/manifest.json").write_text("{")
    with pytest.raises(AigcError, match="damaged"):
        make(a=1)


def test_the_same_work_under_another_name_is_copied_not_repeated():
    make("parent", stage="collect")
    make(None, a=1, inputs=["parent"])
    run = make("elsewhere/deep/out", a=1, text="never written", inputs=["parent"])
    assert run.up_to_date and Path("elsewhere/deep/out/payload.txt").read_text() == "hello"
    manifest = read_manifest(Path("elsewhere/deep/out"))
    assert manifest["parents"][0]["path"] == "../../../parent"
    assert manifest["digest"] == read_manifest(Path("runs/clean"))["digest"]
    assert make("third", a=2, text="other", inputs=["parent"]).manifest["options"] == {"a": 2}
    assert Path("third/payload.txt").read_text() == "other"


def test_a_copy_that_was_cut_short_is_made_again():
    make(None, a=1)
    Path(".out.copy").mkdir()
    Path(".out.copy/payload.txt").write_text("hel")
    make("out", a=1)
    assert Path("out/payload.txt").read_text() == "hello" and not Path(".out.copy").exists()


def test_a_kill_in_the_first_write_is_no_foreign_directory():
    Path("out.partial").mkdir()
    Path("out.partial/.state.partial.json.123.tmp").write_text("{")
    make()
    assert Path("out/payload.txt").exists() and not Path("out.partial").exists()


def test_what_a_kill_left_of_a_write_is_not_published(here):
    def work():
        return Run(here / "out", stage="train", version=1, options={}, inputs=[])

    with pytest.raises(RuntimeError), work() as run:
        (run.dir / "train").mkdir()
        (run.dir / "train/.state.json.4711.tmp").write_text("{")
        raise RuntimeError
    with work() as run:
        assert run.resumed
        (run.dir / "train/data").write_text("x")
        run.publish()
    assert [p.name for p in (here / "out/train").iterdir()] == ["data"]
