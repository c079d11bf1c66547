"""From what the user names to a stable list of files."""

from __future__ import annotations

import functools
import glob
import os
import stat
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote

from aigc_cli.collect.code.languages import KINDS
from aigc_cli.collect.code.nearest import Licenses, first_bytes
from aigc_cli.collect.dispatch import SHARD
from aigc_cli.collect.readers import CONTAINERS, kind_of, picture_kind_of
from aigc_cli.collect.records import Context, matches
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.collect.wiki.dump import is_dump
from aigc_cli.core.errors import DataError
from aigc_cli.core.files import canonical_json, hash_text
from aigc_cli.core.manifest import MANIFEST, read_manifest
from aigc_cli.core.urls import is_url, scheme_of, shown

_MAGIC = "*?["
_LOCAL = ("file", "local")  # schemes of files that are here


@dataclass(frozen=True)
class Remote:
    """Where a file that is not here yet is: a URL with its secrets, or a path in an fsspec filesystem."""

    url: str = field(repr=False)
    mark: str = ""  # changes when the content does; "" where nothing tells so before it is fetched
    size: int | None = None
    fs: Any = field(default=None, repr=False)
    path: str = ""
    input: str = ""  # the URL that the user named, without secrets


@dataclass(frozen=True)
class Source:
    """One file to read. `label` is its root-relative posix path, or its URL without secrets, unique in a run.

    A file with `remote` has no path yet; its kind may be "", and its size 0, until it is fetched.
    """

    path: str
    label: str
    kind: str
    size: int
    mtime_ns: int
    remote: Remote | None = None
    license: str | None = None  # of the project that a source file lies in


@dataclass
class Listing:
    """Files in a stable order, and one identity for each named input."""

    files: list[Source] = field(default_factory=list)
    inputs: list[dict[str, object]] = field(default_factory=list)


def find(
    names: Sequence[str], context: Context, avoid: Iterable[Path] = (), fetching: FetchOptions | None = None
) -> Listing:
    """The files behind `names` (files, directories, globs, directories of shards, URLs of them), none under `avoid`.

    Inputs stay in the order given, files of one input in the order of their paths. Raises DataError for a name
    that is not there.
    """
    listing = Listing()
    avoided = {os.path.realpath(path) for path in avoid}
    labels: set[str] = set()
    real: set[str] = set()  # of local files the real paths, of others the URLs
    for name in names:
        if is_url(name) and scheme_of(name) not in _LOCAL:
            found = _remote(name, context, fetching or FetchOptions(), real, labels)
            listing.inputs.append({"url": shown(name)})
        else:
            name = _local(name) if is_url(name) else name
            found = _here(name, context, avoided, real, labels)
            listing.inputs.append(_identity(name, found))
        listing.files += found
    return listing


def _here(name: str, context: Context, avoided: set[str], real: set[str], labels: set[str]) -> list[Source]:
    """Local files behind one name; those that an earlier name has are counted."""
    found = []
    # Files before links to them: the same file a second time is the same document, not another one.
    for source in sorted(_Walk(context, avoided).input(name), key=lambda s: (os.path.islink(s.path), s.label)):
        path = _real(source.path)
        if path in real:
            context.skip("same_file", source.label)
            continue
        real.add(path)
        found.append(_unique(source, name, labels))
    return sorted(found, key=lambda s: s.label)


def _remote(url: str, context: Context, fetching: FetchOptions, known: set[str], labels: set[str]) -> list[Source]:
    """Files behind one URL; `known` holds where those of earlier ones are."""
    from aigc_cli.collect.remote import listed

    found = []
    for source in listed(url, context, fetching):
        assert source.remote is not None
        place = source.remote.url or source.label
        if place in known:
            context.skip("same_file", source.label)
            continue
        known.add(place)
        label, number = source.label, 2  # URLs that differ in a secret alone look the same
        while label in labels:
            label, number = f"{source.label}#{number}", number + 1
        labels.add(label)
        found.append(replace(source, label=label, remote=replace(source.remote, input=shown(url))))
    return found


def _local(url: str) -> str:
    """The path of a file:// URL; a glob stays one."""
    place = url.partition("://")[2]
    if scheme_of(url) == "local":
        return place
    host, slash, path = place.partition("/")
    if host not in ("", "localhost"):
        raise DataError(f"{url} is on another machine", "mount it, or use ssh:// or smb://")
    return unquote(slash + path)


def _real(path: str) -> str:
    """realpath, with the directory's part remembered: a folder of a million files asks it a million times."""
    if os.path.islink(path):
        return os.path.realpath(path)
    directory, name = os.path.split(path)
    return os.path.join(_real_directory(os.path.join(os.getcwd(), directory)), name)


@functools.lru_cache(maxsize=1024)
def _real_directory(path: str) -> str:
    return os.path.realpath(path)


def _unique(source: Source, name: str, labels: set[str]) -> Source:
    """`source` with its root's name, and then a number, before a label that an earlier input has."""
    label, number = source.label, 1
    root = PurePath(os.path.abspath(name)).name or "input"
    while label in labels:
        label = f"{root}/{source.label}" if number == 1 else f"{root}-{number}/{source.label}"
        number += 1
    labels.add(label)
    return replace(source, label=label)


def _identity(name: str, files: list[Source]) -> dict[str, object]:
    """What the fingerprint and the lineage know of one input: the listing of exactly the files that are read."""
    if os.path.isdir(name) and (manifest := read_manifest(Path(name))) is not None:
        return {"stage": manifest["stage"], "digest": manifest["digest"], "path": Path(name).as_posix()}
    if len(files) == 1 and files[0].path == name:
        return {"file": name, "bytes": files[0].size, "mtime_ns": files[0].mtime_ns}
    listing = [(f.label, f.kind, f.size, f.mtime_ns, *([f.license] if f.license else [])) for f in files]
    return {"directory": Path(name).as_posix(), "files": len(files), "listing": hash_text(canonical_json(listing))}


