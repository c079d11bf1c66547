"""Remove paragraphs that occurred before, in this or another document. The work is done in clean/dedup/passages.

Source: Wenzek et al. 2020, "CCNet: Extracting High Quality Monolingual Datasets from Web Crawl Data", section 3.1,
where a paragraph is a line and has no smallest size; case and white space do not count, as in the rule `exact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aigc_cli.core.options import opt

STATS = ()


@dataclass
class Options:
    """Repeated paragraphs. Only documents that lost one are judged by what is left."""

    split: Literal["blocks", "lines"] = opt("blocks", "What a paragraph is: what blank lines divide, or each line.")
    min_words: int = opt(5, "Fewest words of a paragraph that may go.", unit="words", min=0)
    min_characters: int = opt(10, "Fewest characters of a Chinese or Japanese paragraph that may go.", min=0)
    most: int = opt(1, "How often a paragraph may occur; what comes later goes.", min=1)
    repeated: Literal["later", "all"] = opt(
        "later", "Which occurrences of a paragraph go that occurs more often: those after the first ones, or all."
    )
    left_words: int = opt(10, "Fewest words that must be left, or the document goes.", unit="words", min=0)
    left_characters: int = opt(
        10, "Fewest Han or kana characters that must be left of a Chinese or Japanese text.", min=0
    )
    left_share: float = opt(0.0, "Smallest share of the characters that must be left.", min=0, max=1)
