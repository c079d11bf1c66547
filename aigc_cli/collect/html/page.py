"""One web page: its title, its text, and what it says of its address and language."""

from __future__ import annotations

from typing import Literal, NamedTuple

from aigc_cli.collect.html import quality
from aigc_cli.collect.html.article import Tables, plain_text, text_of
from aigc_cli.collect.html.kernels.scan import P_CANONICAL, P_LANG, P_OG, P_TITLE
from aigc_cli.collect.records import plain
from aigc_cli.core.errors import DataError

Mode = Literal["main", "quality", "all"]
MAX_BYTES = 1 << 30  # places in a page are 32-bit numbers


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
    """The page in `markup`: its main text, the same by trafilatura (`quality`), or everything visible (`all`).

    >>> extract("<title>Tea</title><nav><a href=/>Home</a></nav><p>Pour, wait, drink: three minutes are enough.").text
    'Pour, wait, drink: three minutes are enough.'
    """
    data = markup.replace("\0", "").encode("utf-8", "replace")
    if len(data) > MAX_BYTES:
        raise DataError(f"a page of {len(data):,} bytes", f"pages may have {MAX_BYTES:,}")
    tables = Tables.of(data)
    title = " ".join(_fact(tables, P_TITLE).split())
    text = quality.main_text(markup) if mode == "quality" else ""
    text = text or text_of(tables, title, main=mode != "all")
    url = next((at for at in (_fact(tables, P_CANONICAL), _fact(tables, P_OG)) if at.startswith(_SCHEMES)), "")
    return Page(title, text, plain(url), plain(_fact(tables, P_LANG)))


_SCHEMES = ("http://", "https://")


def _fact(tables: Tables, field: int) -> str:
    """What stands in the page from one place to another; the second place is the field after the first."""
    return plain_text(tables.data[tables.facts[field] : tables.facts[field + 1]])
