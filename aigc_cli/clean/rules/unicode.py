"""Repair broken Unicode: mojibake, control characters, HTML entities, decomposed letters."""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aigc_cli.clean.outcome import Outcome
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import pyarrow as pa

STATS = ()


@dataclass
class Options:
    """Repair of Unicode."""

    mojibake: bool = opt(True, "Undo UTF-8 that was read in another encoding.")
    entities: bool = opt(True, "Replace &amp; and the like in documents without tags.")
    normalization: Literal["NFC", "NFKC", "none"] = opt(
        "NFC", "Unicode normal form. NFKC also turns full-width forms, ligatures and superscripts into plain letters."
    )


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Texts that ftfy repairs; only lines that a compiled scan suspects are given to it."""
    from aigc_cli.clean.kernels import flags as f

    found = f.flags(batch.column("text"))
    broken = f.CONTROL | (f.MOJIBAKE if options.mojibake else 0)
    normal = f.COMPOSABLE if options.normalization == "NFC" else 0
    everything = options.normalization == "NFKC"
    texts = {}
    for row in range(batch.num_rows) if everything else found.rows(broken | f.ENTITY | normal):
        text = found.text(row)
        # In a document with tags, &lt; is meant as it stands.
        entities = options.entities and "<" not in text
        bits = broken | (f.ENTITY if entities else 0)
        changed = found.rewrite(row, bits, functools.partial(_repair, options, entities))
        repaired = text if changed is None else changed
        if options.normalization != "none" and not unicodedata.is_normalized(options.normalization, repaired):
            repaired = unicodedata.normalize(options.normalization, repaired)
        if repaired != text:
            texts[row] = repaired
    return Outcome(text=texts)


def _repair(options: Options, entities: bool, line: str, bits: int) -> str:
    """The line after ftfy. What it would change for taste alone (curly quotes, ligatures, full-width forms) stays."""
    import ftfy

    return ftfy.fix_text(
        line,
        unescape_html=entities,
        fix_encoding=options.mojibake,
        uncurl_quotes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        fix_line_breaks=False,
        normalization=None,
        explain=False,
    )
