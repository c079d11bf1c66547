"""What a fetch may cost, why one failed, and the file that takes its bytes."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import xxhash

from aigc_cli.collect.streams import HEAD_BYTES, RATIO, RATIO_FROM_BYTES
from aigc_cli.core.files import disk_errors

T = TypeVar("T")
MIN_BYTES_PER_S = 100  # a slower transfer is as good as none: one connection for hours


class FetchError(Exception):
    """Why a file did not come. `retry`: another attempt may succeed, after `wait_s` where the server says so."""

    def __init__(self, reason: str, detail: str = "", *, retry: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason, self.detail, self.retry, self.wait_s = reason, detail, retry, wait_s


class Spool:
    """A local file that takes what is fetched, hashed, never more than `limit` bytes."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path, self.limit = path, limit
        self.size, self.first = 0, b""
        self._digest = xxhash.xxh128()
        with disk_errors(path):
            self._file = open(path, "wb")  # noqa: SIM115 - closed by close()

    def write(self, piece: bytes) -> None:
        """Append; raises FetchError("too_large") beyond the limit, before anything is written."""
        self.size += len(piece)
        if self.size > self.limit:
            raise FetchError("too_large")
        if len(self.first) < HEAD_BYTES:
            self.first += piece[: HEAD_BYTES - len(self.first)]
        self._digest.update(piece)
        with disk_errors(self.path):
            self._file.write(piece)

    def close(self) -> str:
        """The xxh128 of all bytes; a thread that still writes gets an error."""
        with disk_errors(self.path):
            self._file.close()
        return self._digest.hexdigest()


class Inflated:
    """A Spool in front of which gzip or zlib data is expanded, within the bounds of a container."""

    def __init__(self, spool: Spool) -> None:
        self._spool, self._read = spool, 0
        self._inflate = zlib.decompressobj(32 + zlib.MAX_WBITS)

    def write(self, piece: bytes) -> None:
        """Expand and append; raises FetchError for damage and for what grows too much."""
        self._read += len(piece)
        while piece:
            if self._inflate.eof:  # gzip: another member
                self._inflate = zlib.decompressobj(32 + zlib.MAX_WBITS)
            try:
                self._spool.write(self._inflate.decompress(piece, HEAD_BYTES))
            except zlib.error as error:
                raise FetchError("corrupt") from error
            if self._spool.size > RATIO_FROM_BYTES and self._spool.size > RATIO * self._read:
                raise FetchError("expands_too_much")
            piece = self._inflate.unconsumed_tail or self._inflate.unused_data

    def finish(self) -> None:
        """Raises FetchError when the data ended early."""
        if self._read and not self._inflate.eof:
            raise FetchError("truncated", retry=True)


def left(end: float) -> float:
    """Seconds until the monotonic time `end`; raises FetchError("timed_out") when it is over."""
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise FetchError("timed_out")
    return seconds


def within(seconds: float, work: Callable[..., T], *arguments: Any) -> T:
    """work(*arguments), or FetchError("timed_out") after `seconds`: for calls that know no time-out of their own.

    The thread that does not end is left behind; it holds nothing but its connection.
    """
    return watched(seconds, seconds, lambda: 0, work, *arguments)


def watched(total_s: float, stall_s: float, progress: Callable[[], int], work: Callable[..., T], *arguments: Any) -> T:
    """work(*arguments) as long as `progress` grows by MIN_BYTES_PER_S in every `stall_s`, at most `total_s` seconds."""
    outcome: dict[str, Any] = {}
    over = threading.Event()

    def run() -> None:
        try:
            outcome["value"] = work(*arguments)
        except BaseException as error:
            outcome["error"] = error
        over.set()

    end = time.monotonic() + total_s
    threading.Thread(target=run, daemon=True).start()
    before = progress()
    while not over.wait(min(stall_s, max(end - time.monotonic(), 0.0))):
        now = progress()
        if time.monotonic() >= end or now - before < MIN_BYTES_PER_S * stall_s:
            raise FetchError("timed_out", retry=True)
        before = now
    if "error" in outcome:
        raise outcome["error"]
    value: T = outcome["value"]
    return value


def discard(path: Path) -> None:
    """Remove a spool file that may not be there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
