"""The house: imports go one way, packages are light, files stay short, every stage's target exists."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import aigc_cli
from aigc_cli.cli import STAGES

ROOT = Path(aigc_cli.__file__).parent
ORDER = ["core", "models", "generate", "evaluate", "collect", "clean", "label", "tokenize", "train", "compress",
         "postprocess", "explain", "report", "lineage", "doctor", "serve"]  # fmt: skip
LONGEST_FILE = 300  # lines; the aim is 250


def imported(path: Path) -> set[str]:
    """Packages of this project that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
        found |= {n.split(".")[1] for n in names if n.startswith("aigc_cli.")}
    return found


FILES = sorted(p for p in ROOT.rglob("*.py") if len(p.relative_to(ROOT).parts) > 1)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_package_imports_only_what_stands_before_it(path):
    own = ORDER.index(path.relative_to(ROOT).parts[0])
    later = [name for name in imported(path) if name in ORDER and ORDER.index(name) > own]
    assert not later, f"imports {later}, which come after {ORDER[own]}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("package", [p for p in ORDER if (ROOT / p).is_dir()])
def test_a_package_init_defines_only_a_lazy_getattr(package):
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    assert defined <= {"__getattr__"} or package == "models"


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: s.name)
def test_every_target_exists(stage):
    module, attribute = stage.target.split(":")
    assert hasattr(importlib.import_module(module), attribute)
