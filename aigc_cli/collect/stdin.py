"""Standard input as a file: spooled to disk, so that workers can share it and equal content is known again."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import xxhash

from aigc_cli.collect.sniff import sniff
from aigc_cli.collect.sources import Source
from aigc_cli.collect.streams import BUFFER_BYTES, HEAD_BYTES
from aigc_cli.core.errors import DataError
from aigc_cli.core.files import disk_errors

LABEL = "stdin"


@contextlib.contextmanager
def spooled(stream: BinaryIO | None = None) -> Iterator[tuple[Source, dict[str, object]]]:
    """(the source, its identity for the fingerprint) while a temporary file holds what stdin gave.

    JSON Lines and web pages are told from the first bytes; anything else is plain text.
    """
    source = stream or sys.stdin.buffer
    if stream is None and sys.stdin.isatty():
        raise DataError("nothing is piped into standard input", "pipe data: cat file.jsonl | aigc collect - -o docs")
    handle, path = tempfile.mkstemp(prefix="aigc-stdin-")
    try:
        digest, size, first = xxhash.xxh128(), 0, b""
        with disk_errors(tempfile.gettempdir()), os.fdopen(handle, "wb") as file:  # type: ignore[arg-type]
            while piece := source.read(BUFFER_BYTES):
                if len(first) < HEAD_BYTES:
                    first += piece[:HEAD_BYTES]
                digest.update(piece)
                file.write(piece)
                size += len(piece)
        kind = sniff(first)
        # Size and content stand for the date: the same pipe gives the same fingerprint.
        mark = int(digest.hexdigest()[:15], 16)
        yield Source(path, LABEL, kind, size, mark), {"text": LABEL, "bytes": size, "xxh128": digest.hexdigest()}
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
