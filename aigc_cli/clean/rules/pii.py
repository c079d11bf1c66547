"""Replace personal data by placeholders: e-mail, phone, IP, ID, card and account numbers.

Checks, not shapes alone, decide: checksums of ID, card and account numbers, numbering plans of phones. IP addresses
that lead to no one (private, loopback, link-local, documentation ranges) stay unless `private_ips` is set.
"""

from __future__ import annotations

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

    column = batch.column("text")
    found = f.flags(column)
    total: Counter[str] = Counter()
    numbers: np.ndarray = np.zeros(batch.num_rows)
    texts = {}
    for row in (found & (f.AT | f.DIGITS | f.COLONS | f.QUAD)).nonzero()[0].tolist():
        text = column[row].as_py() or ""
        redacted, counts = redact(text, options, int(found[row]))
        if counts:
            texts[row] = redacted
            numbers[row] = sum(counts.values())
            total.update(counts)
    return Outcome(text=texts, stats={"pii": numbers}, counts={f"pii:{k}": v for k, v in total.items()})


def redact(text: str, options: Options | None = None, suspicion: int = -1) -> tuple[str, Counter[str]]:
    """(the text with placeholders, number of replacements by kind); `suspicion` are bits of kernels.flags.

    >>> redact("Write to ann@mail.org or call +1 650-253-0000.")
    ('Write to [EMAIL] or call [PHONE].', Counter({'email': 1, 'phone': 1}))
    """
    from aigc_cli.clean.personal import redact_text

    chosen = options or Options()
    return redact_text(text, chosen.kinds, chosen.regions, chosen.private_ips, suspicion)
