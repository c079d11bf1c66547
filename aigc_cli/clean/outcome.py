"""What a rule gives back for a batch of documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass
class Outcome:
    """New texts or reasons to drop, and what is worth remembering; each array has one entry a document.

    `text` holds only the texts that changed, by row; `reasons` is None for the documents that stay, and None as a
    whole when all stay; `stats` are numbers for the documents' `stats` column; `counts` are sums over the batch.
    """

    text: dict[int, str] = field(default_factory=dict)
    reasons: list[str | None] | None = None
    stats: dict[str, np.ndarray] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    languages: list[str] | None = None


def first_reasons(rows: int, checks: Iterable[tuple[str, np.ndarray]]) -> list[str | None] | None:
    """For each document the name of the first check whose mask is true; None when no mask is true anywhere."""
    reasons: list[str | None] = [None] * rows
    found = False
    for name, mask in checks:
        for row in mask.nonzero()[0].tolist():
            if reasons[row] is None:
                reasons[row], found = name, True
    return reasons if found else None


def with_texts(column: pa.Array, texts: Mapping[int, str]) -> pa.Array:
    """The large_string column with the texts of some rows replaced."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not texts:
        return column
    mask = np.zeros(len(column), dtype=bool)
    mask[list(texts)] = True
    new = pa.array([texts[row] for row in sorted(texts)], pa.large_string())
    return pc.replace_with_mask(column, pa.array(mask), new)
