"""Every command in README and docs runs, in order, in a directory that holds only sample_data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def blocks(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


# The Chinese README has the same commands as the English one, which is asserted below: once is enough.
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p) and p != PAGES[1]], ids=lambda p: p.name)
def test_commands_run(page, tmp_path):
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
    script = "set -euo pipefail\n" + "\n".join(blocks(page))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_two_readmes_run_the_same_commands():
    assert blocks(PAGES[0]) == blocks(PAGES[1])
