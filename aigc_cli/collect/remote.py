"""Files behind URLs: listed, fetched side by side into a spool, read as local files are.

A run keeps in its journal what was fetched and what was read, so that a killed one does not ask again; a later run
takes over what a store says is unchanged. What failed is asked again by both.
"""

from __future__ import annotations

import contextlib
import queue
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aigc_cli.collect import remote_http, remote_store
from aigc_cli.collect.readers import CONTAINERS, READERS, kind_of
from aigc_cli.collect.records import Context
from aigc_cli.collect.remote_bounds import FetchError, Spool, discard, left
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.collect.sniff import sniff
from aigc_cli.collect.sources import Remote, Source
from aigc_cli.core.files import hash_text
from aigc_cli.core.urls import scheme_of, shown

CONTENT_DIGITS = 15  # of the content's hash: what fits the place of a date in nanoseconds
BACKOFF_S = 0.5  # before the first repetition; twice as long before each further one
_CONTENT_TYPES = {
    "application/gzip": ".gz", "application/json": ".json", "application/jsonl": ".jsonl",
    "application/vnd.apache.arrow.file": ".arrow", "application/vnd.apache.arrow.stream": ".arrow",
    "application/vnd.apache.parquet": ".parquet", "application/warc": ".warc", "application/x-gzip": ".gz",
    "application/x-jsonlines": ".jsonl", "application/x-ndjson": ".ndjson", "application/x-tar": ".tar",
    "application/xhtml+xml": ".xhtml", "application/zip": ".zip", "application/zstd": ".zst", "text/csv": ".csv",
    "text/html": ".html", "text/markdown": ".md", "text/plain": ".txt", "text/tab-separated-values": ".tsv",
}  # fmt: skip


def listed(url: str, context: Context, bounds: FetchOptions) -> list[Source]:
    """The files behind `url`, not yet fetched. An http URL is always one file; other stores are asked."""
    if scheme_of(url) not in ("http", "https"):
        return remote_store.listed(url, context, bounds)
    with contextlib.suppress(ValueError):
        return [Source("", shown(url), kind_of(unquote(urlsplit(url).path)) or "", 0, 0, Remote(url))]
    context.reject("invalid_url", shown(url))
    return []


def fetch(source: Source, path: Path, bounds: FetchOptions) -> Source:
    """`source` as the local file `path`, its date the hash of its content. Raises FetchError.

    What a repetition may mend is repeated, within the deadline of the file.
    """
    end = time.monotonic() + bounds.deadline_s
    for attempt in range(bounds.retries + 1):
        # Another name for each attempt: one that was given up may still write.
        temporary = path.with_name(f"{path.name}.{attempt}.tmp")
        spool = Spool(temporary, bounds.max_fetch_bytes)
        try:
            kind = _fetch_once(source, spool, bounds, end)
            digest = spool.close()
            temporary.replace(path)
            # The content stands for the date, as with standard input: equal files are known again.
            return replace(
                source, path=str(path), kind=kind, size=spool.size, mtime_ns=int(digest[:CONTENT_DIGITS], 16)
            )
        except FetchError as error:
            wait_s = max(error.wait_s, BACKOFF_S * 2**attempt)
            if not error.retry or attempt == bounds.retries or wait_s >= end - time.monotonic():
                raise
        finally:
            spool.close()
            discard(temporary)
        time.sleep(min(wait_s, left(end)))
    raise AssertionError("the last attempt returns or raises")


def _fetch_once(source: Source, spool: Spool, bounds: FetchOptions, end: float) -> str:
    """Fetch into `spool`; gives the kind of what came."""
    remote = source.remote
    assert remote is not None
    content_type = ""
    if remote.fs is None:
        answer = remote_http.get(remote.url, spool, bounds, end, decode=source.kind not in CONTAINERS)
        content_type = answer.content_type
    else:
        remote_store.get(remote, spool, bounds, end)
    told = _CONTENT_TYPES.get(content_type, "")
    return source.kind or (told if told in READERS else "") or sniff(spool.first)


def fetched(
    sources: Sequence[Source], directory: Path, bounds: FetchOptions
) -> Iterator[tuple[Source, Source | FetchError]]:
    """(source, the local file or why there is none) as they come, `connections` at a time."""
    todo: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Source | BaseException]] = queue.SimpleQueue()

    def work() -> None:
        while (index := todo.get()) is not None:
            try:
                done.put((index, fetch(sources[index], spool_path(directory, sources[index]), bounds)))
            except BaseException as error:
                done.put((index, error))

    # Daemons, and no executor: an interrupt must not wait for a server that stalls.
    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(bounds.connections, len(sources)))]
    for worker in workers:
        worker.start()
    started = 0
    try:
        for finished in range(len(sources)):
            while started < len(sources) and started - finished < 2 * len(workers):
                todo.put(started)
                started += 1
            index, outcome = done.get()
            if isinstance(outcome, BaseException) and not isinstance(outcome, FetchError):
                raise outcome
            yield sources[index], outcome
    finally:
        for _ in workers:
            todo.put(None)


def spool_path(directory: Path, source: Source) -> Path:
    """Where `source` is put; its label decides, so that a resumed run finds it."""
    return directory / hash_text(source.label)


def reject(context: Context, source: Source, error: FetchError) -> None:
    """Count a file that did not come."""
    context.reject(error.reason, f"{source.label} ({error.detail})" if error.detail else source.label)


@contextlib.contextmanager
def here(source: Source, context: Context, bounds: FetchOptions) -> Iterator[Source | None]:
    """`source` as a local file for as long as it is needed; None after counting why it did not come."""
    if source.remote is None:
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="aigc-fetch-") as directory:
        try:
            found: Source | None = fetch(source, Path(directory, "file"), bounds)
        except FetchError as error:
            reject(context, source, error)
            found = None
        yield found
