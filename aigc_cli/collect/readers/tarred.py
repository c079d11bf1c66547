"""tar, also compressed: every readable member, as a stream; nothing is unpacked to disk."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

from aigc_cli.collect.dispatch import read_archived
from aigc_cli.collect.readers.compressed import expanded
from aigc_cli.collect.records import Context, Record
from aigc_cli.collect.streams import BUFFER_BYTES, Budget, counted


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The records of all regular files, in the archive's order."""
    # A tar is read once, and a licence may stand behind what it covers: files have only what they say themselves.
    nowhere = context.licensed(lambda _: None)
    with nowhere, tarfile.open(fileobj=stream, mode="r|", bufsize=BUFFER_BYTES) as archive:
        for member in archive:
            archive.members.clear()  # type: ignore[attr-defined]  # a million headers need not be remembered
            if member.isdir():
                continue
            where = f"{label}!/{member.name}"
            # A sparse member claims any size without holding it; links and devices hold nothing.
            if not member.isreg() or member.issparse():
                context.skip("special", where)
                continue
            unlimited = Budget(1, limit=1 << 62)
            unlimited.container_bytes = 1 << 62  # the archive's own bytes were charged already
            yield from read_archived(_opener(archive, member, unlimited), member.name, where, context)


def read_gzipped(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The same for a gzipped archive."""
    yield from read(expanded(stream, ".gz", context), label, context)


def read_bzipped(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The same for .tar.bz2."""
    yield from read(expanded(stream, ".bz2", context), label, context)


def read_xz(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The same for .tar.xz."""
    yield from read(expanded(stream, ".xz", context), label, context)


def read_zstd(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The same for .tar.zst."""
    yield from read(expanded(stream, ".zst", context), label, context)


def _opener(archive: tarfile.TarFile, member: tarfile.TarInfo, budget: Budget) -> Callable[[], BinaryIO]:
    return lambda: counted(archive.extractfile(member), budget)
