"""Tidy spaces and line ends; indentation and tables stay as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_cli.clean.outcome import Outcome
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import pyarrow as pa

STATS = ()
_ODD_SPACE = re.compile("[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]|[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_INVISIBLE = re.compile("[\u200b\u2060\xad\ufeff]")
_TRAILING = re.compile(r"[ \t]+(?=\n|\Z)")
_BLANKS = re.compile(r"\n{3,}")
_RUNS = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")


@dataclass
class Options:
    """Whitespace."""

    collapse: bool = opt(False, "Make one space of several inside a line (this breaks tables and aligned code).")


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    r"""Texts with \n line ends, plain spaces, nothing invisible, no trailing space, one blank line at most."""
    from aigc_cli.clean.kernels import flags as f

    column = batch.column("text")
    cause = f.CARRIAGE | f.TRAILING | f.BLANKS | f.ODD_SPACE | f.EDGE | f.INVISIBLE | f.CONTROL
    found = f.flags(column)
    rows = range(len(column)) if options.collapse else found.rows(cause)
    texts = {}
    for row in rows:
        text = column[row].as_py() or ""
        tidy = _tidy(text, collapse=options.collapse)
        if tidy != text:
            texts[row] = tidy
    return Outcome(text=texts)


def _tidy(text: str, *, collapse: bool) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _INVISIBLE.sub("", text)
    text = _ODD_SPACE.sub(lambda match: "\n" if match[0] in "\x0b\x0c\x85\u2028\u2029" else " ", text)
    if collapse:
        text = _RUNS.sub(" ", text)
    text = _BLANKS.sub("\n\n", _TRAILING.sub("", text))
    return text.strip("\n")
