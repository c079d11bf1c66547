"""Web pages: title and main text, through resiliparse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from aigc_cli.collect import encoding
from aigc_cli.collect.readers.text import whole
from aigc_cli.collect.records import Context, Record, plain

MAX_DEPTH = 500  # of <div> and <article>; pages written by people stay below 100
_BLOCK_TAG = re.compile("<(/?)(?:div|article)", re.IGNORECASE)


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The page as one document: its title, an empty line, its text. url and lang are what the page says."""
    data = whole(stream, label, context)
    if data is None:
        return
    markup, _ = encoding.decode(data, encoding.declared_charset(data))
    tree = HTMLTree.parse(markup.replace("\0", ""))
    main = context.settings.html == "main" and not _too_deep(markup)
    text = extract_plain_text(tree, main_content=main, alt_texts=False).strip()
    if not text and main:
        text = extract_plain_text(tree, alt_texts=False).strip()
    title = " ".join((tree.title or "").split())
    if title and text and not text.startswith(title):
        text = f"{title}\n\n{text}"
    root = _find(tree, "html")
    lang = root.getattr("lang") if root is not None else None
    yield Record(text, label, 0, url=_url(tree), lang=None if context.settings.lang else plain(lang))


def _too_deep(markup: str) -> bool:
    """Whether blocks are nested so deep that main-content extraction, quadratic in it, would take minutes."""
    if markup.count("<") < MAX_DEPTH:
        return False
    depth = 0
    for tag in _BLOCK_TAG.finditer(markup):
        depth = max(depth - 1, 0) if tag.group(1) else depth + 1
        if depth > MAX_DEPTH:
            return True
    return False


def _url(tree: HTMLTree) -> str | None:
    for selector, attribute in (("link[rel=canonical]", "href"), ("meta[property='og:url']", "content")):
        found = _find(tree, selector)
        if found is not None and (found.getattr(attribute) or "").startswith(("http://", "https://")):
            return plain(found.getattr(attribute))
    return None


def _find(tree: HTMLTree, selector: str) -> Any:
    return tree.document.query_selector(selector) if tree.document is not None else None
