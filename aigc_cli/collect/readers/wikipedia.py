"""MediaWiki dumps (pages-articles.xml, also .bz2): one document an article, as plain text under its title."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from aigc_cli.collect.records import Context, Record
from aigc_cli.collect.streams import Budget, head, seekable
from aigc_cli.collect.wiki import dump
from aigc_cli.collect.wiki.wikitext import Converter


def read(stream: BinaryIO, label: str, context: Context, start: int = 0, end: int | None = None) -> Iterator[Record]:
    """The articles whose pages begin in [start, end) of a dump that is not compressed, numbered by their page ids."""
    if end is None:  # perhaps a stream that cannot go back
        site = dump.site(head(stream))
    else:
        site = dump.site(stream.read(dump.HEAD_BYTES))
        stream.seek(0)
    yield from _articles(site, dump.plain(stream, start), label, context, end)


def read_bzip2(
    stream: BinaryIO, label: str, context: Context, start: int = 0, end: int | None = None
) -> Iterator[Record]:
    """The articles that begin in bzip2 streams that begin in [start, end); a multistream dump has many."""
    stream = seekable(stream)
    budget = context.budget or Budget(1)
    site = dump.site(dump.bzipped(stream, budget).read())
    yield from _articles(site, dump.bzipped(stream, budget, start), label, context, end)


def _articles(
    site: dump.Site | None, source: dump.Source, label: str, context: Context, end: int | None
) -> Iterator[Record]:
    if site is None:
        if source.read() or not source.problem:
            context.skip("unsupported", label)
        else:
            context.reject(source.problem, label)
        return
    converter = Converter(site.lang, site.namespaces)
    lang = None if context.settings.lang else site.lang
    for place, data in dump.pages(source, context.settings.max_document_bytes, end):
        if isinstance(data, str):
            context.reject(data, f"{label}[{place}]")
            source.problem = None
            continue
        try:
            page = dump.parse(data)
        except dump.InvalidPageError:
            context.reject("invalid_xml", f"{label}[{place}]")
            continue
        if isinstance(page, str):
            context.skip(page, f"{label}[{place}]")
            continue
        text = converter.plain_text(page.text, page.title)
        yield Record(
            f"{page.title}\n\n{text}" if text else "", label, page.number, source_id=str(page.number),
            url=site.url(page.title), license=site.license, lang=lang,
        )  # fmt: skip
    if source.problem:
        context.reject(source.problem, label)
