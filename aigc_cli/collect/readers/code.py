"""Source code: one document a file, with its programming language and its licence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from aigc_cli.collect import encoding
from aigc_cli.collect.code.languages import SUFFIXES, code_kind, language
from aigc_cli.collect.code.origin import not_written, vendored
from aigc_cli.collect.licenses.texts import in_header
from aigc_cli.collect.readers.text import whole
from aigc_cli.collect.records import Context, Record

NO_LANGUAGE = "zxx"  # ISO 639-2: no linguistic content


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The file as it is; copies of other projects, generated and minified code are passed over and counted."""
    if vendored(label):
        context.skip("vendored", label)
        return
    data = whole(stream, label, context)
    if data is None:
        return
    text, encoded = encoding.decode(data)
    context.read_as(encoded)
    if reason := not_written(label, text):
        context.skip(reason, label)
        return
    name = label.lower().removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".zst")
    kind = code_kind(name) or ".txt"
    found = language(kind, text) if kind != ".txt" else None
    if found is None:
        context.skip("unsupported", label)
        return
    yield Record(text, label, 0, license=in_header(text) or _near(label, context), lang=NO_LANGUAGE, code_lang=found)


def read_notebook(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The cells of a Jupyter notebook in order, without outputs; code_lang is that of its kernel."""
    if vendored(label):
        context.skip("vendored", label)
        return
    data = whole(stream, label, context)
    if data is None:
        return
    try:
        book = json.loads(encoding.decode(data)[0])
    except (ValueError, RecursionError) as error:
        if isinstance(error, encoding.UndecodableError):
            raise
        context.reject("invalid_json", label)
        return
    cells = _cells(book)
    if cells is None:
        context.reject("no_cells", label)
        return
    text = "\n\n".join(cell for _, cell in cells)
    prose = any(kind == "markdown" for kind, _ in cells)
    yield Record(
        text, label, 0, license=in_header(text) or _near(label, context), lang=None if prose else NO_LANGUAGE,
        code_lang=_kernel_language(book),
    )  # fmt: skip


def _near(label: str, context: Context) -> str | None:
    if context.near is not None:
        return context.near(label.rpartition("!/")[2])
    return context.settings.inherited_license


def _cells(book: Any) -> list[tuple[str, str]] | None:
    """(kind, text) of the cells that hold text; None for what is no notebook."""
    if not isinstance(book, dict):
        return None
    cells = book.get("cells")
    if cells is None and isinstance(sheets := book.get("worksheets"), list):  # format 3
        cells = [c for sheet in sheets if isinstance(sheet, dict) for c in sheet.get("cells") or []]
    if not isinstance(cells, list):
        return None
    found = []
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", cell.get("input", ""))
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        if isinstance(source, str) and source.strip():
            found.append((str(cell.get("cell_type")), source.strip("\n")))
    return found


def _kernel_language(book: dict[str, Any]) -> str:
    metadata = book.get("metadata")
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        part = metadata.get(key) if isinstance(metadata, dict) else None
        value = part.get(name) if isinstance(part, dict) else None
        if isinstance(value, str) and value.strip():
            return value.strip().lower()[:40]
    return SUFFIXES[".ipynb"]
