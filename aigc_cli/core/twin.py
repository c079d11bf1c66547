"""The same work done before under another name: equal fingerprints mean equal bytes, so it is copied, not repeated."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aigc_cli.core.files import atomic_write
from aigc_cli.core.manifest import MANIFEST, SIDE_DIRECTORIES, read_manifest


def find_twin(base: Path, path: Path, fingerprint: str) -> Path | None:
    """A published run at `base`, base-2, base-3 ... that has this fingerprint and is not `path` itself."""
    for number in range(1, 1000):
        candidate = base if number == 1 else base.with_name(f"{base.name}-{number}")
        if not candidate.exists():
            return None
        if candidate.is_dir() and candidate.absolute() != path.absolute():
            manifest = read_manifest(candidate)
            if manifest is not None and manifest["fingerprint"] == fingerprint:
                return candidate
    return None


def copy_run(twin: Path, target: Path, parents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Copy the run at `twin` to `target` with its parents' paths as seen from there; gives the manifest.

    The manifest is written last, so that a copy which was cut short is no run.
    """
    manifest = read_manifest(twin)
    assert manifest is not None
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(twin, target, ignore=shutil.ignore_patterns(MANIFEST, "report.html", *SIDE_DIRECTORIES))
    manifest["parents"] = [dict(parent) for parent in parents if "digest" in parent]
    atomic_write(target / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    return manifest


def relocated(described: dict[str, Any], output: Path) -> dict[str, Any]:
    """The input's description with its path relative to the output, so that a project folder can be moved whole."""
    if "path" not in described:
        return described
    return {**described, "path": Path(os.path.relpath(described["path"], output)).as_posix()}
