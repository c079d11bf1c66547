"""Drop documents that duplicate those of an index or of other cleaned shards. The work is done in clean/dedup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aigc_cli.core.options import opt

STATS = ()


@dataclass
class Options:
    """Duplicates of documents elsewhere; --against names the indexes."""

    threshold: float | None = opt(
        None, "Jaccard similarity from which two documents are duplicates; default: that of minhash.", min=0.05, max=1
    )
    keep: Literal["first", "longest", "none"] = opt(
        "first", "Which of the two stays: the indexed one, the longer one, or neither (see matches/)."
    )
