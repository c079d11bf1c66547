"""C4's heuristics with datatrove's lines, sentences, decisions and reasons.

Every line that stays has a sentence at least, so sentences are counted only where fewer lines stay than a document
needs sentences.

Source: datatrove 0.10.0's C4QualityFilter, whose behaviour the tests compare.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_cli.clean.outcome import Changed, Outcome, Reasons
from aigc_cli.clean.parity.words import groups, sentences

_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_ENDS, _ELLIPSIS = (".", "?", "!", '"', "'"), "..."
_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_LOREM, _JAVASCRIPT = "lorem ipsum", "javascript"
_FEW = "too_few_sentences"

Judged = tuple[str | None, list[str], int]  # (reason, the lines that stay, how many went)


def apply(batch: pa.RecordBatch, options: Any) -> Outcome:
    """datatrove's reasons and texts; how many lines went."""
    column = batch.column("text")
    reasons: list[str | None] = [None] * batch.num_rows
    texts: list[str | None] = [None] * batch.num_rows
    removed = np.zeros(batch.num_rows)
    counts: Counter[str] = Counter()
    for group in groups(batch, options):
        judged = [_judged(text, options, counts) for text in group.texts]
        few = _with_few_sentences(group.language, judged, options.min_sentences)
        for place, (row, (reason, kept, gone)) in enumerate(zip(group.rows.tolist(), judged, strict=True)):
            reasons[row] = _FEW if place in few else reason
            removed[row] = gone
            texts[row] = group.texts[place] if reasons[row] else "\n".join(kept).strip()
    new = pa.array(texts, pa.large_string())
    changed = pc.not_equal(new, column).to_numpy(zero_copy_only=False)
    return Outcome(
        text=Changed(new, changed), reasons=Reasons.of(reasons) if any(reasons) else None,
        stats={"removed_lines": removed}, counts=dict(counts),
    )  # fmt: skip


def _judged(text: str, options: Any, counts: Counter[str]) -> Judged:
    """One document by its lines, without regard to sentences."""
    lower = text.lower()
    lorem = options.lorem_ipsum and _LOREM in lower
    bracket = options.curly_bracket and "{" in text
    phrases = [_JAVASCRIPT] if options.javascript and _JAVASCRIPT in lower else []
    phrases += [phrase for phrase in _POLICY if options.policy and phrase in lower]
    citations = options.citations and "[" in text
    if citations:  # where a citation is cut out, a phrase may come about
        lorem, phrases = options.lorem_ipsum, [_JAVASCRIPT] * options.javascript + list(_POLICY) * bool(options.policy)
    longest, fewest = options.max_word_length or len(text), options.min_words_per_line
    ended = options.terminal_punctuation
    kept: list[str] = []
    lines = text.splitlines()
    for line in map(str.strip, lines):
        words = line.split(None, fewest) if len(line) <= longest else line.split()
        if len(line) > longest and max(map(len, words)) > longest:
            counts["lines:long_word"] += 1
            continue
        if citations:
            line = _CITATION.sub("", line)
        if ended and (not line.endswith(_ENDS) or line.endswith(_ELLIPSIS)):
            counts["lines:terminal_punctuation"] += 1
            continue
        if len(words) < fewest:
            counts["lines:short_line"] += 1
            continue
        if lorem or phrases:
            lower = line.lower()
            if lorem and _LOREM in lower:
                return "lorem_ipsum", [], 0
            if phrases and phrases[0] == _JAVASCRIPT and _JAVASCRIPT in lower:
                counts["lines:phrase"] += 1
                continue
        if bracket and "{" in line:
            return "curly_bracket", [], 0
        if phrases and any(phrase in lower for phrase in phrases):
            counts["lines:phrase"] += 1
            continue
        kept.append(line)
    return None, kept, len(lines) - len(kept)


def _with_few_sentences(language: str, judged: list[Judged], least: int) -> set[int]:
    """The documents, by place, whose lines hold fewer sentences than asked for."""
    few, asked, lines, owners = set(), [], [], []
    for place, (reason, kept, _) in enumerate(judged):
        if reason is None and len(kept) < least:
            asked.append(place)
            lines += kept
            owners += [place] * len(kept)
    if asked:
        found = np.bincount(owners, sentences(language, lines), minlength=len(judged)) if lines else [0] * len(judged)
        few = {place for place in asked if found[place] < least}
    return few
