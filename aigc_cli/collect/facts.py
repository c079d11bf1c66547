"""What collect tells about its documents: lengths, languages, licences, kinds of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_cli.collect.sources import Source

COLUMNS = {"languages": "lang", "licences": "license", "code_languages": "code_lang"}  # fact: column of documents
PICTURE_COLUMNS = {"licences": "license", "labels": "label", "modes": "mode", "formats": "format"}
UNSAID = ""  # of documents that declare none
NAMES = 40  # of a column that are told apart in the manifest; the rest is summed
HELD = 10_000  # of a column that are counted while rows stream by: bounds the memory, whatever a column holds
NAME_CHARS = 60
OTHERS = "(others)"


class Gatherer:
    """Counts over documents that stream by in order."""

    def __init__(self) -> None:
        self._lengths = np.zeros(64, np.int64)
        self._names: dict[str, Counter[str]] = {fact: Counter() for fact in COLUMNS}

    def see(self, batch: pa.RecordBatch) -> None:
        """One batch of DOCUMENT_SCHEMA."""
        if not batch.num_rows:
            return
        lengths = pc.utf8_length(batch.column("text")).to_numpy(zero_copy_only=False)
        self._lengths += np.bincount(np.frexp(lengths)[1] - 1, minlength=64)  # exact where log2 may round up
        for fact, column in COLUMNS.items():
            held = self._names[fact]
            for entry in pc.value_counts(batch.column(column)):
                name = (entry["values"].as_py() or UNSAID)[:NAME_CHARS]
                held[name if name in held or len(held) < HELD else OTHERS] += entry["counts"].as_py()

    def facts(self, files: Iterable[Source]) -> dict[str, Any]:
        """The manifest's facts; `files` are those that were named."""
        top = int(self._lengths.nonzero()[0].max(initial=0)) + 1
        counts = self._lengths[:top].tolist()
        return {
            "lengths": {"unit": "characters", "from": [2**k for k in range(top)], "after": counts},
            **{fact: few(numbers) for fact, numbers in self._names.items()},
            "kinds": _kinds(files),
        }


class PictureGatherer:
    """The same over pictures: sizes, kinds of pixels, formats, classes."""

    def __init__(self) -> None:
        self._sides = np.zeros(32, np.int64)
        self._names: dict[str, Counter[str]] = {fact: Counter() for fact in PICTURE_COLUMNS}

    def see(self, batch: pa.RecordBatch) -> None:
        """One batch of PICTURE_SCHEMA."""
        sides = [batch.column(name).to_numpy(zero_copy_only=False) for name in ("width", "height")]
        self._sides += np.bincount(np.frexp(np.minimum(*sides))[1] - 1, minlength=32)
        for fact, column in PICTURE_COLUMNS.items():
            for entry in pc.value_counts(batch.column(column)):
                name = (entry["values"].as_py() or UNSAID)[:NAME_CHARS]
                held = self._names[fact]
                held[name if name in held or len(held) < HELD else OTHERS] += entry["counts"].as_py()

    def facts(self, files: Iterable[Source]) -> dict[str, Any]:
        """The manifest's facts; `sides` counts the shorter side of pictures by powers of two."""
        top = int(self._sides.nonzero()[0].max(initial=0)) + 1
        return {
            "sides": {"unit": "pixels", "from": [2**k for k in range(top)], "after": self._sides[:top].tolist()},
            **{fact: few(numbers) for fact, numbers in self._names.items()},
            "kinds": _kinds(files),
        }


def few(numbers: Mapping[str, int], most: int = NAMES) -> dict[str, int]:
    """The largest numbers by name, the rest summed."""
    items = sorted(numbers.items(), key=lambda item: (item[0] == OTHERS, -item[1], item[0]))
    found = dict(items[:most])
    if rest := sum(n for _, n in items[most:]):
        found[OTHERS] = found.get(OTHERS, 0) + rest
    return found


def _kinds(files: Iterable[Source]) -> dict[str, dict[str, int]]:
    """{suffix: {"files", "bytes"}}; what is behind a URL has the kind that its name tells, and the size 0."""
    found: dict[str, dict[str, int]] = {}
    for file in files:
        entry = found.setdefault(file.kind or "url", {"files": 0, "bytes": 0})
        entry["files"] += 1
        entry["bytes"] += file.size if file.remote is None else 0
    return dict(sorted(found.items()))
