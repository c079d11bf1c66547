"""Drop documents whose text occurred before; case and whitespace do not count. The work is done in clean/dedup."""

from __future__ import annotations

from dataclasses import dataclass

STATS = ()


@dataclass
class Options:
    """Exact duplicates. There is nothing to set: the first of equal documents stays."""
