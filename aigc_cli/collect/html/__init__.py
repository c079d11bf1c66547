"""Web pages to text: `extract(markup, mode) -> Page(title, text, url, lang)`."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("extract", "Page"):
        from aigc_cli.collect.html import page

        return getattr(page, name)
    raise AttributeError(name)
