"""Keep test sets out of the training data: drop documents that share a run of words with a test item, or cut it out.

Source: Brown et al. 2020, "Language Models are Few-Shot Learners" (GPT-3), appendix C: runs of 13 words, at least 8
for short items, case and punctuation do not count; a passage is cut with 200 characters on both sides, pieces of fewer
than 200 characters go, and a document in more than 10 pieces goes whole. In Chinese and Japanese two characters stand
for a word. Words are compared, not only their hashes: no document is dropped for a collision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aigc_cli.clean.outcome import Outcome, Reasons, first_reasons
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    import pyarrow as pa

    from aigc_cli.clean.contamination import Table

STATS = ("test_ngrams",)
MATCHES = True  # names what a document was matched with
_PARTS = "\n\n"  # between the pieces of a document


def _described(names: Sequence[str]) -> Any:
    from aigc_cli.clean.contamination import described

    return described(names)


@dataclass
class Options:
    """Decontamination."""

    against: list[str] = opt([], "Test sets: files or directories of any kind that collect reads, or shards.",
                             described=_described)  # fmt: skip
    fields: list[str] = opt([], "Fields of the test sets' records to look for; default: all that hold text.")
    ngram: int = opt(13, "Words in a row that make a match.", unit="words", min=1)
    ngram_characters: int = opt(26, "Characters in a row that do, of Chinese and Japanese items.", min=1)
    min_words: int = opt(8, "Shorter items are not looked for; others that are shorter than ngram, as a whole.", min=1)
    min_characters: int = opt(16, "The same in characters, for Chinese and Japanese items.", min=1)
    action: Literal["drop", "cut"] = opt("drop", "Drop the document, or cut out what matched and what is around it.")
    around: int = opt(200, "What is cut on both sides of a match.", unit="characters", min=0)
    max_pieces: int = opt(10, "Drop documents that would be cut into more pieces.", min=1)
    min_piece: int = opt(200, "Shortest piece that stays.", unit="characters", min=1)


def check(options: Options) -> None:
    """Raise ConfigError where there is nothing to compare with."""
    if not options.against:
        raise ConfigError("rules: decontaminate has no test sets", "name them: against: [test.jsonl]")


def prepare(options: Options) -> None:
    """Read the test sets. Raises ConfigError for those that cannot be used."""
    from aigc_cli.core import console

    found = _table(options)
    console.detail(f"decontaminate: {len(found.items):,} items, {len(found.grams.hashes):,} different runs of words")
    if found.too_short:
        least = f"{options.min_words} words ({options.min_characters} characters)"
        console.say(
            f"decontaminate: {found.too_short:,} texts of test items with fewer than {least} are not looked for"
        )


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons contaminated (drop) or too_many_pieces, nothing_left (cut); the runs found; the item of the first one."""
    import numpy as np
    import pyarrow.compute as pc

    from aigc_cli.clean.kernels.grams import find

    if not options.against:
        return Outcome(stats={"test_ngrams": np.zeros(batch.num_rows)})
    column, table = batch.column("text"), _table(options)
    lower = pc.utf8_lower(column)  # a character for a character: places in one are places in the other
    found = find(lower, table.grams)
    hit = found.runs > 0
    matched = {row: table.items[int(found.texts[row])].as_py() for row in hit.nonzero()[0].tolist()}
    counts = {"ngrams": int(found.runs.sum()), "documents": int(hit.sum())}
    stats = {"test_ngrams": found.runs.astype(np.float64)}
    if options.action == "drop":
        return Outcome(
            reasons=first_reasons(batch.num_rows, [("contaminated", hit)]), stats=stats, counts=counts, matched=matched
        )
    texts, reasons = _cut_all(column, lower, found.spans, options)
    why = Reasons.of(reasons.get(row) for row in range(batch.num_rows)) if reasons else None
    return Outcome(text=texts, reasons=why, stats=stats, counts=counts, matched=matched)


def cut(text: str, spans: Sequence[tuple[int, int]], around: int) -> list[str]:
    """The pieces of a text that lie outside the spans (characters, in order) and `around` characters beside them.

    >>> cut("one two three four", [(8, 13)], 1)
    ['one two', 'four']
    """
    pieces, start = [], 0
    for first, last in spans:
        pieces.append(text[start : max(first - around, start)])
        start = max(start, last + around)
    return [stripped for piece in [*pieces, text[start:]] if (stripped := piece.strip())]


def _cut_all(
    column: pa.Array, lower: pa.Array, spans: np.ndarray, options: Options
) -> tuple[dict[int, str], dict[int, str]]:
    """({row: what stays of its text}, {row: reason to drop it}); spans are in bytes of `lower`."""
    from aigc_cli.clean.kernels.text import buffers

    texts: dict[int, str] = {}
    reasons: dict[int, str] = {}
    by_row: dict[int, list[tuple[int, int]]] = {}
    data, offsets = buffers(lower)
    done, byte = 0, 0  # of the row, in characters; the byte behind
    for row, first, last in spans.tolist():
        if row not in by_row:
            done, byte = 0, int(offsets[row])
        start = done + _characters(data[byte:first])
        done, byte = start + _characters(data[first:last]), last
        by_row.setdefault(row, []).append((start, done))
    for row, found in by_row.items():
        pieces = cut(column[row].as_py(), found, options.around)
        long = [piece for piece in pieces if len(piece) >= options.min_piece]
        if len(pieces) > options.max_pieces or not long:
            reasons[row] = "too_many_pieces" if len(pieces) > options.max_pieces else "nothing_left"
        else:
            texts[row] = _PARTS.join(long)
    return texts, reasons


def _characters(data: np.ndarray) -> int:
    """Characters of UTF-8 bytes."""
    return int(((data & 0xC0) != 0x80).sum())


def _table(options: Options) -> Table:
    from aigc_cli.clean.contamination import Lengths, table

    lengths = Lengths(options.ngram, options.ngram_characters, options.min_words, options.min_characters)
    return table(options.against, options.fields, lengths)
