"""Drop near-duplicates, found by MinHash and verified by their true similarity. The work is done in clean/dedup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aigc_cli.core.options import opt

STATS = ()


@dataclass
class Options:
    """Near-duplicates."""

    threshold: float = opt(
        0.65, "Jaccard similarity of the sets of shingles from which two documents are duplicates.", min=0.05, max=1
    )
    ngram: int = opt(5, "Words of a shingle; characters in Chinese and Japanese.", min=1, max=64)
    bands: int = opt(25, "Bands of the signature: more find less similar pairs.", min=1, max=512)
    rows: int = opt(5, "Minima of a band: more find fewer pairs.", min=1, max=64)
    keep: Literal["first", "longest", "none"] = opt(
        "first", "Which document of a cluster stays; none: every document that is similar to another goes."
    )
