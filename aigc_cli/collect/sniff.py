"""What kind of data a stream without a name holds."""

from __future__ import annotations

import json

from aigc_cli.collect import encoding

_MAGIC = {
    b"\x1f\x8b": ".gz", b"PK\x03\x04": ".zip", b"PAR1": ".parquet", b"ARROW1": ".arrow",
    b"\x28\xb5\x2f\xfd": ".zst", b"BZh": ".bz2", b"\xfd7zXZ\0": ".xz", b"WARC/1.": ".warc",
    b"<mediawiki": ".xml",
}  # fmt: skip


def sniff(first: bytes) -> str:
    """The kind of a stream, as a suffix of the readers' table, from its first bytes.

    >>> sniff(b'{"text": "a"}'), sniff(b"Once upon a time"), sniff(b"<!DOCTYPE html><p>x")
    ('.jsonl', '.txt', '.html')
    """
    for magic, kind in _MAGIC.items():
        if first.startswith(magic):
            return kind
    try:
        text = encoding.decode(first)[0].lstrip()
    except encoding.UndecodableError:
        return ".txt"
    if text[:15].lower().startswith(("<!doctype html", "<html")):
        return ".html"
    if text.startswith("["):
        return ".json"
    if text.startswith("{"):
        line, newline, _ = text.partition("\n")
        try:
            json.loads(line)
        except ValueError:
            # The first line is longer than the head, or an object is spread over lines.
            return ".json" if newline else ".jsonl"
        return ".jsonl"
    return ".txt"
