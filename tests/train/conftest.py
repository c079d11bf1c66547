"""The tiny training program, as functions and as a script."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

PROGRAM = Path(__file__).with_name("tiny_program.py")


@pytest.fixture(scope="session")
def tiny():
    """train_tiny, options and the rest of tiny_program.py, and its path."""
    return SimpleNamespace(program=PROGRAM, **runpy.run_path(str(PROGRAM), run_name="tiny"))
