from __future__ import annotations

import random

import pytest

from aigc_cli.evaluate import copies
from aigc_cli.evaluate.copies import Copy, CopyIndex, longest_copy


def brute(text, corpus):
    best = 0
    for start in range(len(text)):
        while start + best < len(text) and any(text[start : start + best + 1] in d for d in corpus):
            best += 1
    return best


@pytest.mark.parametrize("chunk", [7, 50, 1 << 20])
@pytest.mark.parametrize("alphabet", ["ab", "中文汉字x", "a"])
def test_equal_to_brute_force(chunk, alphabet, monkeypatch):
    monkeypatch.setattr(copies, "CHUNK_CHARS", chunk)
    rng = random.Random(chunk)
    for _ in range(15):
        corpus = ["".join(rng.choices(alphabet, k=rng.randint(0, 120))) for _ in range(rng.randint(0, 4))]
        texts = ["".join(rng.choices(alphabet + "z", k=rng.randint(0, 40))) for _ in range(3)]
        for text, copy in zip(texts, CopyIndex(corpus).longest(texts), strict=True):
            assert copy.length == brute(text, corpus)
            if copy.length:
                found = corpus[copy.document][copy.position : copy.position + copy.length]
                assert found == text[copy.start : copy.start + copy.length]


def test_thue_morse_strings_do_not_collide_into_answers():
    word = "a"
    for _ in range(11):
        word += word.translate(str.maketrans("ab", "ba"))
    first, second = word, word.translate(str.maketrans("ab", "ba"))
    assert longest_copy(first, second)[0] == brute(first, [second])


def test_edges():
    assert longest_copy("", "abc") == (0, -1) and longest_copy("abc", "") == (0, -1)
    assert longest_copy("xyz", "abc") == (0, -1) and longest_copy("abc", "zabc") == (3, 1)
    assert CopyIndex([]).longest(["a"]) == [Copy()] and CopyIndex(["a"]).longest([]) == []
    assert CopyIndex(["ab", "cd"]).longest(["abcd"])[0].length == 2
    assert longest_copy("q\ud800", "\ud800q")[0] == 1  # the separator itself is never part of a copy
