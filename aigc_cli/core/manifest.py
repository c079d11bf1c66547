"""manifest.json: what a run made, from what; and the fingerprint that says whether it must be made again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import canonical_json, hash_file, hash_text

FORMAT = 1  # of manifests; a newer one is refused
MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 256 << 20
KEYS = {"format": int, "stage": str, "digest": str, "fingerprint": str, "options": dict, "counts": dict, "facts": dict,
        "files": dict, "parents": list, "raw": list}  # fmt: skip
REMEDY = "make that directory again"
# What a directory may hold beside the payload: facts of one run that differ between equal runs, caches, reports.
SIDE_FILES = frozenset({MANIFEST, "run.json", "journal.jsonl", "state.partial.json", "report.html"})
SIDE_DIRECTORIES = frozenset({"cache", "parts", "checkpoints"})


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of a run directory or of a packed .pt file; None when `path` is neither.

    Raises DataError when it is damaged, ConfigError when a newer aigc wrote it.
    """
    path = Path(path)
    try:
        if path.is_dir():
            file = path / MANIFEST
            if not file.is_file():
                return None
            if file.stat().st_size > _MAX_MANIFEST_BYTES:
                raise DataError(f"{file} is too large to be a manifest", "delete the directory and make it again")
            text = file.read_text(encoding="utf-8")
        elif path.is_file() and path.suffix == ".pt":
            found = _packed_manifest(path)
            if found is None:
                return None
            text = found
        else:
            return None
        manifest = json.loads(text)
    except (ValueError, RecursionError, NotImplementedError, zipfile.BadZipFile, OSError) as error:
        raise DataError(f"the manifest of {path} is damaged: {error}", REMEDY) from error
    if not isinstance(manifest, dict) or "stage" not in manifest:
        return None
    wrong = _wrong_key(manifest)
    if wrong:
        raise DataError(f"the manifest of {path} is damaged: '{wrong}' is missing or of another type", REMEDY)
    if manifest["format"] > FORMAT:
        raise ConfigError(f"{path} was written by a newer aigc (format {manifest['format']})", "upgrade aigc")
    return manifest


def _wrong_key(manifest: Mapping[str, Any]) -> str:
    """The first key that all stages count on and that is not what it should be; "" when all are."""
    for key, kind in KEYS.items():
        if type(manifest.get(key)) is not kind:
            return key
    for parent in manifest["parents"]:
        if not isinstance(parent, dict) or not all(isinstance(parent.get(k), str) for k in ("path", "digest", "stage")):
            return "parents"
    return "" if all(isinstance(entry, dict) for entry in manifest["raw"]) else "raw"


def _packed_manifest(path: Path) -> str | None:
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.split("/")[-1] == MANIFEST and info.file_size <= _MAX_MANIFEST_BYTES:
                return archive.read(info).decode()
    return None


def describe_input(path: Path | str | Mapping[str, Any]) -> dict[str, Any]:
    """What identifies one input: a run by its digest, a raw file by path, size and mtime, a literal by its text."""
    if isinstance(path, Mapping):
        return dict(path)
    path = Path(path)
    manifest = read_manifest(path)
    if manifest is not None:
        return {"stage": manifest["stage"], "digest": manifest["digest"], "path": path.as_posix()}
    if path.is_dir():
        files = [p for p in sorted(path.rglob("*")) if p.is_file()]
        listing = [(p.relative_to(path).as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
        return {"directory": path.as_posix(), "files": len(files), "listing": hash_text(canonical_json(listing))}
    try:
        stat = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the path") from error
    return {"file": path.as_posix(), "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def fingerprint(stage: str, version: int, options: Mapping[str, Any], inputs: Iterable[Mapping[str, Any]]) -> str:
    """32 hex digits that change when the work to do changes; where a run directory lies does not matter."""
    identities = [{k: v for k, v in i.items() if k != "path"} if "digest" in i else i for i in inputs]
    return hash_text(canonical_json([stage, version, dict(options), identities]))


def payload_files(directory: Path) -> list[Path]:
    """The files that make the result, sorted, relative to `directory`."""
    found = []
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if path.is_file() and relative.parts[0] not in SIDE_DIRECTORIES and relative.as_posix() not in SIDE_FILES:
            found.append(relative)
    return found


def build_manifest(
    directory: Path,
    *,
    stage: str,
    version: int,
    mark: str,
    options: Mapping[str, Any],
    inputs: list[dict[str, Any]],
    counts: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The manifest of the payload in `directory`. `digest` covers what was made, not when or where."""
    files = {
        p.as_posix(): {"bytes": (directory / p).stat().st_size, "xxh128": hash_file(directory / p)}
        for p in payload_files(directory)
    }
    made = {"format": FORMAT, "stage": stage, "stage_version": version, "options": dict(options),
            "seed": options.get("seed", 0), "counts": dict(counts), "facts": dict(facts)}  # fmt: skip
    stable = {name: entry for name, entry in files.items() if name not in VARYING_FILES}
    return {
        **made,
        "fingerprint": mark,
        "digest": hash_text(canonical_json([made, stable])),
        "files": files,
        "parents": [i for i in inputs if "digest" in i],
        "raw": [i for i in inputs if "digest" not in i],
    }


# Payload files whose time_* values differ between equal runs; they do not enter the digest.
VARYING_FILES = frozenset({"metrics.jsonl"})


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The options that differ, as "lr 0.1 -> 0.2, ...", at most three."""
    keys = [k for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
    shown = ", ".join(f"{k} {_short(old.get(k))} -> {_short(new.get(k))}" for k in keys[:3])
    return shown + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."
