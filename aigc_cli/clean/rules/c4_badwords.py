"""C4's bad word rule: a document with one listed word goes.

Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
section 2.2; by the list of the document's own language as in Xue et al. 2021 (mT5), section 3.1. Words of scripts with
spaces count where no letter, digit or underscore of such a script stands beside them; Chinese, Japanese and Thai words
count anywhere. Case does not count.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aigc_cli.clean import named
from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from aigc_cli.clean.kernels.phrases import Phrases

STATS = ()
ALL = "all"  # a list for documents of any language


@dataclass
class Options:
    """Bad words."""

    builtin: bool = opt(True, "Use the project's own lists, en and zh.")
    files: dict[str, Any] = opt(
        {}, "Files of words by language, {en: FILE, de: [FILE, FILE]}; 'all': for documents of any language.",
        described=named.described_by_key,
    )  # fmt: skip
    default_language: str = opt("en", "The language of documents that name none.")
    keep_fraction: float = opt(0.0, "Share of the documents with such words that stay all the same.", min=0, max=1)
    seed: int = opt(0, "Seed of that choice, which depends on it and on the text alone.", min=0)

    def __post_init__(self) -> None:
        """Each language has a list of files."""
        lists = {str(code).lower(): [names] if isinstance(names, str) else names for code, names in self.files.items()}
        for code, names in lists.items():
            if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
                raise ValueError(f"c4_badwords: files of '{code}' are {names!r}; give the path of a file, or a list")
        self.files = lists


def check(options: Options) -> None:
    """Raise ConfigError where there is no list."""
    if not options.builtin and not options.files:
        raise ConfigError("rules: c4_badwords has no words", "give files: {en: FILE}, or builtin: true")


def prepare(options: Options) -> None:
    """Read the lists. Raises ConfigError for those that cannot be used."""
    _lists(options)


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reason bad_word; counts of the words that decided, and of documents that stay by keep_fraction."""
    import numpy as np
    import pyarrow as pa

    from aigc_cli.clean.thresholds import rows_by_language

    column, lists = batch.column("text"), _lists(options)
    spoken = rows_by_language(batch.column("lang"))
    unknown = np.ones(batch.num_rows, dtype=bool)
    for code, rows in spoken.items():
        unknown[rows] = code == "und"
    default = np.concatenate([spoken.get(options.default_language, np.zeros(0, np.int64)), unknown.nonzero()[0]])
    spoken |= {options.default_language: np.unique(default), ALL: np.arange(batch.num_rows)}
    found: dict[int, str] = {}
    for code, words in lists.items():
        rows = spoken.get(code, np.zeros(0, np.int64))
        if len(rows):
            for place, word in words.first(column.take(pa.array(rows))).items():
                found.setdefault(int(rows[place]), word)
    counts = Counter(f"word:{word}" for word in found.values())
    bad = np.zeros(batch.num_rows, dtype=bool)
    for row in found:
        bad[row] = not (options.keep_fraction and _stays(column[row].as_py(), options))
    counts["kept"] = len(found) - int(bad.sum())
    return Outcome(reasons=first_reasons(batch.num_rows, [("bad_word", bad)]), counts=dict(+counts))


class Words:
    """A list: words of scripts with spaces, to be found whole, and others, to be found anywhere."""

    def __init__(self, words: list[str]) -> None:
        from aigc_cli.clean.kernels.phrases import Phrases
        from aigc_cli.clean.kernels.text import HAN, TABLE_SIZE, class_table

        classes = class_table()
        words = [word.lower() for word in words]
        anywhere = [any(ord(c) >= TABLE_SIZE or classes[ord(c)] >= HAN for c in word) for word in words]
        pairs = list(zip(words, anywhere, strict=True))
        self._searches: list[tuple[Phrases, bool]] = []
        for bounded in (True, False):
            chosen = [word for word, free in pairs if free != bounded]
            if chosen:
                self._searches.append((Phrases(chosen), bounded))

    def first(self, column: pa.Array) -> dict[int, str]:
        """{row: a word that stands in its text}."""
        import pyarrow.compute as pc

        found: dict[int, str] = {}
        lower = pc.utf8_lower(column)
        for phrases, bounded in self._searches:
            numbers: np.ndarray = phrases.find(lower, bounded=bounded)
            for row in (numbers >= 0).nonzero()[0].tolist():
                found.setdefault(row, phrases.names[numbers[row]])
        return found


def _lists(options: Options) -> dict[str, Words]:
    names = tuple((code, tuple(files)) for code, files in sorted(options.files.items()))
    return _read(options.builtin, names, named.current(*(file for _, files in names for file in files)))


@functools.lru_cache(maxsize=4)
def _read(builtin: bool, files: tuple[tuple[str, tuple[str, ...]], ...], _current: Any) -> dict[str, Words]:
    from aigc_cli.clean.profanity import builtin as own
    from aigc_cli.clean.profanity import spelled_out

    words: dict[str, list[str]] = {}
    if builtin:
        for word in spelled_out(own()):
            words.setdefault("en" if word.isascii() else "zh", []).append(word)
    for code, listed in files:
        for name in listed:
            found = spelled_out(named.entries(name))
            short = next((word for word in found if len(word.encode()) < 2), None)
            if short is not None:
                raise ConfigError(f"the word {short!r} in {name} is too short to look for", "take it out of the list")
            words.setdefault(code, []).extend(found)
    return {code: Words(listed) for code, listed in sorted(words.items())}


def _stays(text: str, options: Options) -> bool:
    """Whether the document is one of the keep_fraction: by a hash of its text, so that no order matters."""
    import xxhash

    return xxhash.xxh64_intdigest(text.encode(), seed=options.seed) < options.keep_fraction * 2.0**64
