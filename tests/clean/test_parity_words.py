"""Words of the parity rules against spaCy itself, chunks and documents made to be hard."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

spacy = pytest.importorskip("spacy")
pytest.importorskip("jieba")

from aigc_cli.clean.kernels.text import buffers  # noqa: E402
from aigc_cli.clean.parity.affixes import english_words  # noqa: E402
from aigc_cli.clean.parity.chinese import Chinese  # noqa: E402
from aigc_cli.clean.parity.english import English  # noqa: E402

PIECES = [
    "(",
    ")",
    ":",
    "'",
    ".",
    ",",
    "/",
    "and",
    "or",
    "D",
    "-",
    "x",
    "8",
    "it",
    "He",
    "<",
    "3",
    "Mr",
    "’s",
    '"',
    "...",
    "http://a.b.com/x?y",
    "5km",
    "US$",
    "10",
    "p.m",
    "—",
    "_",
    "don",
    "n't",
    "word",
    "人",
    "。",
    "1.5%",
]
SPACES = [" ", " ", " ", "  ", "\n", "\xa0", " \n", "\u3000"]


def documents(listed: list[str]) -> list[str]:
    chance = random.Random(5)
    kinds = [listed, PIECES, PIECES, SPACES]
    return ["".join(chance.choice(chance.choice(kinds)) for _ in range(chance.randint(1, 60))) for _ in range(400)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("spaces", [True, False])
def test_the_words_are_spacys(language: str, spaces: bool) -> None:
    memo = English() if language == "en" else Chinese()
    config = {} if language == "en" else {"nlp": {"tokenizer": {"segmenter": "jieba"}}}
    peer = spacy.blank(language, config=config).tokenizer
    texts = documents(list(english_words().special_cases) if language == "en" else list("的一是在不了北京大学龘䶮生活"))
    data, offsets = buffers(pa.array(texts, pa.large_string()))
    ids, bounds = memo.words(data, offsets, np.arange(len(texts)), spaces=spaces)
    for row, text in enumerate(texts):
        expected = [token.text.strip() for token in peer(text)]
        found = [memo.tokens.text(n) if n >= 0 else "" for n in ids[bounds[row] : bounds[row + 1]].tolist()]
        assert found == (expected if spaces else [word for word in expected if word]), text
