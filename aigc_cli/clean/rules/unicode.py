"""Repair broken Unicode: mojibake, control characters, HTML entities, decomposed letters."""

from __future__ import annotations

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
    """Texts that ftfy repairs; only those that a compiled scan suspects are given to it."""
    from aigc_cli.clean.kernels import flags as f

    column = batch.column("text")
    found = f.flags(column)
    suspicion = f.CONTROL | (f.MOJIBAKE if options.mojibake else 0) | (f.ENTITY if options.entities else 0)
    normal = f.COMPOSABLE if options.normalization == "NFC" else 0
    everything = options.normalization == "NFKC"
    rows = [*range(len(column))] if everything else (found & (suspicion | normal)).nonzero()[0].tolist()
    texts = {}
    for row in rows:
        text = column[row].as_py() or ""
        repaired = _repair(text, options) if found[row] & suspicion else text
        if options.normalization != "none" and not unicodedata.is_normalized(options.normalization, repaired):
            repaired = unicodedata.normalize(options.normalization, repaired)
        if repaired != text:
            texts[row] = repaired
    return Outcome(text=texts)


def _repair(text: str, options: Options) -> str:
    """The text after ftfy. What it would change for taste alone (curly quotes, ligatures, full-width forms) stays."""
    import ftfy

    return ftfy.fix_text(
        text,
        unescape_html="auto" if options.entities else False,
        fix_encoding=options.mojibake,
        uncurl_quotes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        fix_line_breaks=False,
        normalization=None,
        explain=False,
    )
