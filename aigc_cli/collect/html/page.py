"""One web page: its title, its text, and what it says of its address and language."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from aigc_cli.collect.html import quality
from aigc_cli.collect.records import plain

Mode = Literal["main", "quality", "all"]
MAX_DEPTH = 500  # of <div> and <article>; pages written by people stay below 100
_BLOCK_TAG = re.compile("<(/?)(?:div|article)", re.IGNORECASE)


class Page(NamedTuple):
    """A page as read. `text` is without the title, and empty only where nothing is visible."""

    title: str
    text: str
    url: str | None
    lang: str | None

    def document(self) -> str:
        """The title, an empty line, the text; the title alone is no document."""
        if self.title and self.text and not self.text.startswith(self.title):
            return f"{self.title}\n\n{self.text}"
        return self.text


def extract(markup: str, mode: Mode = "main") -> Page:
    """The page in `markup`: its main text, the same by trafilatura (`quality`), or everything visible (`all`)."""
    tree = HTMLTree.parse(markup.replace("\0", ""))
    main = mode != "all" and not _too_deep(markup)
    if mode == "quality":
        text = quality.main_text(markup)
    else:
        text = extract_plain_text(tree, main_content=main, alt_texts=False).strip()
    if not text and main:
        text = extract_plain_text(tree, alt_texts=False).strip()
    root = _find(tree, "html")
    lang = root.getattr("lang") if root is not None else None
    return Page(" ".join((tree.title or "").split()), text, _url(tree), plain(lang))


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
