"""The words of a batch by language, and what rules ask of each document of one language."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.text import buffers
from aigc_cli.clean.parity.chinese import Chinese
from aigc_cli.clean.parity.english import English
from aigc_cli.clean.parity.kernels import tokens
from aigc_cli.clean.parity.lexicon import MAX_BYTES, Tokens
from aigc_cli.clean.thresholds import STOP_WORDS as STOP_WORDS_KEY
from aigc_cli.clean.thresholds import rows_by_language, table
from aigc_cli.core.errors import DataError

LANGUAGES = ("en", "zh")
UNKNOWN = "und"
STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")  # Rae et al. 2021; datatrove's for all languages

_memos: dict[str, English | Chinese] = {}


@dataclass
class Group:
    """The documents of one language in a batch: which rows, their texts, and the options that hold for them."""

    language: str
    rows: np.ndarray
    texts: list[str]
    options: Any
    stop_words: tuple[str, ...] = STOP_WORDS
    column: pa.Array = field(repr=False, default=None)


def groups(batch: pa.RecordBatch, options: Any) -> Iterator[Group]:
    """The documents of a batch by language; those that name none are English, as for datatrove.

    Raises DataError for other languages than English and Chinese: datatrove splits those with other tokenizers.
    """
    column, languages = batch.column("text"), batch.column("lang").fill_null(UNKNOWN)
    found: dict[str, list[np.ndarray]] = {}
    for code, rows in rows_by_language(languages).items():
        if code not in (*LANGUAGES, UNKNOWN) and len(rows):
            raise DataError(
                f"--parity has words for English and Chinese only; a document is in '{code}'",
                "put the rule `language: {keep: [en, zh]}` first, or --languages en,zh",
            )
        found.setdefault("en" if code == UNKNOWN else code, []).append(rows)
    by_language = table(options.by_language) if getattr(options, "by_language", None) else {}
    for code in sorted(found):
        rows = np.sort(np.concatenate(found[code]))
        given = by_language.get(code, {})
        names = {each.name for each in dataclasses.fields(options)}
        own = dataclasses.replace(options, **{name: value for name, value in given.items() if name in names})
        part = column if len(rows) == len(column) else column.take(pa.array(rows))
        stop_words = tuple(given.get(STOP_WORDS_KEY, STOP_WORDS))
        yield Group(code, rows, part.to_pylist(), own, stop_words, part)


def memo(language: str) -> English | Chinese:
    """This process's memo of words; one that has grown too large is begun anew."""
    held = _memos.get(language)
    if held is None or held.nbytes > MAX_BYTES:
        held = _memos[language] = English() if language == "en" else Chinese()
    return held


def words(group: Group, rows: np.ndarray) -> tuple[Tokens, np.ndarray, np.ndarray]:
    """(memo, numbers of words, bounds [rows + 1]) of some documents of a group."""
    held = memo(group.language)
    data, offsets = buffers(group.column)
    ids, bounds = held.words(data, offsets, rows.astype(np.int64), spaces=False)
    return held.tokens, ids, bounds


def sentences(language: str, lines: list[str]) -> np.ndarray:
    """Sentences of each line by spaCy's sentencizer, int64."""
    held = memo(language)
    data, offsets = buffers(pa.array(lines, pa.large_string()))
    ids, bounds = held.words(data, offsets, np.arange(len(lines), dtype=np.int64), spaces=True)
    found = np.empty(len(lines), dtype=np.int64)
    tokens.count_sentences(ids, bounds, held.tokens.flags, found)
    return found


def forget() -> None:
    """Begin all memos anew, as in a process that has read nothing yet."""
    _memos.clear()
