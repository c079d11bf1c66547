"""Options of `aigc lineage`."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt


@dataclass
class LineageOptions:
    """What to show."""

    files: bool = opt(False, "List every raw file, not only how many there are per licence.", affects_output=False)
