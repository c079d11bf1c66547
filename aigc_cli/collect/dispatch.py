"""Read one file or member: find its reader, turn whatever goes wrong into a counted reason."""

from __future__ import annotations

import csv
import importlib
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

from aigc_cli.collect.encoding import UndecodableError
from aigc_cli.collect.readers import CONTAINERS, PICTURES, READERS, kind_of, picture_kind_of
from aigc_cli.collect.records import MAX_DEPTH, Context, Record, Settings, matches
from aigc_cli.collect.streams import BUFFER_BYTES, Budget, ExpansionError

# A directory of text shards as input: rows keep the id and the provenance that they have.
SHARD = "shard"
_ARCHIVE_MODULES = frozenset({"zipfile", "tarfile", "gzip", "_compression"})
_SHARD_READER = "aigc_cli.collect.readers.arrow:read_shard"


def reader(kind: str) -> Callable[..., Iterator[Record]]:
    """The function behind a suffix of READERS (or "shard"), imported now."""
    place = _SHARD_READER if kind == SHARD else READERS.get(kind) or PICTURES[kind]
    module, _, name = place.partition(":")
    return cast(Callable[..., Iterator[Record]], getattr(importlib.import_module(module), name))


def read_file(
    path: str, label: str, kind: str, settings: Settings, context: Context, start: int = 0, end: int | None = None
) -> Iterator[Record]:
    """The records of one file; damage is counted under `label` and ends the file."""
    try:
        # O_NONBLOCK: a pipe that took the file's place since the listing must not hang the worker.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        context.reject("unreadable", f"{label} ({error.strerror})")
        return
    with io.BufferedReader(io.FileIO(handle), BUFFER_BYTES) as stream:
        size = os.fstat(handle).st_size
        if not size:
            context.reject("empty", label)
            return
        context.budget, context.path = Budget(size, settings.max_expanded_bytes), path
        if kind in CONTAINERS:
            context.all_members = not settings.include or matches(label, settings.include)
        ranged = {"start": start, "end": end} if end is not None else {}
        yield from guarded(reader(kind), cast(BinaryIO, stream), label, context, **ranged)


def read_member(stream: BinaryIO, name: str, label: str, context: Context) -> Iterator[Record]:
    """The records of a container's member called `name`."""
    kind = _member_kind(name, context)
    if kind is None:
        context.skip("unsupported", label)
    elif not (kind in CONTAINERS or context.wants(name)):
        context.skip("not_included", label)
    elif kind in CONTAINERS and context.depth >= MAX_DEPTH:
        context.reject("nested_too_deep", label)
    else:
        yield from guarded(reader(kind), stream, label, context)


def read_archived(open_member: Callable[[], BinaryIO], name: str, label: str, context: Context) -> Iterator[Record]:
    """`read_member` for an archive's member whose name is judged first; the name is never used as a path."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or ":" in parts[0] or "\0" in name:
        context.reject("unsafe_path", label)
    elif any(part.startswith(".") or part == "__MACOSX" for part in parts if part != "."):
        context.skip("hidden", label)
    elif _member_kind(name, context) is None:
        context.skip("unsupported", label)
    else:
        context.depth += 1
        try:
            yield from guarded(lambda *_: read_member(open_member(), name, label, context), None, label, context)
        finally:
            context.depth -= 1


def _member_kind(name: str, context: Context) -> str | None:
    """Kind of a member; one of an unknown kind that --include names is plain text."""
    if context.settings.modality == "image":
        return picture_kind_of(name)
    included = matches(name, context.settings.include)
    return kind_of(name) or (".txt" if included else None)


def guarded(
    read: Callable[..., Iterator[Record]], stream: BinaryIO | None, label: str, context: Context, **ranged: Any
) -> Iterator[Record]:
    """`read` with its errors counted; a container's limit is passed on, for it concerns all members."""
    try:
        yield from read(stream, label, context, **ranged)
    except ExpansionError:
        if context.depth:
            raise
        context.reject("expands_too_much", label)
    except Exception as error:
        found = reason(error)
        if found is None:
            raise
        context.reject(found, label)


def reason(error: Exception) -> str | None:
    """The name of a failure that bad input causes; None for anything else, which is a bug."""
    if isinstance(error, UndecodableError):
        return error.reason
    if isinstance(error, EOFError):
        return "truncated"
    if isinstance(error, zlib.error | zipfile.BadZipFile | tarfile.TarError | lzma.LZMAError):
        return "truncated" if "unexpected end" in str(error) else "corrupt"
    if isinstance(error, NotImplementedError):
        return "unsupported_compression"
    if isinstance(error, csv.Error | UnicodeDecodeError):  # UnicodeDecodeError: names of columns, damaged
        return "corrupt"
    if isinstance(error, MemoryError):
        return "too_long"
    if type(error).__module__.startswith("pyarrow"):
        return "corrupt"
    if isinstance(error, OSError):  # also gzip.BadGzipFile, and what Arrow raises for short files
        return "unreadable" if error.errno else "corrupt"
    # The standard library's archive readers also stumble over damage with IndexError, ValueError, struct.error ...
    return "corrupt" if _raised_in(error) in _ARCHIVE_MODULES else None


def _raised_in(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
