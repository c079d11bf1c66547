"""Options that only one family has (stdlib only): one dataclass per family."""

from __future__ import annotations
