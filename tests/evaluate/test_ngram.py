from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest

from aigc_cli.evaluate.ngram import WittenBell


def brute(train, text, order, alphabet):
    """Nats per symbol by the formula, with dictionaries."""
    grams = [Counter(s[i : i + n] for s in train for i in range(len(s) - n + 1)) for n in range(1, order + 1)]

    def probability(history, symbol):
        lower = probability(history[1:], symbol) if len(history) > 0 else 1 / alphabet
        following = {g: c for g, c in grams[len(history)].items() if g[:-1] == history}
        total = sum(following.values())
        if not total:
            return lower
        return (following.get(history + symbol, 0) + len(following) * lower) / (total + len(following))

    return [-math.log(probability(text[max(0, i - order + 1) : i], text[i : i + 1])) for i in range(len(text))]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_equal_to_the_formula(order):
    rng = random.Random(order)
    train = ["".join(rng.choice("abcab") for _ in range(n)) for n in (0, 1, 2, 30, 40)]
    text = "".join(rng.choice("abcd") for _ in range(50))
    numbers = [np.frombuffer(s.encode(), np.uint8) - 97 for s in [*train, text]]
    model = WittenBell(order, alphabet=5).fit(numbers[:-1])
    np.testing.assert_allclose(model.nats(numbers[-1]), brute(train, text, order, 5), rtol=1e-12)
    as_bytes = WittenBell(order).fit([s.encode() for s in train])
    np.testing.assert_allclose(as_bytes.nats(text.encode()), brute(train, text, order, 256), rtol=1e-12)


def test_probabilities_sum_to_one():
    model = WittenBell(3, alphabet=4).fit([np.array([0, 1, 2, 0, 1, 0, 2, 2])])
    for history in ([], [0], [0, 1], [3, 3], [2, 2]):
        total = sum(math.exp(-model.nats(np.array([*history, symbol]))[-1]) for symbol in range(4))
        assert math.isclose(total, 1.0)


def test_large_ids_and_unseen_symbols():
    model = WittenBell(5, alphabet=150_000).fit([np.array([149_999, 5, 149_999, 5])])
    assert model.nats(np.array([7]))[0] > model.nats(np.array([5]))[0]
    assert model.nats(np.zeros(0)).size == 0


def test_bad_input():
    with pytest.raises(ValueError, match="order"):
        WittenBell(0)
    with pytest.raises(ValueError, match="nothing to count"):
        WittenBell(2).fit([b""])
    with pytest.raises(ValueError, match="fit first"):
        WittenBell(2).nats(b"a")
    with pytest.raises(ValueError, match="outside"):
        WittenBell(2, alphabet=3).fit([np.array([3])])
