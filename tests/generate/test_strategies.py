"""Strategies against transformers' processors and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation import logits_process as hf

from aigc_cli.generate.options import GenerateOptions
from aigc_cli.generate.strategies import SAMPLING, STRATEGIES, active, load


def random_case(seed, size=300, length=40):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 3, size), rng.integers(0, size if seed % 2 else 8, length)


PEERS = {
    "temperature": (hf.TemperatureLogitsWarper, (0.3, 0.8, 1.7)),
    "top_k": (hf.TopKLogitsWarper, (1, 5, 299, 500)),
    "top_p": (hf.TopPLogitsWarper, (0.05, 0.5, 0.9, 0.99)),
    "min_p": (hf.MinPLogitsWarper, (0.01, 0.1, 0.9)),
    "repetition_penalty": (hf.RepetitionPenaltyLogitsProcessor, (0.7, 1.3, 5.0)),
    "no_repeat_ngram": (hf.NoRepeatNGramLogitsProcessor, (1, 2, 3, 60)),
}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", PEERS)
def test_equal_to_transformers(name, seed):
    logits, history = random_case(seed)
    peer, values = PEERS[name]
    for value in values:
        ours = load(name)(logits, history, value)
        theirs = peer(value)(torch.tensor(history)[None], torch.tensor(logits)[None].clone())[0].numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_table_names_options_and_their_neutral_defaults():
    options = GenerateOptions()
    assert {name: getattr(options, name) for name in STRATEGIES} == STRATEGIES
    assert set(SAMPLING) < set(STRATEGIES) and active(options) == []
    chosen = active(GenerateOptions(top_p=0.9, temperature=0.5, repetition_penalty=1.1))
    assert [f.__name__ for f, _ in chosen] == ["repetition_penalty", "temperature", "top_p"]


@pytest.mark.parametrize("name", STRATEGIES)
def test_no_strategy_changes_its_input(name):
    logits, history = random_case(0)
    kept = logits.copy()
    load(name)(logits, history, PEERS[name][1][0])
    assert (logits == kept).all()


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=12), st.floats(0.01, 0.999))
@settings(max_examples=150, deadline=None)
def test_top_p_is_the_smallest_set_by_brute_force(values, p):
    logits = np.array(values, dtype=np.float64) / 2
    probability = np.exp(logits) / np.exp(logits).sum()
    order = sorted(range(len(values)), key=lambda i: (-logits[i], i))
    size = next(n for n in range(1, len(order) + 1) if probability[order[:n]].sum() >= p - 1e-12 or n == len(order))
    kept = load("top_p")(logits, np.array([]), p) > -np.inf
    # a sum that meets p only up to rounding may need one token more
    assert set(np.flatnonzero(kept)) in (set(order[:size]), set(order[: size + 1]))
    assert probability[kept].sum() >= p - 1e-9


def test_top_p_over_a_large_vocabulary_with_ties():
    logits = np.zeros(5000)
    logits[4000] = 3.0
    kept = np.flatnonzero(load("top_p")(logits, np.array([]), 0.5) > -np.inf)
    expected = int(np.ceil((0.5 * (np.exp(3) + 4999) - np.exp(3)) - 1e-9)) + 1
    assert kept.size == expected and 4000 in kept and (kept[: expected - 1] == np.arange(expected - 1)).all()


def test_no_repeat_ngram_by_brute_force():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n, history = int(rng.integers(1, 5)), rng.integers(0, 3, rng.integers(0, 12))
        grams = {tuple(history[i : i + n]) for i in range(len(history) - n + 1)}
        banned = {t for t in range(3) if (*history[len(history) - n + 1 :], t) in grams and len(history) >= n - 1}
        result = load("no_repeat_ngram")(np.zeros(3), history, n)
        assert set(np.flatnonzero(result == -np.inf)) == banned
