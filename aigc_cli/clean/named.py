"""Files that a recipe's options name: whether they are there, what a fingerprint holds of them, their lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import canonical_json, hash_file, hash_text, identity
from aigc_cli.core.manifest import read_manifest

MAX_LIST_BYTES = 2 << 30  # of a list, uncompressed: it is read into memory


def named_file(name: str, option: str = "the option") -> Path:
    """The file of that name. Raises ConfigError where there is none."""
    path = Path(name)
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "is not there"
        raise ConfigError(f"the file {path} {what}", f"correct the path in {option}, or leave it out")
    return path


def described(names: Sequence[str]) -> list[dict[str, str]]:
    """What a fingerprint holds of a list of files: their names and their content."""
    return [{"file": name, "xxh128": _digest(name)} for name in names]


def described_by_key(names: dict[str, Sequence[str]]) -> dict[str, list[dict[str, str]]]:
    """`described` for each list of a mapping."""
    return {key: described(listed) for key, listed in sorted(names.items())}


def content_of(name: str, what: str) -> dict[str, str]:
    """What a fingerprint holds of a `what` that is a run (its digest), a file or a directory (the content).

    Raises ConfigError where there is none.
    """
    path = Path(name)
    if not path.exists():
        raise ConfigError(f"there is no {what} {path}", "name a file or a directory that exists")
    try:
        manifest = read_manifest(path)
        if manifest is not None:
            return {"path": name, "digest": manifest["digest"]}
        if path.is_file():
            return {"path": name, "xxh128": hash_file(path)}
        files = sorted(p for p in path.rglob("*") if p.is_file())
        content = [(p.relative_to(path).as_posix(), hash_file(p)) for p in files]
    except OSError as error:
        raise unreadable(path, error) from error
    except DataError as error:
        raise ConfigError(str(error), error.hint) from error
    return {"path": name, "xxh128": hash_text(canonical_json(content))}


def _digest(name: str) -> str:
    path = named_file(name)
    try:
        return hash_file(path)
    except OSError as error:
        raise unreadable(path, error) from error


def read_list(name: str) -> bytes:
    """All bytes of a list, .gz unpacked, with line feeds as the ends of lines.

    Raises ConfigError for what is missing, damaged, too large or not UTF-8.
    """
    path = named_file(name)
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error
    if len(data) > MAX_LIST_BYTES:
        raise ConfigError(f"the list {path} holds more than {MAX_LIST_BYTES >> 30} GB", "split it, and name the parts")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        if not data.isascii():
            data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"the list {path} is no UTF-8 text (line {line})", "save it as UTF-8") from error
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def entries(name: str) -> list[str]:
    """The entries of a list: one a line, # begins a comment. Raises ConfigError as read_list does, and for none."""
    lines = (line.partition("#")[0].strip() for line in read_list(name).decode().splitlines())
    found = [line for line in lines if line]
    if not found:
        raise empty(name)
    return found


def empty(name: str) -> ConfigError:
    """The error for a list without entries."""
    return ConfigError(f"the list {name} is empty", "give one entry a line, or leave the file out")


def unreadable(path: Path, error: Exception) -> ConfigError:
    """The error for a file that is there and cannot be read."""
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ConfigError(f"{path} cannot be read: {why}", "check the file; if it is damaged, fetch or write it again")


def current(*names: str) -> tuple[tuple[str, int, int], ...]:
    """What identifies the files now, as a key of caches."""
    return tuple(identity(named_file(name)) for name in names)
