"""Sides of bench_sources: sources.py ours-warc|fastwarc FILE, sources.py ours-wiki|mwparserfromhell FILE."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from side_by_side import serve

SIDE, FILE = sys.argv[1:]


def ours() -> dict:
    context = Context(Settings())
    kind = kind_of(FILE)
    texts = [r.text for r in read_file(FILE, "a", kind, context.settings, context)]
    return {"documents": len(texts), "chars": sum(map(len, texts))}


def fastwarc() -> dict:
    documents = chars = 0
    for record in ArchiveIterator(FILE, WarcRecordType.response, auto_decode="all"):
        if record.http_headers.status_code != 200 or record.http_content_type != "text/html":
            continue
        data = record.reader.read()
        text = extract_plain_text(bytes_to_str(data, detect_encoding(data)), main_content=True, alt_texts=False)
        documents, chars = documents + 1, chars + len(text)
    return {"documents": documents, "chars": chars}


def mwparserfromhell_() -> dict:
    texts = [mwparserfromhell.parse(text).strip_code(normalize=True, collapse=True) for text in PAGES]
    return {"documents": len(texts), "chars": sum(map(len, texts))}


def ours_wiki() -> dict:
    converter = Converter("en")
    texts = [converter.plain_text(text) for text in PAGES]
    return {"documents": len(texts), "chars": sum(map(len, texts))}


if SIDE == "fastwarc":
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding
elif SIDE == "mwparserfromhell":
    import mwparserfromhell
elif SIDE == "ours-wiki":
    from aigc_cli.collect.wiki.wikitext import Converter
else:
    from aigc_cli.collect.dispatch import read_file
    from aigc_cli.collect.readers import html, kind_of, warc, wikipedia  # noqa: F401 - imports are not timed
    from aigc_cli.collect.records import Context, Settings

PAGES = json.loads(Path(FILE).read_text()) if "wiki" in SIDE or SIDE == "mwparserfromhell" else []
serve({"fastwarc": fastwarc, "mwparserfromhell": mwparserfromhell_, "ours-wiki": ours_wiki}.get(SIDE, ours))
