"""From a result back to every raw file: the chain of manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import DataError
from aigc_cli.core.manifest import read_manifest


def walk(path: Path | str) -> list[dict[str, Any]]:
    """The run at `path` and all that it came from, nearest first, each once.

    Each entry: {"path", "stage", "depth", "digest", "manifest" (None when the directory is gone), "changed" (the
    directory now holds another result than the one that was used)}.
    """
    path = Path(path)
    manifest = read_manifest(path)
    if manifest is None:
        if not path.exists():
            raise DataError(f"there is no {path}", "name a directory or a .pt file that an aigc stage wrote")
        raise DataError(f"{path} has no manifest", "name a directory or a .pt file that an aigc stage wrote")
    found: list[dict[str, Any]] = []
    seen: set[str] = set()

    def visit(place: Path, expected: str, stage: str, depth: int) -> None:
        if expected in seen:
            return
        seen.add(expected)
        there = read_manifest(place)
        changed = there is not None and there["digest"] != expected
        found.append(
            {"path": str(place), "stage": stage, "depth": depth, "digest": expected, "changed": changed,
             "manifest": there}
        )  # fmt: skip
        if there is None or changed:
            return
        base = place.with_suffix("") if place.suffix == ".pt" else place
        for parent in there.get("parents", []):
            visit(_resolve(base, parent["path"]), parent["digest"], parent["stage"], depth + 1)

    visit(path, manifest["digest"], manifest["stage"], 0)
    return found


def _resolve(base: Path, relative: str) -> Path:
    """`relative` seen from the directory `base`, without going through links."""
    parts = list(base.absolute().parts)
    for step in Path(relative).parts:
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    absolute = Path(relative) if Path(relative).is_absolute() else Path(*parts)
    try:
        return absolute.relative_to(Path.cwd())
    except ValueError:
        return absolute


def parents(path: Path | str, stages: Iterable[str]) -> list[Path]:
    """Directories of the lineage of `path` that one of `stages` made and that still hold what was used."""
    wanted = set(stages)
    return [
        Path(e["path"]) for e in walk(path) if e["stage"] in wanted and e["manifest"] is not None and not e["changed"]
    ]


def newest(stages: Iterable[str], root: Path | str = ".", suits: Callable[[Path], bool] = lambda place: True) -> Path:
    """The most recently written run of `stages` that `suits`, in root/, root/runs/ (directories and .pt files).

    Raises DataError when there is none.
    """
    wanted = set(stages)
    root = Path(root)
    found: list[tuple[int, str, Path]] = []
    for folder in (root, root / "runs"):
        if not folder.is_dir():
            continue
        for place in folder.iterdir():
            mark = place / "manifest.json" if place.is_dir() else place
            if (
                place.name.endswith((".partial", ".old"))
                or not mark.is_file()
                or (mark == place and place.suffix != ".pt")
            ):
                continue
            manifest = read_manifest(place)
            if manifest is not None and manifest["stage"] in wanted:
                found.append((mark.stat().st_mtime_ns, str(place), place))
    for *_, place in sorted(found, reverse=True):
        if suits(place):
            return place
    raise DataError("there is no model here", "name one, or train one: aigc train gpt --shards shards/")
