"""Remove spans of sentences that occurred before, in this or another document. The work is in clean/dedup/passages.

Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
section 2.2: all but one of any three-sentence span that occurs more than once are discarded. What must be left has the
limits of datatrove's SentenceDedupFilter. Case and white space do not count, as in the rule `exact`.
"""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt

STATS = ()


@dataclass
class Options:
    """Repeated spans of sentences. Only documents that lost one are judged by what is left."""

    span: int = opt(3, "Consecutive sentences that are compared together.", unit="sentences", min=1, max=1000)
    min_sentences: int = opt(3, "Fewest sentences that must be left, or the document goes.", min=0)
    left_words: int = opt(50, "Fewest words that must be left, or the document goes.", unit="words", min=0)
    left_characters: int = opt(
        50, "Fewest Han or kana characters that must be left of a Chinese or Japanese text.", min=0
    )
