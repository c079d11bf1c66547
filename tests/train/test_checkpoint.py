"""Checkpoints: whole or not there, damage is seen, old ones go."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest
import torch

from aigc_cli.core.errors import AigcError, DataError
from aigc_cli.train import checkpoint


def save(folder, step, rollbacks=0):
    def write_bundle(directory):
        (directory / "config.json").write_text("{}")

    return checkpoint.save_checkpoint(folder, step, {"x": torch.full((100,), float(step))}, write_bundle, rollbacks)


def test_the_newest_comes_back_and_no_other_is_lost(tmp_path):
    assert checkpoint.load_checkpoint(tmp_path) is None
    for step in (0, 5, 9):
        save(tmp_path, step)
    state = checkpoint.load_checkpoint(tmp_path)
    assert state["step"] == 9 and float(state["x"][0]) == 9.0
    assert checkpoint.load_checkpoint(tmp_path, lambda step, rollbacks: step < 9)["step"] == 5
    checkpoint.retain(tmp_path, 1, lambda step: step == 0)
    assert [checkpoint.step_of(p) for p in checkpoint.checkpoints(tmp_path)] == [0, 9]


def cut(path):
    os.truncate(path / checkpoint.STATE, 50)


def flip(path):
    data = bytearray((path / checkpoint.STATE).read_bytes())
    data[len(data) // 2] ^= 1
    (path / checkpoint.STATE).write_bytes(data)


def unseal(path):
    (path / checkpoint.SEAL).unlink()


def forge(path):
    seal = path / checkpoint.SEAL
    seal.write_text(seal.read_text().replace('"rollbacks": 0', '"rollbacks": 1'))


def lose(path):
    (path / "config.json").unlink()


@pytest.mark.parametrize("damage", [cut, flip, unseal, forge, lose])
def test_a_damaged_one_is_told_and_the_one_before_is_taken(tmp_path, capsys, damage):
    save(tmp_path, 3)
    damage(save(tmp_path, 7))
    assert checkpoint.load_checkpoint(tmp_path)["step"] == 3
    error = capsys.readouterr().err
    assert "damaged checkpoint" in error and "step 3" in error
    assert [checkpoint.step_of(p) for p in checkpoint.checkpoints(tmp_path)] == [3]
    damage(tmp_path / checkpoint.FOLDER / "step-00000003")
    with pytest.raises(DataError, match="damaged checkpoint") as caught:
        checkpoint.load_checkpoint(tmp_path)
    assert "--force" in caught.value.hint


def test_a_disk_that_fills_leaves_nothing_half_written(tmp_path):
    """The limit is the system's own: a write past it fails in the middle of the file, as on a full disk."""
    program = (
        "import resource, signal, sys, torch; from pathlib import Path; from aigc_cli.train import checkpoint\n"
        "folder = Path(sys.argv[1]); checkpoint.save_checkpoint(folder, 1, {'x': torch.zeros(1000)}, lambda d: None)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "checkpoint.save_checkpoint(folder, 2, {'x': torch.zeros(1 << 20)}, lambda d: None)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1 and os.strerror(errno.EFBIG) in done.stderr
    assert [p.name for p in (tmp_path / checkpoint.FOLDER).iterdir()] == ["step-00000001"]
    assert checkpoint.load_checkpoint(tmp_path)["step"] == 1


def test_a_full_disk_is_two_lines(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint._HashingFile, "write", full)
    with pytest.raises(AigcError, match="full"):
        save(tmp_path, 1)
    assert not list((tmp_path / checkpoint.FOLDER).iterdir())
