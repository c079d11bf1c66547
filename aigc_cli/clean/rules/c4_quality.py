"""C4's heuristics: lines that are no sentences go, and with too few sentences left the document goes.

Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
section 2.2; order and limits as in datatrove's C4QualityFilter. A text written without spaces is asked for characters
in place of words; full-width marks and closing quotes end sentences, too.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_cli.clean.outcome import Changed, Outcome, first_reasons
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import pyarrow as pa

    from aigc_cli.clean.kernels.phrases import Phrases

STATS = ("removed_lines", "sentences")
LOREM = "lorem ipsum"
POLICY = ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies",
          "使用条款", "使用條款", "隐私政策", "隱私政策", "隐私声明"]  # fmt: skip


@dataclass
class Options:
    """C4 quality. The defaults are the published ones; the text that stays has no blank lines."""

    terminal_punctuation: bool = opt(True, "Remove lines that do not end with a sentence's mark or a quote.")
    min_words_per_line: int = opt(3, "Remove lines with fewer words.", unit="words", min=0)
    min_characters_per_line: int = opt(6, "Remove Chinese or Japanese lines with fewer characters.", min=0)
    max_word_length: int | None = opt(1000, "Remove lines with a longer word; null: no limit.", min=1)
    javascript: bool = opt(True, "Remove lines that speak of JavaScript.")
    policy: list[str] = opt(POLICY, "Remove lines with one of these phrases.")
    citations: bool = opt(True, "Remove [1], [edit] and [citation needed].")
    lorem_ipsum: bool = opt(True, "Drop documents with a line of filler text.")
    curly_bracket: bool = opt(True, "Drop documents with a { in a line: most are code.")
    min_sentences: int = opt(5, "Fewest sentences in the lines that stay.", min=0)

    def __post_init__(self) -> None:
        """A phrase must have something to look for."""
        for phrase in self.policy:
            if not isinstance(phrase, str) or len(phrase.encode()) < 2:
                raise ValueError(f"the phrase {phrase!r} is too short; leave it out")


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons lorem_ipsum, curly_bracket, min_sentences; texts without the removed lines."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from aigc_cli.clean.kernels import c4 as k

    column = batch.column("text")
    phrases = _phrases(options.javascript, tuple(options.policy))
    settings = k.Settings(
        options.citations, options.terminal_punctuation, options.lorem_ipsum, options.curly_bracket,
        options.min_words_per_line, options.min_characters_per_line, options.max_word_length or -1,
    )  # fmt: skip
    texts, found = k.c4(column, settings, phrases, phrases.names.index(LOREM))
    code, sentences = found[:, k.CODE], found[:, k.SENTENCES]
    reasons = first_reasons(len(column), [
        ("lorem_ipsum", code == k.LOREM_IPSUM), ("curly_bracket", code == k.CURLY_BRACKET),
        ("min_sentences", sentences < options.min_sentences),
    ])  # fmt: skip
    changed = pc.not_equal(texts, column).to_numpy(zero_copy_only=False)
    if reasons is not None:
        changed &= reasons.codes < 0  # a dropped document is shown as it was
        texts = pc.if_else(pa.array(changed), texts, column)
    removed = {"long_word": k.LONG_WORD, "terminal_punctuation": k.NOT_ENDED, "short_line": k.SHORT, "phrase": k.PHRASE}
    counts = {f"lines:{name}": int(found[:, place].sum()) for name, place in removed.items()}
    gone = found[:, k.LONG_WORD :].sum(axis=1)
    return Outcome(
        text=Changed(texts, changed), reasons=reasons, counts=counts,
        stats={"removed_lines": gone.astype(np.float64), "sentences": sentences.astype(np.float64)},
    )  # fmt: skip


@functools.lru_cache(maxsize=4)
def _phrases(javascript: bool, policy: tuple[str, ...]) -> Phrases:
    from aigc_cli.clean.kernels.phrases import Phrases

    return Phrases([LOREM, *(["javascript"] if javascript else []), *policy])
