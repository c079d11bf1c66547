"""Web pages: title and text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from aigc_cli.collect import encoding
from aigc_cli.collect.html.page import extract
from aigc_cli.collect.licenses.markup import declared
from aigc_cli.collect.readers.text import whole
from aigc_cli.collect.records import Context, Record


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The page as one document: its title, an empty line, its text. url and lang are what the page says."""
    data = whole(stream, label, context)
    if data is None:
        return
    markup, name = encoding.decode(data, encoding.declared_charset(data))
    context.read_as(name)
    page = extract(markup, context.settings.extract)
    lang = None if context.settings.lang else page.lang
    yield Record(page.document(), label, 0, url=page.url, license=declared(markup), lang=lang)
