"""mC4's look at paragraphs, with datatrove's decisions and reason.

Source: datatrove 0.10.0's C4ParagraphFilter, whose behaviour the tests compare. It has no options.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.outcome import Outcome, first_reasons

_MIN, _LENGTH = 3, 200
REASON = f"< {_MIN} paragraphs"


def apply(batch: pa.RecordBatch, options: Any) -> Outcome:
    """datatrove's reason; how many long lines there are."""
    texts = batch.column("text").to_pylist()
    long = np.array([sum(len(line) >= _LENGTH for line in text.split("\n")) for text in texts], dtype=np.int64)
    reasons = first_reasons(len(texts), [(REASON, long < _MIN)])
    return Outcome(reasons=reasons, stats={"long_lines": long.astype(np.float64)})
