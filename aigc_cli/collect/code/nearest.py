"""The licence of a directory's files: LICENSE and COPYING, or what the project's metadata say, there or above."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from aigc_cli.collect.licenses.spdx import normalize
from aigc_cli.collect.licenses.texts import in_file

MAX_BYTES = 256 * 1024  # of a licence or a metadata file
_PLAIN = re.compile(r"(?:licen[sc]e|copying|unlicense)(?:\.(?:txt|md|rst|markdown))?$")
_LESSER = re.compile(r"copying\.lesser(?:\.(?:txt|md))?$|copying\.lib$")
_NAMED = re.compile(r"licen[sc]e[-_.][a-z0-9.+-]{2,30}$|[a-z0-9.+]{2,20}[-_.]licen[sc]e(?:\.txt|\.md)?$")
_METADATA = ("package.json", "cargo.toml", "pyproject.toml")
_CODE = re.compile(r"\.(?:py|js|ts|go|rs|java|c|h|cpp|rb|php|html?|json|xml|sh|css)$")

Reader = Callable[[], bytes]


class Licenses:
    """Licences of the directories of one input; `near` looks upwards, `note` says what is where."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, Reader]] = {}
        self._known: dict[str, str | None] = {}

    def note(self, path: str, read: Reader) -> None:
        """Remember the file at `path` (root-relative, /) if it may tell a licence; `read` gives its first bytes."""
        directory, _, name = path.rpartition("/")
        name = name.lower()
        if name in _METADATA or (("licen" in name or "copying" in name) and _is_license(name)):
            self._files.setdefault(directory, {})[name] = read

    def near(self, path: str) -> str | None:
        """The licence for the file at `path`: its directory's, or the next one above that has any."""
        if not self._files:
            return None
        directory = path.rpartition("/")[0]
        if directory not in self._known:
            own = _of_directory(self._files[directory]) if directory in self._files else None
            self._known[directory] = own or (self.near(directory) if directory else None)
        return self._known[directory]


def first_bytes(path: str) -> bytes:
    """What `Licenses.note` wants of a file on disk."""
    with open(path, "rb") as file:
        return file.read(MAX_BYTES)


def _is_license(name: str) -> bool:
    return bool(_PLAIN.match(name) or _LESSER.match(name) or (_NAMED.match(name) and not _CODE.search(name)))


def _of_directory(files: Mapping[str, Reader]) -> str | None:
    """What the project itself declares as an expression comes first: texts do not say "or"."""
    for name in _METADATA:
        if name in files and (found := _declared(name, _read(files[name]))):
            return found
    texts = {name: in_file(_read(read)) for name, read in files.items() if name not in _METADATA}
    for pattern in (_LESSER, _PLAIN):
        if found := next((text for name, text in sorted(texts.items()) if text and pattern.match(name)), None):
            return found
    # LICENSE-MIT beside LICENSE-APACHE: the user's choice.
    choices = sorted({text for text in texts.values() if text})
    return normalize(" OR ".join(f"({c})" if " AND " in c else c for c in choices)) if choices else None


def _read(read: Reader) -> str:
    try:
        return read()[:MAX_BYTES].decode("utf-8", "replace")
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zlib.error, zipfile.BadZipFile):
        return ""  # the reader says what is wrong with it, where it is a document


def _declared(name: str, text: str) -> str | None:
    try:
        data: Any = json.loads(text) if name == "package.json" else tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    table = data if name == "package.json" else data.get("package" if name == "cargo.toml" else "project")
    value = table.get("license") if isinstance(table, dict) else None
    if isinstance(value, dict):  # {"type": "MIT"} of old packages, {text = "MIT"} of pyproject.toml
        value = value.get("type") or value.get("text")
    return normalize(value) if isinstance(value, str) else None
