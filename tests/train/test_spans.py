"""Span corruption: what is cut out comes back, by how much, and from which random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_cli.core.errors import ConfigError
from aigc_cli.train.batches.spans import Noise, SpanData, SpanValidation
from aigc_cli.train.data import IGNORE, TokenData, TokenStream

NOISE = Noise(0.15, 3.0, tuple(range(100, 200)), pad=0, eos=2)


def put_back(source, target, noise=NOISE):
    """The text, from the source and the target's spans."""
    marks, spans, current = set(noise.sentinels), {}, None
    for token in target[:-1]:
        if token in marks:
            current = spans.setdefault(int(token), [])
        else:
            current.append(token)
    text = []
    for token in source[:-1]:
        text += spans[int(token)] if token in marks else [token]
    return text


@pytest.mark.parametrize("length", [2, 3, 7, 20, 64, 512])
def test_spans_go_back_into_their_holes(length):
    generator = np.random.default_rng(length)
    tokens = generator.integers(3, 100, length)
    n_cut, n_spans = NOISE.counts(length)
    for _ in range(20):
        source, target = NOISE.corrupt(tokens, generator)
        assert put_back(source, target) == tokens.tolist()
        assert source[-1] == target[-1] == NOISE.eos
        assert len(source) == length - n_cut + n_spans + 1 and len(target) == n_cut + n_spans + 1
        marks = [t for t in source if t in NOISE.sentinels]
        assert marks == list(NOISE.sentinels[:n_spans]) == [t for t in target if t in NOISE.sentinels]


def test_shares_are_the_papers():
    """512 tokens: 77 are cut out (15 %), in 26 spans (3 on the mean); Raffel et al. 2020, section 3.1.4."""
    assert NOISE.counts(512) == (77, 26)


def test_every_division_is_equally_likely():
    generator = np.random.default_rng(0)
    noise = Noise(0.5, 2.0, NOISE.sentinels, 0, 2)  # 8 tokens: 4 cut out in 2 spans; 3 x 3 ways
    seen: dict[bytes, int] = {}
    for _ in range(4500):
        key = noise.mask(8, generator).tobytes()
        seen[key] = seen.get(key, 0) + 1
    assert len(seen) == 9
    assert sum((count - 500) ** 2 / 500 for count in seen.values()) < 26.1  # chi-squared, 8 degrees: p = 0.001


def data_of(seed=0, record=None, micro=1):
    ids = np.random.default_rng(1).integers(3, 100, 600)
    if record:
        ids = ids.reshape(-1, record)
        ids[:, -4:] = 0
    stream = TokenStream([ids], record=record)
    return SpanData(TokenData(stream, context=20, batch_size=4, micro_batches=micro, seed=seed), NOISE, start=0)


def flat(batch):
    return [None if part is None else part.tolist() for part in batch]


def test_batches_depend_on_seed_and_step_alone():
    first, again, other = data_of(), data_of(), data_of(seed=1)
    again.batch(9, 0)
    assert flat(first.batch(3, 0)[0]) == flat(again.batch(3, 0)[0]) != flat(other.batch(3, 0)[0])
    assert flat(first.batch(3, 0)[0]) != flat(first.batch(4, 0)[0])


def test_rows_are_the_same_however_they_are_divided():
    """4 rows in one forward pass, or in two of 2, are the same global batch with the same noise."""
    whole = data_of().batch(5, 0)[0]
    ids = np.random.default_rng(1).integers(3, 100, 600)
    halves = SpanData(TokenData(TokenStream([ids]), context=20, batch_size=2, micro_batches=2), NOISE, 0)
    parts = [halves.batch(5, micro)[0] for micro in (0, 1)]
    for place in (0, 2, 3):
        assert whole[place].tolist() == parts[0][place].tolist() + parts[1][place].tolist()


def test_the_decoder_reads_its_target_one_token_later_and_padding_is_no_target():
    source, mask, given, wanted = data_of(record=20).batch(0, 0)[0]
    assert (source != NOISE.pad).all() and mask is None  # 16 tokens each: no padding is left
    assert given[:, 0].tolist() == [0] * 4 and (given[:, 1:] == wanted[:, :-1]).all() and (wanted != IGNORE).all()


def test_validation_has_the_same_holes_every_time():
    stream = TokenStream([np.random.default_rng(2).integers(3, 100, 333)])
    validation = SpanValidation(stream, NOISE, 0, 20, 3)
    a, b = ([flat(batch) for batch in validation.batches()] for _ in range(2))
    assert a == b and sum(len(batch[0]) for batch in a) == 17
    assert a[-1][1] is not None  # the last window is shorter: padded
    assert len(list(validation.batches(60))) == 1


def test_more_holes_than_marks_is_refused():
    with pytest.raises(ConfigError):
        NOISE.check(4000)
    NOISE.check(2000)
