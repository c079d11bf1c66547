"""metrics.jsonl and samples.jsonl: one JSON object a line, cut back to the checkpoint on resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aigc_cli.core.files import atomic_write, disk_errors

METRICS = "metrics.jsonl"
SAMPLES = "samples.jsonl"


class Log:
    """An append-only file of records that carry a `step`.

    Keys that begin with `time_` differ between equal runs; all others do not.
    """

    def __init__(self, path: Path, first_step: int) -> None:
        self.path = path
        self.records = read_log(path) if first_step else []
        self.cut(first_step)

    def cut(self, step: int) -> None:
        """Takes back the records of later steps than `step`; of step 0 nothing is older than the run itself."""
        self.records = [record for record in self.records if record["step"] <= step]
        atomic_write(self.path, "".join(_line(record) for record in self.records))

    def append(self, record: dict[str, Any]) -> None:
        """Adds one record."""
        self.records.append(record)
        with disk_errors(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(record))


def read_log(path: Path) -> list[dict[str, Any]]:
    """The records of such a file; a last line cut by a kill is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            records.append(json.loads(line))
    return records


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
