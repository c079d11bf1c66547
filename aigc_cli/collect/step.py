"""The step of collect: one unit (a file, or a byte range of one) to record batches of documents."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import xxhash

from aigc_cli.collect import encoding
from aigc_cli.collect.dispatch import read_file
from aigc_cli.collect.licenses.spdx import identify
from aigc_cli.collect.licenses.wanted import refusal
from aigc_cli.collect.picture_step import batch_of, picture
from aigc_cli.collect.readers import ARCHIVES
from aigc_cli.collect.readers.pictures import partner_of
from aigc_cli.collect.records import Context, Record, Settings, without_surrogates
from aigc_cli.collect.sources import Source
from aigc_cli.collect.streams import HEAD_BYTES
from aigc_cli.core.engine import Unit
from aigc_cli.core.files import canonical_json, hash_text
from aigc_cli.core.shards import DOCUMENT_SCHEMA
from aigc_cli.core.urls import source_url

RANGE_BYTES = 32 << 20  # of a large file of lines: one unit, so that several workers share the file
FILE_BYTES = 16 << 10  # a small file costs as much as this many bytes more: opening, one batch, one entry
BATCH_ROWS = 1000
BATCH_BYTES = 8 << 20

Payload = tuple[str, str, str, int, int | None, Settings]


def units(files: Sequence[Source], settings: Settings, version: int) -> list[Unit]:
    """Units of work in file order; a large file of lines is several. Equal keys read equal bytes alike."""
    salt = [version, dataclasses.asdict(settings)]
    found = []
    for file in files:
        own = with_license(settings, file)
        for start, end in _ranges(file, settings):
            partner = partner_of(file.path) if "idx3" in file.label else None  # its labels are part of what is read
            own_salt = salt if partner is None else [*salt, os.stat(partner).st_size, os.stat(partner).st_mtime_ns]
            identity = [*own_salt, file.label, file.kind, file.size, file.mtime_ns, start, end, file.license]
            weight = (end if end is not None else file.size) - start + FILE_BYTES
            # Absolute: worker processes may have been started in another directory.
            payload: Payload = (os.path.join(os.getcwd(), file.path), file.label, file.kind, start, end, own)
            found.append(Unit(hash_text(canonical_json(identity)), payload, weight))
    return found


def with_license(settings: Settings, file: Source) -> Settings:
    """The settings for one file: with the licence of the project that it lies in."""
    return dataclasses.replace(settings, inherited_license=file.license) if file.license else settings


def _ranges(file: Source, settings: Settings) -> list[tuple[int, int | None]]:
    if file.kind in ARCHIVES and file.size > RANGE_BYTES:
        return [(start, min(start + RANGE_BYTES, file.size)) for start in range(0, file.size, RANGE_BYTES)]
    lines = file.kind in (".jsonl", ".ndjson") or (file.kind in (".txt", ".text") and settings.lines)
    if not lines or file.size <= RANGE_BYTES or _is_wide(file.path):
        return [(0, None)]
    starts = range(0, file.size, RANGE_BYTES)
    return [(start, min(start + RANGE_BYTES, file.size)) for start in starts]


def _is_wide(path: str) -> bool:
    """Whether newlines are more than one byte, so that byte ranges would not fall between lines."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
        return encoding.detect(head).startswith(("utf-16", "utf-32"))
    except (OSError, encoding.UndecodableError):
        return True  # the reader says what is wrong, once


def read_unit(payload: Payload) -> Iterator[tuple[pa.RecordBatch, dict[str, Any]]]:
    """(documents, counts) pairs of one unit; the last pair may hold counts only."""
    path, label, kind, start, end, settings = payload
    context = Context(settings)
    rows: list[dict[str, Any]] = []
    size = 0
    make: Any
    make, batch = (picture, batch_of) if settings.modality == "image" else (document, _batch_of)
    for record in read_file(path, label, kind, settings, context, start, end):
        row, text_bytes = make(record, context)
        if row is None:
            continue
        rows.append(row)
        size += text_bytes
        if len(rows) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield _counted(batch(rows), size, context)
            rows, size = [], 0
    yield _counted(batch(rows), size, context)


def document(record: Record, context: Context) -> tuple[dict[str, Any] | None, int]:
    """(the row of DOCUMENT_SCHEMA, bytes of its text); (None, 0) after counting why not.

    NUL characters are left out and lone surrogates become U+FFFD, both counted as repairs.
    """
    settings, text = context.settings, record.text
    if text is None or not text or text.isspace():
        context.reject("empty", f"{record.source}[{record.number}]" if record.number else record.source)
        return None, 0
    if "\0" in text:
        text = text.replace("\0", "")
        context.counts["repaired:nul_characters"] += 1
    try:
        data = text.encode()
    except UnicodeEncodeError:
        text = without_surrogates(text)
        data = text.encode()
        context.counts["repaired:lone_surrogates"] += 1
    if len(data) > settings.max_document_bytes:
        context.reject("too_long", f"{record.source}[{record.number}]")
        return None, 0
    license = identify(record.license) or identify(settings.license)
    if settings.licenses and (refused := refusal(license, settings.licenses)):
        context.reject(refused, f"{record.source}[{record.number}]" if record.number else record.source)
        return None, 0
    source = without_surrogates(record.source)
    return {
        "id": record.id or xxhash.xxh128_hexdigest(f"{source}\0{record.number}".encode()),
        "text": text, "source": source, "record": record.number, "source_id": record.source_id,
        "url": record.url or source_url(source), "license": license,
        "lang": record.lang or settings.lang, "hash": xxhash.xxh128_hexdigest(data),
        "code_lang": record.code_lang,
    }, len(data)  # fmt: skip


def _batch_of(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    columns = [
        pa.array([row[field.name] for row in rows], type=field.type, from_pandas=False) for field in DOCUMENT_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=DOCUMENT_SCHEMA)


def _counted(batch: pa.RecordBatch, size: int, context: Context) -> tuple[pa.RecordBatch, dict[str, Any]]:
    counts = context.drain()
    if batch.num_rows:
        counts |= {"documents": batch.num_rows, "bytes": size}
    return batch, counts
