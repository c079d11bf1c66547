"""What a rule gives back for a batch of documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class Reasons:
    """Why documents go: `codes` is an index into `names` for each, -1 for those that stay."""

    def __init__(self, codes: np.ndarray, names: Sequence[str]) -> None:
        self.codes, self.names = codes, tuple(names)

    def tolist(self) -> list[str | None]:
        """The reason of each document, None for those that stay."""
        return [self.names[code] if code >= 0 else None for code in self.codes.tolist()]

    @classmethod
    def of(cls, listed: Iterable[str | None]) -> Reasons:
        """From the reason of each document."""
        import numpy as np

        names: dict[str, int] = {}
        codes = [-1 if name is None else names.setdefault(name, len(names)) for name in listed]
        return cls(np.array(codes, dtype=np.int64), list(names))


@dataclass
class Outcome:
    """New texts or reasons to drop, and what is worth remembering; each array has one entry a document.

    `text` holds only the texts that changed, by row; `reasons` is None when all documents stay; `stats` are numbers
    for the documents' `stats` column; `counts` are sums over the batch; `matched` names, by row, what a document was
    found to hold (of rules whose modules have MATCHES).
    """

    text: Mapping[int, str] | Changed = field(default_factory=dict)
    reasons: Reasons | None = None
    stats: dict[str, np.ndarray] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    languages: list[str] | None = None
    matched: Mapping[int, str] = field(default_factory=dict)


@dataclass
class Changed:
    """New texts as a whole column: `rows` is a mask of those that differ from before."""

    column: pa.Array
    rows: np.ndarray

    def __len__(self) -> int:
        return int(self.rows.sum())

    def __iter__(self) -> Iterator[int]:
        return iter(self.rows.nonzero()[0].tolist())

    def __getitem__(self, row: int) -> str:
        return self.column[row].as_py()


def first_reasons(rows: int, checks: Iterable[tuple[str, np.ndarray]]) -> Reasons | None:
    """For each document the name of the first check whose mask is true; None when no mask is true anywhere."""
    import numpy as np

    codes, names = np.full(rows, -1, dtype=np.int64), []
    for name, mask in checks:
        names.append(name)
        codes[mask & (codes < 0)] = len(names) - 1
    return Reasons(codes, names) if (codes >= 0).any() else None


def with_texts(column: pa.Array, texts: Mapping[int, str] | Changed) -> pa.Array:
    """The large_string column with the texts of some rows replaced."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(texts, Changed):
        return texts.column
    if not texts:
        return column
    mask = np.zeros(len(column), dtype=bool)
    mask[list(texts)] = True
    new = pa.array([texts[row] for row in sorted(texts)], pa.large_string())
    return pc.replace_with_mask(column, pa.array(mask), new)
