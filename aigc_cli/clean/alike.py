"""What differs between two texts: before and after a change, or of a document that stayed and one that went for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

HELD_CHARS = 20_000  # of each document in which a difference is looked for: bounds the memory
SHOWN_CHARS = 80, 320  # of an excerpt: before the first difference, and from there on


@dataclass
class Pairs:
    """A document that stayed, and those that went for it, as they stream by in any order."""

    kept: str | None = None
    members: list[tuple[float, str, str, str]] = field(default_factory=list)  # similarity, id, source, text

    def member(self, batch: pa.RecordBatch, row: int, similarity: float) -> None:
        """Add a row that went."""
        names = [str(batch.column(name)[row].as_py()) for name in ("id", "source")]
        self.members.append((similarity, names[0], names[1], beginning(batch, row)))

    def nearest(self) -> dict[str, Any] | None:
        """{"id", "source", "similarity", "kept", "gone"}: excerpts around the first difference; None without one."""
        for similarity, name, source, text in sorted(self.members, key=lambda member: -member[0]):
            if self.kept is not None and text != self.kept:
                kept, gone = difference(self.kept, text, *SHOWN_CHARS)
                return {"id": name, "source": source, "similarity": round(similarity, 4), "kept": kept, "gone": gone}
        return None


def beginning(batch: pa.RecordBatch, row: int) -> str:
    """The part of a row's text that is compared."""
    text = batch.column("text")[row].as_py() or ""
    return str(text[:HELD_CHARS])


def difference(first: str, second: str, before: int = 40, behind: int = 80) -> tuple[str, str]:
    """The same stretch of two texts: so many characters before their first difference, so many from there on.

    >>> difference("a cafÃ© in town", "a café in town")
    ('a cafÃ© in town', 'a café in town')
    """
    shorter = min(len(first), len(second))
    place = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    start = max(0, place - before)
    return first[start : place + behind], second[start : place + behind]
