"""Documents as files of many kinds: JSON lines (plain, gzip, in a zip), CSV, web pages, text in UTF-8 and GBK."""

from __future__ import annotations

import csv
import gzip
import html
import io
import json
import zipfile
from collections.abc import Callable

from generator.corpus import Document

LICENSE = "CC0-1.0"
MENU = {
    "en": ["Home", "Collection", "Opening hours", "Contact"],
    "zh": ["首页", "馆藏", "开放时间", "联系我们"],
}
FOOTER = {
    "en": "All pages of this site are free to use. Last change: today.",
    "zh": "本站内容可自由使用。最后更新：今天。",
}


def json_lines(documents: list[Document]) -> bytes:
    """One object a line: id, text, lang, license."""
    rows = [{"id": d.id, "text": d.text, "lang": d.lang, "license": LICENSE} for d in documents]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def gzipped(documents: list[Document]) -> bytes:
    """JSON lines in gzip, without date and name."""
    return gzip.compress(json_lines(documents), mtime=0)


def zipped(documents: list[Document]) -> bytes:
    """A zip with one JSON lines file per genre; the date of the members is that of the format's beginning."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for genre in sorted({document.genre for document in documents}):
            member = zipfile.ZipInfo(f"{genre}.jsonl", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, json_lines([d for d in documents if d.genre == genre]))
    return buffer.getvalue()


def table(documents: list[Document]) -> bytes:
    """CSV with the columns id, lang, license, text; texts hold commas, quotes and line breaks."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["id", "lang", "license", "text"])
    writer.writerows([d.id, d.lang, LICENSE, d.text] for d in documents)
    return buffer.getvalue().encode()


def page(document: Document) -> bytes:
    """A web page: the document between a menu and a footer."""
    title, *paragraphs = [html.escape(part) for part in document.text.split("\n\n")]
    menu = "".join(f'<li><a href="/{i}">{name}</a></li>' for i, name in enumerate(MENU[document.lang]))
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"""<!doctype html>
<html lang="{document.lang}">
<head><meta charset="utf-8"><title>{title}</title>
<link rel="canonical" href="https://example.org/{document.lang}/{document.id}"></head>
<body>
<nav><ul>{menu}</ul></nav>
<main><article><h1>{title}</h1>
{body}
</article></main>
<script>document.title = document.title;</script>
<footer>{FOOTER[document.lang]}</footer>
</body>
</html>
""".encode()


def text_file(encoding: str) -> Callable[[Document], bytes]:
    """A writer of plain text in the encoding."""
    return lambda document: (document.text + "\n").encode(encoding)
