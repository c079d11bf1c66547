"""`aigc clean -`: documents from standard input to standard output, as JSON Lines."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from aigc_cli.clean.facts import summary
from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.recipe import Rule
from aigc_cli.collect.api import read_documents
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards

_ROWS = 1000
_BYTES = 8 << 20


def clean_stream(rules: list[Rule], options: CleanOptions, common: Common) -> Result:
    """Read standard input, clean, write one JSON object a line to stdout; the summary goes to stderr."""
    from aigc_cli.clean.api import clean_shards

    for flag, given in (("--json", common.json), ("--keep-rejected", options.keep_rejected)):
        if given:
            raise ConfigError(f"{flag} has no place where documents go to stdout", "give a directory with -o")
    with tempfile.TemporaryDirectory(prefix="aigc-clean-") as folder:
        count = _spool(Path(folder) / "docs")
        if not count:
            raise DataError("there is no document in standard input", 'pipe JSON Lines: {"text": "..."}, or plain text')
        result = clean_shards(Path(folder) / "docs", rules, options, replace(common, output=Path(folder) / "clean"))
        for batch in Shards.open(Path(folder) / "clean").batches():
            for row in batch.to_pylist():
                sys.stdout.write(json.dumps(_plain(row), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        for line in summary("-", result.manifest):
            console.say(line)
    return Result("clean", None, result.manifest)


def _spool(directory: Path) -> int:
    writer = ShardWriter(directory, DOCUMENT_SCHEMA)
    rows: list[dict[str, Any]] = []
    size = 0
    for row in read_documents(["-"]):
        rows.append(row)
        size += len(row["text"])
        if len(rows) >= _ROWS or size >= _BYTES:
            writer.write(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA))
            rows, size = [], 0
    if rows:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA))
    writer.close()
    return writer.rows


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row without nulls and statistics."""
    return {name: value for name, value in row.items() if value is not None and name != "stats"}
