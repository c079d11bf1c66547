"""The journal of a run: finished pieces of work that a kill cannot take back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from aigc_cli.core.files import disk_errors


class Journal:
    """journal.jsonl: finished pieces of work, one JSON object a line, durable once `append` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        self._file: TextIO | None = None
        if path.exists():
            whole = 0
            with open(path, "rb") as file:
                for line in file:
                    # A kill in the middle of a write leaves a last line without its newline: it never happened.
                    if not line.endswith(b"\n"):
                        break
                    whole += len(line)
                    self.entries.append(json.loads(line))
            os.truncate(path, whole)

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add one entry and wait until it is on disk."""
        with disk_errors(self.path):
            if self._file is None:
                self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 - closed by close()
            self._file.write(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        self.entries.append(dict(entry))

    def close(self) -> None:
        """Close the file; entries stay readable."""
        if self._file is not None:
            self._file.close()
            self._file = None
