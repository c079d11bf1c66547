"""Options of `aigc report`."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt


@dataclass
class ReportOptions:
    """Report options."""

    examples: int = opt(8, "Texts, changes and samples shown of each kind.", min=0, max=500)
    title: str = opt("", "Title of the page; default: the names of the directories.")
