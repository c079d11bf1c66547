"""Options of collect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aigc_cli.core.options import opt


@dataclass
class CollectOptions:
    """What to read, and how."""

    modality: Literal["auto", "text", "image"] = opt(
        "auto", "What the documents are; auto: pictures where there are pictures and no text."
    )
    text_field: str | None = opt(
        None, "Field or column that holds the text; a.b reaches into objects. Default: text, content or body."
    )
    include: list[str] = opt([], "Only files whose path matches this pattern, e.g. '*.html'; may be repeated.")
    exclude: list[str] = opt([], "No files whose path matches this pattern; may be repeated.")
    license: str | None = opt(None, "Licence of documents that name none themselves, e.g. CC-BY-4.0.")
    licenses: list[str] = opt(
        [], "Only documents under these SPDX licences, e.g. MIT,Apache-2.0,CC-BY-*, or permissive; may be repeated."
    )
    lang: str | None = opt(None, "Language of documents that name none themselves, e.g. en or zh.")
    lines: bool = opt(False, "Each line of a plain text file is one document.")
    extract: Literal["main", "quality", "all"] = opt(
        "main", "Text of web pages: the main content, the same by trafilatura (slower), or all that is visible."
    )
    max_document_bytes: int = opt(32 << 20, "Longer records are rejected, unread.", unit="bytes", min=1)
    max_pixels: int = opt(64 << 20, "Larger pictures are rejected, undecoded.", unit="pixels", min=1)
    max_expanded_bytes: int | None = opt(
        None, "Most that a container may expand to. Default: 4 GiB, or 32 times its size if that is more.",
        unit="bytes", min=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """A name in --licenses that is no licence is an error."""
        if self.licenses:
            from aigc_cli.collect.licenses.wanted import patterns

            patterns(self.licenses)
