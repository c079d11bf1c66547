"""Replace personal data by placeholders: e-mail, phone, IP, ID, card and account numbers.

Checks, not shapes alone, decide: checksums of ID, card and account numbers, numbering plans of phones. IP addresses
that lead to no one (private, loopback, link-local, documentation ranges) stay unless `private_ips` is set.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_cli.clean.outcome import Outcome
from aigc_cli.core.errors import did_you_mean
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

KINDS = ("email", "iban", "id", "card", "ip", "phone")
STATS = ("pii",)
_PLACEHOLDER = re.compile(r"\[(?:" + "|".join(kind.upper() for kind in KINDS) + r")\]")


@dataclass
class Options:
    """Personal data."""

    kinds: list[str] = opt(list(KINDS), "What to look for: " + ", ".join(KINDS) + ".")
    regions: list[str] = opt(
        ["US", "CN"], "Countries whose phone numbers are known without +country code, e.g. [US, GB]."
    )
    private_ips: bool = opt(False, "Also replace private, loopback and documentation addresses.")

    def __post_init__(self) -> None:
        """Kinds must be known."""
        for kind in self.kinds:
            if kind not in KINDS:
                raise ValueError(f"there is no kind '{kind}'; {did_you_mean(str(kind), KINDS)}")
        self.regions = [str(region).upper() for region in self.regions]


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Texts with placeholders, and how many of each kind were replaced."""
    import numpy as np

    from aigc_cli.clean.kernels import flags as f

    found = f.flags(batch.column("text"))
    total: Counter[str] = Counter()
    numbers: np.ndarray = np.zeros(batch.num_rows)
    texts = {}
    bits = f.AT | f.DIGITS | f.COLONS | f.QUAD
    for row in found.rows(bits):
        counts: Counter[str] = Counter()
        redacted = found.rewrite(row, bits, functools.partial(_redact_line, options, counts))
        if redacted is not None:
            texts[row] = redacted
            numbers[row] = sum(counts.values())
            total.update(counts)
    return Outcome(text=texts, stats={"pii": numbers}, counts={f"pii:{k}": v for k, v in total.items()})


def redact(text: str, options: Options | None = None) -> tuple[str, dict[str, int]]:
    """(the text with placeholders, number of replacements by kind).

    >>> redact("Write to ann@mail.org or call +1 650-253-0000.")
    ('Write to [EMAIL] or call [PHONE].', {'email': 1, 'phone': 1})
    """
    counts: Counter[str] = Counter()
    lines = [_redact_line(options or Options(), counts, line, -1) for line in text.split("\n")]
    return "\n".join(lines), dict(counts)


def masked(before: str, after: str) -> str:
    """`before` with what `after` has placeholders for as dots: an example that gives nothing away.

    >>> masked("Mail a@b.org now", "Mail [EMAIL] now")
    'Mail ••••••• now'
    """
    literals = _PLACEHOLDER.split(after)
    pieces, place = [], 0
    for number, literal in enumerate(literals):
        found = before.find(literal, place) if number + 1 < len(literals) else len(before) - len(literal)
        pieces += ["•" * max(found - place, 0), literal]
        place = max(found, place) + len(literal)
    return "".join(pieces)


def _redact_line(options: Options, counts: Counter[str], line: str, bits: int) -> str:
    from aigc_cli.clean.personal import redact_line

    return redact_line(line, options.kinds, options.regions, options.private_ips, bits, counts)
