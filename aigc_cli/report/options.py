"""Options of `aigc report`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aigc_cli.core.options import opt


@dataclass
class ReportOptions:
    """Report options."""

    examples: int = opt(8, "Texts, changes and samples shown of each kind.", min=0, max=500)
    evals: list[Path] = opt([], "Results of `aigc eval -o FILE.json` to show as well; may be repeated.")
    title: str = opt("", "Title of the page; default: the names of the directories.")
