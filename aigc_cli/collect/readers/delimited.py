"""CSV and TSV: the first row names the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from aigc_cli.collect import encoding
from aigc_cli.collect.records import TEXT_FIELDS, Context, Record, from_fields
from aigc_cli.collect.streams import LineDecoder, decoded, head, lines

_QUOTED_CELL = re.compile(rb'(?:^|\t)"[^\t\n]*"(?=\t|\r?\n|$)', re.MULTILINE)


def read_csv(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """Rows of a table whose cells are separated by commas, or by what its first line has more of: ; or tabs."""
    stream, name = decoded(stream)
    first = head(stream).split(b"\n", 1)[0]
    delimiter = max(",;\t|", key=lambda c: first.count(c.encode()))  # the first of equals: a comma
    yield from _rows(stream, name, label, context, delimiter, csv.QUOTE_MINIMAL)


def read_tsv(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """Rows of a table whose cells are separated by tabs; quotes are text unless whole cells are quoted."""
    stream, name = decoded(stream)
    quoting = csv.QUOTE_MINIMAL if _QUOTED_CELL.search(head(stream)) else csv.QUOTE_NONE
    yield from _rows(stream, name, label, context, "\t", quoting)


def _rows(stream: BinaryIO, name: str, label: str, context: Context, delimiter: str, quoting: int) -> Iterator[Record]:
    limit = context.settings.max_document_bytes
    csv.field_size_limit(limit)
    source = _Lines(stream, name, label, context)

    def table() -> Any:
        return csv.reader(source, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]

    rows, header, number = table(), None, 0
    while True:
        begin = source.line
        source.in_row = False
        try:
            row = next(rows, None)
        except csv.Error as error:
            context.reject("too_long" if "limit" in str(error) else "invalid_row", f"{label}:{begin + 1}")
            if source.line > begin + 1:
                source.leave_quotes()
            rows = table()  # the old one is in the middle of a cell
            continue
        if row is None:
            return
        if not row:
            continue
        if source.ended_in_row:  # all lines since are in one cell
            context.reject("unclosed_quote", f"{label}:{begin + 1}")
            return
        if header is None:
            header = [cell.strip() for cell in row]
            if not _usable(header, label, context):
                return
            continue
        where = f"{label}:{source.line}"
        if len(row) > len(header):
            context.reject("too_many_cells", where)
        elif record := from_fields(dict(zip(header, row, strict=False)), label, number, where, context):
            yield record
        number += 1


def _usable(header: list[str], label: str, context: Context) -> bool:
    """Whether exactly one column can be the text; counts the file as rejected otherwise."""
    wanted, several = context.settings.text_field, context.settings.fields
    if several is not None:
        found = [name for name in several or header if name in header]
        if not found:
            no_text_column(label, header, context)
        return bool(found)
    found = [name for name in ([wanted] if wanted else TEXT_FIELDS) if name in header]
    if not found:
        no_text_column(label, header, context)
    elif header.count(found[0]) > 1:
        context.reject("duplicate_text_field", f"{label} (column {found[0]})")
    else:
        return True
    return False


def no_text_column(label: str, columns: list[str], context: Context) -> None:
    """Count a table without a text column, naming the columns that it has."""
    context.reject("no_text_column", f"{label} (columns: {', '.join(columns)[:300]})")


class _Lines:
    """Lines for csv.reader; `line` is the number of the last one.

    Whoever asks for a row sets `in_row` to False; `ended_in_row` says that the lines ended before that row did.
    """

    def __init__(self, stream: BinaryIO, name: str, label: str, context: Context) -> None:
        self._lines = lines(stream, context.settings.max_document_bytes)
        self._decode = LineDecoder(name, context.read_as)
        self._label, self._context = label, context
        self.line = 0
        self.in_row = self.ended_in_row = False

    def leave_quotes(self) -> None:
        """Read on to the line on which the quoted cell, whose middle we are in, ends."""
        for line in self:
            if line.count('"') % 2:
                return

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while True:
            _, line = next(self._lines, (0, b""))
            if line == b"":
                self.ended_in_row = self.in_row
                raise StopIteration
            self.line += 1
            where = f"{self._label}:{self.line}"
            if line is None:
                self._context.reject("too_long", where)
                continue
            try:
                text = self._decode(line)
                self.in_row = True
                return text
            except encoding.UndecodableError as error:
                self._context.reject(error.reason, where)
