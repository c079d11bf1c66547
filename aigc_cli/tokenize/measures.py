"""How well a vocabulary fits a text: bytes per token by language, by length of document, and as a histogram.

A unit of work counts in whole numbers under names of two parts ("lang:zh:tokens", "size:9:bytes", "ratio:17"), so sums
do not depend on how documents are spread over workers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LANGUAGES = 20  # that are told apart in the manifest; the rest is summed
LANGUAGE_CHARS = 24
OTHERS = "(others)"
UNSAID, UNSAID_HAN = "und", "und-Hani"  # BCP 47: of texts that declare no language, without and with Han characters
STEPS = 4  # columns of the histogram for each byte per token
MOST_RATIO = 16  # bytes per token: all above are one column
_HAN_WITHIN = 400  # characters of a text that are searched
NUMBERS = ("documents", "bytes", "tokens", "byte_tokens")


def languages(batch: pa.RecordBatch) -> list[str]:
    """The language of each row: what it declares, else whether its beginning has Han characters."""
    names = pa.nulls(batch.num_rows, pa.string())
    if "lang" in batch.schema.names:
        column = batch.column("lang")
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            names = pc.utf8_slice_codeunits(column.cast(pa.string()), 0, LANGUAGE_CHARS)
    found: list[str | None] = names.to_pylist()
    if not all(found):
        heads = pc.utf8_slice_codeunits(batch.column("text"), 0, _HAN_WITHIN)
        han = pc.match_substring_regex(heads, r"\p{Han}").to_pylist()
        found = [name or (UNSAID_HAN if there else UNSAID) for name, there in zip(found, han, strict=True)]
    return [str(name) for name in found]


def measure(
    ids: np.ndarray, ends: np.ndarray, sizes: np.ndarray, langs: Sequence[str], is_byte: np.ndarray
) -> dict[str, int]:
    """Counts over documents: `ids` with bos and eos, cut at `ends` (one more than documents), `sizes` in bytes.

    `is_byte` says of each id whether it is a single byte for want of a piece.
    """
    if not len(sizes):
        return {}
    tokens = np.diff(ends) - 2
    pieces = np.add.reduceat(is_byte[ids], ends[:-1], dtype=np.int64)
    kept = tokens > 0
    tokens, sizes, pieces = tokens[kept], sizes[kept], pieces[kept]
    counts: dict[str, int] = {}
    names, which = np.unique(np.array(langs)[kept], return_inverse=True)
    octaves = np.frexp(sizes)[1] - 1
    for kind, labels, groups in (("lang", names.tolist(), which), ("size", range(64), octaves)):
        sums = [np.bincount(groups)]
        sums += [_sums(groups, values) for values in (sizes, tokens, pieces)]
        for label, numbers in zip(labels, zip(*sums, strict=True), strict=False):
            if numbers[0]:
                counts |= {f"{kind}:{label}:{key}": int(n) for key, n in zip(NUMBERS, numbers, strict=True)}
    steps, number = np.unique(np.minimum(sizes * STEPS // tokens, STEPS * MOST_RATIO), return_counts=True)
    return counts | {f"ratio:{step}": int(n) for step, n in zip(steps, number, strict=True)}


def _sums(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The sum of `values` in each group, in whole numbers."""
    found = np.zeros(int(groups.max(initial=-1)) + 1, np.int64)
    np.add.at(found, groups, values)
    return found


def facts(counts: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest's facts from the sums over all units."""
    by: dict[str, dict[str, dict[str, int]]] = {"lang": {}, "size": {}}
    ratios = {int(key.split(":")[1]): int(n) for key, n in counts.items() if key.startswith("ratio:")}
    for key, n in counts.items():
        kind, _, rest = key.partition(":")
        if kind in by:
            label, _, number = rest.rpartition(":")
            by[kind].setdefault(label, dict.fromkeys(NUMBERS, 0))[number] = int(n)
    order = sorted(by["lang"], key=lambda name: (-by["lang"][name]["bytes"], name))
    shown = {name: by["lang"][name] for name in order[:LANGUAGES]}
    if len(order) > LANGUAGES:
        shown[OTHERS] = {key: sum(by["lang"][name][key] for name in order[LANGUAGES:]) for key in NUMBERS}
    octaves = range(max(map(int, by["size"]), default=-1) + 1)
    sizes = {key: [by["size"].get(str(k), {}).get(key, 0) for k in octaves] for key in NUMBERS}
    return {
        "languages": shown,
        "sizes": {"unit": "bytes", "from": [2**k for k in octaves], **sizes},
        "ratios": {"step": 1 / STEPS, "counts": [ratios.get(k, 0) for k in range(max(ratios, default=-1) + 1)]},
    }