class _Walk:
    """One input's files."""

    def __init__(self, context: Context, avoided: set[str]) -> None:
        self._context, self._avoided = context, avoided
        self._settings, self._licenses = context.settings, Licenses()

    def input(self, name: str) -> list[Source]:
        """All files of one named input."""
        return [replace(s, license=self._licenses.near(s.label)) if s.kind in KINDS else s for s in self._named(name)]

    def _named(self, name: str) -> list[Source]:
        if os.path.isdir(name):
            return self._directory(name)
        if os.path.lexists(name):
            return self._file(name, os.path.basename(name), explicit=True)
        if any(c in name for c in _MAGIC):
            return self._glob(name)
        raise DataError(f"there is no file or directory {name}", "check the path")

    def _glob(self, pattern: str) -> list[Source]:
        parts = PurePath(pattern).parts
        fixed = next(i for i, part in enumerate(parts) if any(c in part for c in _MAGIC))
        root = str(PurePath(*parts[:fixed])) if fixed else "."
        found: list[Source] = []
        for path in sorted(glob.glob(pattern, recursive=True)):
            label = _label(os.path.relpath(path, root))
            if os.path.isdir(path):
                if not pattern.rstrip("/").endswith("**"):  # raw/* names the directories in raw as well
                    found += self._directory(path, prefix=label)
            else:
                found += self._file(path, label, explicit=True)
        if not found:
            raise DataError(f"nothing matches {pattern}", "check the pattern; quote it so that the shell leaves it")
        return list({source.label: source for source in found}.values())

    def _directory(self, root: str, prefix: str = "") -> list[Source]:
        """Files below `root`; links to directories are followed after the real ones, each directory once."""
        if _is_shards(root):
            return self._shards(root, prefix)
        found: list[Source] = []
        visited: set[tuple[int, int]] = set()
        todo, deferred = deque([(root, prefix)]), deque[tuple[str, str]]()
        while todo or deferred:
            directory, below = (todo or deferred).popleft()
            try:
                status = os.stat(directory)
                entries = sorted(os.scandir(directory), key=lambda e: e.name)
            except OSError as error:
                self._context.reject("unreadable", f"{below or _label(root)} ({error.strerror})")
                continue
            if (status.st_dev, status.st_ino) in visited:
                self._context.skip("symlink_loop", below)
                continue
            visited.add((status.st_dev, status.st_ino))
            for entry in entries:
                label = _label(f"{below}/{entry.name}" if below else entry.name)
                if entry.name.startswith("."):
                    self._context.skip("hidden", label)
                elif not os.path.isdir(entry.path):  # entry.is_dir() raises for a link to itself
                    self._licenses.note(label, functools.partial(first_bytes, entry.path))
                    found += self._file(entry.path, label)
                elif self._avoided and os.path.realpath(entry.path) in self._avoided:
                    continue
                elif _is_shards(entry.path) and not os.path.exists(os.path.join(entry.path, MANIFEST)):
                    found += self._shards(entry.path, label)
                elif _is_run(entry.path):
                    self._context.skip("output_of_aigc", label)
                else:
                    (deferred if entry.is_symlink() else todo).append((entry.path, label))
        return found

    def _shards(self, root: str, prefix: str) -> list[Source]:
        """The Arrow files of a directory that datasets or aigc wrote, all splits."""
        found: list[Source] = []
        for path in sorted(Path(root).rglob("*.arrow")):
            relative = path.relative_to(root)
            if relative.parts[0] not in ("parts", "cache", "rejected") and not path.name.startswith("cache-"):
                label = _label(f"{prefix}/{relative.as_posix()}" if prefix else relative.as_posix())
                found += self._file(str(path), label, kind=SHARD)
        return found

    def _file(self, path: str, label: str, *, explicit: bool = False, kind: str = "") -> list[Source]:
        """[the source], or [] after counting why not. A file named by itself is read whatever its suffix."""
        label, settings = _label(label), self._settings
        try:
            status = os.stat(path)
        except OSError as error:
            self._context.reject("unreadable", f"{label} ({error.strerror})")
            return []
        if not stat.S_ISREG(status.st_mode):
            self._context.skip("special", label)
            return []
        included = matches(label, settings.include)
        if settings.modality == "image":
            kind = kind or picture_kind_of(label) or ""
        else:
            kind = kind or kind_of(label) or (picture_kind_of(label) if settings.modality == "auto" else "") or ""
            if kind == ".xml" and not is_dump(path):
                kind = ""
            kind = kind or (".txt" if explicit or included else "")
        if not kind:
            self._context.skip("unsupported", label)
        elif matches(label, settings.exclude) or (settings.include and not included and kind not in CONTAINERS):
            self._context.skip("not_included", label)
        else:
            return [Source(path, label, kind, status.st_size, status.st_mtime_ns)]
        return []


def _label(path: str) -> str:
    """A relative path as posix text; bytes that are no UTF-8 become \\xNN."""
    return PurePath(path).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_shards(path: str) -> bool:
    return any(os.path.isfile(os.path.join(path, name)) for name in ("state.json", "dataset_dict.json"))


def _is_run(path: str) -> bool:
    """Whether aigc wrote this directory, finished or not: its JSON files are no input."""
    names = (MANIFEST, "run.json"), ("state.partial.json",)
    return any(all(os.path.isfile(os.path.join(path, n)) for n in group) for group in names)
