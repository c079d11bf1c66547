"""Which sentences and paragraphs clean removed most often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_cli.report.markup import Html, clip, details, h, join, table

TEXT_CHARS = 240


def repeated(found: Mapping[str, Mapping[str, Any]]) -> Html:
    """A fold for each rule that removed passages: the commonest, how often each went, and where the first one is."""
    made = []
    for rule, facts in found.items():
        rows = [
            [entry["times"], clip(str(entry["text"]), TEXT_CHARS), entry.get("source", "")] for entry in facts["common"]
        ]
        if rows:
            title = h("<b>{}</b> removed {} times: the commonest", rule, f"{facts['removed']:,}")
            made.append(details(title, table(["times", "text", "first in"], rows)))
    return join(made)
