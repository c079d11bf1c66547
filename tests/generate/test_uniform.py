from __future__ import annotations

import numpy as np

from aigc_cli.generate.sample import draw
from aigc_cli.generate.uniform import sequence_number, uniform


def philox(key, counter):
    """Philox 4x64 with 10 rounds, written from the paper with Python's whole numbers."""
    mask = (1 << 64) - 1
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = c[0] * 0xD2E7470EE14C6C93, c[2] * 0xCA5A826395121157
        c = [(b >> 64) ^ c[1] ^ k[0], b & mask, (a >> 64) ^ c[3] ^ k[1], a & mask]
        k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
    return c


def test_equal_to_the_paper():
    for seed, sequence, position, number in [(0, 0, 0, 0), (7, sequence_number(3, 2), 41, 1), (2**63, 5, 9, 0)]:
        # numpy counts up before it draws
        words = philox([seed, sequence], [position + 1, number, 0, 0])
        assert uniform(seed, sequence, position, number) == (words[0] >> 11) / 2**53


def test_every_argument_counts_and_numbers_are_uniform():
    numbers = [uniform(1, sequence_number(i, 0), p) for i in range(40) for p in range(50)]
    assert len(set(numbers)) == 2000 and 0 <= min(numbers) < max(numbers) < 1
    counts, _ = np.histogram(numbers, 20, (0, 1))
    assert ((counts - 100) ** 2 / 100).sum() < 43.8  # chi-square, 19 degrees of freedom, p = 0.001
    assert len({uniform(*a) for a in [(1, 2, 3), (0, 2, 3), (1, 0, 3), (1, 2, 0), (1, 2, 3, 1)]}) == 5


def test_draw_follows_the_distribution():
    probability = np.array([0.1, 0.0, 0.6, 0.3])
    with np.errstate(divide="ignore"):
        logits = np.log(probability)
    drawn = [draw(logits, (i + 0.5) / 1000) for i in range(1000)]
    assert (np.bincount(drawn, minlength=4) == [100, 0, 600, 300]).all()
    assert draw(logits, 0.0) == 0 and draw(logits, np.nextafter(1, 0)) == 3
    assert draw(np.full(4, -np.inf), 0.5) == -1
