"""The generator's modules, importable, and all documents of sample_data/text read without the product's code."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
import sys
import zipfile
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[2] / "sample_data"


@pytest.fixture(scope="session")
def module():
    """Imports a module that stands under sample_data/."""
    sys.path.insert(0, str(SAMPLE))
    yield importlib.import_module
    sys.path.remove(str(SAMPLE))


@pytest.fixture(scope="session")
def rows():
    """All documents that have an id: dicts of id, text, lang, license."""
    found = []
    for path in sorted((SAMPLE / "text").rglob("*")):
        if path.suffix == ".jsonl":
            found += _lines(path.read_bytes())
        elif path.suffix == ".gz":
            found += _lines(gzip.decompress(path.read_bytes()))
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                found += [row for name in archive.namelist() for row in _lines(archive.read(name))]
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                found += list(csv.DictReader(file))
    return found


@pytest.fixture(scope="session")
def planted():
    return json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))


def _lines(data: bytes) -> list[dict[str, str]]:
    return [json.loads(line) for line in data.decode().splitlines()]
