"""Atomic writing, hashing, and the disk that fills up."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import AigcError

_CHUNK_BYTES = 1 << 20


def atomic_write(path: Path, data: bytes | str) -> None:
    """Write `path` so that it is either the old or the new content: temporary file, fsync, rename."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A name to write a file under; at the end of the block it is synced and becomes `path`, or goes on an error."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        try:
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    sync_directory(path.parent)


def remove_leftovers(directory: Path) -> None:
    """Removes what a process that was killed in `atomic_write` left below `directory`; nobody else may write there."""
    for path in Path(directory).rglob(".*.tmp"):
        path.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Make renames inside `path` durable, where the system allows it."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk under `path` into an AigcError with a remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise AigcError(
                f"the disk is full: {path}", "free some space and run the same command again: it continues"
            ) from error
        if error.errno == errno.EFBIG:
            fact = f"a file larger than the file system or a limit of this session allows: {path}"
            raise AigcError(fact, "choose another place with -o, or raise the limit: see ulimit -f") from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise AigcError(f"{path} cannot be written: {error.strerror}", "choose another place with -o") from error
        raise


def identity(path: Path | str) -> tuple[str, int, int]:
    """(absolute path, inode, time of change in ns): a key for caches that is another when `path` was made anew."""
    found = os.stat(path)
    return os.path.realpath(path), found.st_ino, found.st_mtime_ns


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def hash_text(text: str) -> str:
    """xxh128 of a text, 32 hex digits."""
    import xxhash

    return xxhash.xxh128_hexdigest(text.encode())


def hash_file(path: Path) -> str:
    """xxh128 of a file's bytes, 32 hex digits."""
    import xxhash

    digest = xxhash.xxh128()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
