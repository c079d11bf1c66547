"""BLEU, chrF and exact match: published examples, sacrebleu 2.6's numbers, and the definition by hand."""

from __future__ import annotations

import pytest

from aigc_cli.evaluate.translation import bleu, chrf, exact_match, words

FOUND = [
    "The cat sat on the mat .",
    "He is in the garden now",
    "It rains a lot in the north",
    "the the the the the the the",
]
WANTED = ["The cat is on the mat .", "He is now in the garden", "It rains much in the north of the land",
          "the cat is on the mat"]  # fmt: skip


def test_bleu_has_sacrebleus_numbers():
    """corpus_bleu(FOUND, [WANTED], tokenize="none", smooth_method="none").score; both lengths, clipping, brevity."""
    assert bleu(FOUND, WANTED, split=False) == pytest.approx(24.668020587708508)
    assert bleu(FOUND[:2], WANTED[:2], split=False) == pytest.approx(40.89601472043678)


def test_chrf_has_sacrebleus_numbers():
    """corpus_chrf(FOUND, [WANTED]).score."""
    assert chrf(FOUND, WANTED) == pytest.approx(50.04613075759332)
    assert chrf(FOUND[:1], WANTED[:1]) == pytest.approx(67.17273492330233)
    assert chrf(["ab"], ["abc"]) == pytest.approx(63.636363636363626)
    assert chrf(["xy"], ["abc"]) == 0
    # Texts that are longer than their reference: 4-grams beside a reference of 2 characters do not count.
    assert chrf(["the cats sit", "a longer text than that"], ["the cat", "no"]) == pytest.approx(69.11338770233057)
    assert chrf(["abcdef", "xyz"], ["ab", "xyzw"]) == pytest.approx(68.75687568756877)


def test_ends_of_the_scale():
    assert bleu(WANTED, WANTED) == pytest.approx(100) and chrf(WANTED, WANTED) == pytest.approx(100)
    assert bleu([""], ["a b c d"]) == 0 and chrf([""], ["a"]) == 0 and bleu([], []) == 0
    assert bleu(["a b c d"], ["a b c e"]) == 0  # no 4-gram is found: without smoothing the product is 0


def test_brevity_is_punished_by_exp():
    """Precisions are 1, the text has 5 of 10 words: exp(1 - 10 / 5)."""
    text = "a b c d e f g h i j"
    assert bleu([text[:9]], [text]) == pytest.approx(100 * 2.718281828459045**-1)


def test_words_of_both_scripts():
    assert words("don't, 我很好！x2") == ["don", "'", "t", ",", "我", "很", "好", "！", "x2"]


def test_exact_match():
    assert exact_match(["a ", "b", "c"], ["a", "b", "d"]) == pytest.approx(200 / 3)
