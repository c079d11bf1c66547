"""A pipeline on a toy folder with a stand-in for `aigc`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Pipeline:
    """A folder with raw files and recipes of its own, and both ways to run the chain in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        (folder / "raw/deep").mkdir(parents=True)
        (folder / "raw/a.txt").write_text("a")
        (folder / "raw/deep/b.txt").write_text("b")
        shutil.copytree(ROOT / "pipelines/recipes", folder / "recipes")
        mock = folder / "aigc"
        mock.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).parent / "mock_aigc.py"}" "$@"\n')
        mock.chmod(0o755)
        self.settings = {"OUT": "out", "RAW": "raw", "RECIPES": "recipes", "AIGC": str(mock)}

    def run(self, command: list[str], **environment: str) -> tuple[int, list[list[str]]]:
        """The exit status and the lines of the log that the command added: [stage, made or same, threads]."""
        self.log.write_text("")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "AIGC_"))}
        self.result = subprocess.run(
            command, cwd=self.folder, env={**inherited, "MOCK_LOG": str(self.log), **environment},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return self.result.returncode, [line.split() for line in self.log.read_text().splitlines()]

    def make(self, *flags: str, **environment: str) -> tuple[int, list[list[str]]]:
        settings = [f"{name}={value}" for name, value in self.settings.items()]
        return self.run(["make", "-f", str(ROOT / "pipelines/text.mk"), *settings, *flags], **environment)

    def shell(self, **environment: str) -> tuple[int, list[list[str]]]:
        return self.run(["bash", str(ROOT / "pipelines/text.sh")], **{**self.settings, **environment})

    def edit(self, name: str, text: str = "# changed\n") -> None:
        """Append to a file, and see to it that it is newer than all results."""
        path = self.folder / name
        with path.open("a") as file:
            file.write(text)
        self.later(path)

    def later(self, path: Path) -> None:
        newest = max(p.stat().st_mtime for p in self.folder.rglob("*"))
        os.utime(path, (newest + 1, newest + 1))
        for done in (self.folder / "out").rglob("*"):  # nothing else changes its place in time
            os.utime(done, (done.stat().st_mtime, done.stat().st_mtime))


@pytest.fixture
def pipeline(tmp_path):
    return Pipeline(tmp_path)
