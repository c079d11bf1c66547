"""gzip: the one file inside, read as its name without .gz says."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import BinaryIO

from aigc_cli.collect.dispatch import read_member
from aigc_cli.collect.records import Context, Record
from aigc_cli.collect.sniff import sniff
from aigc_cli.collect.streams import Budget, counted, head


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The records of the file inside; its label is that of the .gz file."""
    inner = counted(gzip.GzipFile(fileobj=stream), context.budget or Budget(1))
    context.depth += 1
    try:
        name = label[: -len(".gz")] if label.lower().endswith(".gz") else label + sniff(head(inner))
        yield from read_member(inner, name, label, context)
    finally:
        context.depth -= 1
