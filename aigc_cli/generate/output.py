"""Where texts go: stdout as text, stdout or a file as JSON lines."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from aigc_cli.core.errors import ConfigError
from aigc_cli.core.files import disk_errors, sync_directory

SEPARATOR = "---"  # between texts, where there are several


class TextSink:
    """Texts on stdout; `show` takes a text in pieces, `write` a whole record."""

    def __init__(self) -> None:
        self._first, self._pieces = True, False
        self._terminal = sys.stdout.isatty()

    def show(self, piece: str) -> None:
        """Part of the text that `write` will be given next."""
        self._separate()
        self._pieces = True
        sys.stdout.write(self._clean(piece))
        sys.stdout.flush()

    def write(self, record: dict[str, Any]) -> None:
        """One text, followed by a newline."""
        if "error" in record:
            return
        if not self._pieces:
            self._separate()
            sys.stdout.write(self._clean(record["text"]))
        sys.stdout.write("\n")
        sys.stdout.flush()
        self._pieces = False

    def _separate(self) -> None:
        if not self._first and not self._pieces:
            sys.stdout.write(SEPARATOR + "\n")
        self._first = False

    def _clean(self, text: str) -> str:
        """What a model writes must not control a terminal."""
        if not self._terminal:
            return text
        return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)

    def __enter__(self) -> TextSink:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def as_line(record: dict[str, Any]) -> bytes:
    """One JSON line; a lone surrogate is written as its JSON escape."""
    return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


class LineSink:
    """Records as JSON lines, on stdout or in a file that appears when all are written."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp") if path is not None else None
        if path is not None and path.is_dir():
            raise ConfigError(f"{path} is a directory", "give -o the name of a file, e.g. -o texts.jsonl")
        if path is not None and not path.parent.is_dir():
            raise ConfigError(f"there is no directory {path.parent}", "make it first")

    def __enter__(self) -> LineSink:
        self._file = sys.stdout.buffer if self._temporary is None else open(self._temporary, "wb")
        return self

    def write(self, record: dict[str, Any]) -> None:
        """One record as one line."""
        with disk_errors(self.path or Path("stdout")):
            self._file.write(as_line(record))
            if self._temporary is None:
                self._file.flush()

    def __exit__(self, kind: type[BaseException] | None, *_: TracebackType | BaseException | None) -> None:
        if self._temporary is None or self.path is None:
            return
        try:
            with disk_errors(self.path):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                if kind is None:
                    os.replace(self._temporary, self.path)
                    sync_directory(self.path.parent)
        finally:
            self._temporary.unlink(missing_ok=True)
