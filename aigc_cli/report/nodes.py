"""The runs that a report is about: their manifests, logs and texts, from the raw files to the result."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import DataError
from aigc_cli.core.lineage import walk

ORDER = ("collect", "clean", "label", "tokenize", "train", "distill", "prune", "quantize", "export", "eval", "generate",
         "filter", "correct", "attention")  # fmt: skip
MOST_LINE_BYTES = 4 << 20  # a longer line of a log is not shown


@dataclass
class Node:
    """One run of the lineage. `manifest` is {} when its directory is gone; `roots` are the runs it leads to."""

    path: Path
    stage: str
    digest: str
    manifest: dict[str, Any]
    changed: bool = False
    roots: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """A short name: the directory as it was given."""
        return self.path.as_posix()

    @property
    def facts(self) -> dict[str, Any]:
        """What the stage found out."""
        return dict(self.manifest.get("facts", {}))

    @property
    def counts(self) -> dict[str, Any]:
        """What the stage counted."""
        return dict(self.manifest.get("counts", {}))

    @property
    def options(self) -> dict[str, Any]:
        """The resolved options of the run."""
        return dict(self.manifest.get("options", {}))

    @cached_property
    def directory(self) -> Path:
        """Where the payload lies; a packed model's lies beside it, if anywhere."""
        return self.path.with_suffix("") if self.path.suffix == ".pt" else self.path

    @cached_property
    def run(self) -> dict[str, Any]:
        """run.json: times, machine and command; {} when there is none."""
        try:
            loaded = json.loads((self.directory / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return loaded if isinstance(loaded, dict) else {}

    def log(self, name: str, most: int | None = None) -> list[dict[str, Any]]:
        """The records of a JSONL file of the run, at most `most`; [] when it is not there."""
        return list(islice(self._records(self.directory / name), most))

    def _records(self, path: Path) -> Iterator[dict[str, Any]]:
        if self.changed or not path.is_file():
            return
        with open(path, "rb") as file:
            for line in file:
                if len(line) > MOST_LINE_BYTES:
                    continue
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise DataError(f"{path} is damaged: {error}", "make that run again with --force") from error
                if isinstance(record, dict):
                    yield record


def gather(paths: Sequence[Path]) -> list[Node]:
    """Every run behind `paths`, each once, in pipeline order. Raises DataError for a path without manifest."""
    nodes: dict[str, Node] = {}
    depths: dict[str, int] = {}
    for root, path in enumerate(paths):
        for entry in walk(path):
            digest = entry["digest"]
            manifest = {} if entry["changed"] else entry["manifest"] or {}
            node = nodes.setdefault(
                digest, Node(Path(entry["path"]), entry["stage"], digest, manifest, entry["changed"])
            )
            node.roots.append(root)
            depths[digest] = max(depths.get(digest, 0), entry["depth"])
    order = {stage: i for i, stage in enumerate(ORDER)}
    return sorted(nodes.values(), key=lambda n: (order.get(n.stage, len(ORDER)), -depths[n.digest], n.name))
