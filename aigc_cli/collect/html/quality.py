"""The main text of a page by trafilatura, an optional package."""

from __future__ import annotations

from aigc_cli.core.errors import need


def main_text(markup: str) -> str:
    """The main text that trafilatura finds, tables included, comments not; "" where it finds none."""
    trafilatura = need("trafilatura", "quality")
    return trafilatura.extract(markup, favor_precision=True, include_tables=True, include_comments=False) or ""
