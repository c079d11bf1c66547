"""Batches: a pure function of (seed, step), every window once an epoch, nothing copied before it is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.train.data import IGNORE, TokenData, TokenStream, windows


def stream_of(n, cuts=()):
    ids = np.arange(n, dtype=np.uint16)
    return TokenStream(np.split(ids, cuts))


def test_a_stream_reads_across_arrays_without_copying_them():
    arrays = [np.arange(6, dtype=np.uint16).reshape(2, 3), np.arange(6, 7, dtype=np.uint16), np.arange(7, 12)]
    stream = TokenStream(arrays)
    assert len(stream) == 12
    assert stream.arrays[0].base is arrays[0] or np.shares_memory(stream.arrays[0], arrays[0])
    out = np.empty(8, np.int64)
    stream.read(2, out)
    assert out.tolist() == list(range(2, 10))


@pytest.mark.parametrize("n", [9, 16, 17, 100, 101, 163])
def test_an_epoch_visits_every_window_once(n):
    data = TokenData(stream_of(n, (3, 7)), context=8, batch_size=1, seed=5)
    for epoch in range(3):
        starts = []
        for step in range(epoch * data.windows, (epoch + 1) * data.windows):
            (inputs, targets), rows = data.batch(step, 0)
            assert rows == (0,)
            assert (targets == inputs + 1).all()
            starts.append(int(inputs[0, 0]))
        assert len(set(starts)) == data.windows
        assert {s % 8 for s in starts} == {starts[0] % 8}
    assert data.windows >= max(1, (n - 1) // 8 - 1)


def test_epochs_differ_in_order_and_offset():
    data = TokenData(stream_of(1000), context=10, batch_size=1, seed=0)
    epochs = [[int(data.batch(e * data.windows + i, 0)[0][0][0, 0]) for i in range(data.windows)] for e in range(3)]
    assert epochs[0] != epochs[1] != epochs[2]
    assert len({e[0] % 10 for e in epochs}) > 1


def test_batches_depend_on_seed_and_step_alone():
    def make(seed=3, **kwargs):
        return TokenData(stream_of(500), context=8, seed=seed, **kwargs)

    used, fresh = make(batch_size=4), make(batch_size=4)
    for step in range(40):
        used.batch(step, 0)
    for step in (39, 3, 20):
        assert torch.equal(used.batch(step, 0)[0][0], fresh.batch(step, 0)[0][0])
    assert not torch.equal(make(batch_size=4).batch(0, 0)[0][0], make(4, batch_size=4).batch(0, 0)[0][0])


def test_accumulation_and_ranks_share_out_the_same_global_batch():
    whole = TokenData(stream_of(500), context=8, batch_size=8, seed=1)
    expected = {row: whole.batch(7, 0)[0][0][row].tolist() for row in range(8)}
    parts = {}
    for rank in range(2):
        data = TokenData(stream_of(500), context=8, batch_size=2, micro_batches=2, seed=1, rank=rank, world=2)
        assert data.tokens_per_step == whole.tokens_per_step
        for micro in range(2):
            (inputs, _), rows = data.batch(7, micro)
            parts.update({row: tokens.tolist() for row, tokens in zip(rows, inputs, strict=True)})
    assert parts == expected


@pytest.mark.parametrize("n", [2, 5, 9, 17, 100])
def test_validation_predicts_every_token_but_the_first_once(n):
    seen = []
    for inputs, targets in windows(stream_of(n, (1,)), 8, 3):
        counted = targets != IGNORE
        assert (targets[counted] == inputs[counted] + 1).all()
        seen += targets[counted].tolist()
    assert seen == list(range(1, n))


def test_a_limited_validation_is_spread_out_and_fixed():
    stream = stream_of(1000)
    first = [t.tolist() for _, t in windows(stream, 10, 4, 100)]
    assert first == [t.tolist() for _, t in windows(stream, 10, 4, 100)]
    flat = [x for batch in first for row in batch for x in row]
    assert len(flat) == 100 and max(flat) > 900


def test_the_end_of_the_last_record_is_not_read():
    cut = TokenStream([np.arange(4), np.arange(4, 8), np.zeros(4)], limit=6)
    assert len(cut) == 6 and cut.arrays[-1].tolist() == [4, 5]


def test_records_that_keep_documents_whole_stay_whole():
    records = np.array([[5, 6, 7, 0], [8, 0, 0, 0], [1, 2, 3, 4]], np.uint16)
    stream = TokenStream([records[:1], records[1:]], record=4)
    data = TokenData(stream, context=4, batch_size=3, seed=2)
    assert data.windows == 3
    found = {}
    (inputs, targets), _ = data.batch(0, 0)
    for row, wanted in zip(inputs.tolist(), targets.tolist(), strict=True):
        found[tuple(row)] = wanted
    i = IGNORE
    assert found == {(5, 6, 7, 0): [6, 7, i, i], (8, 0, 0, 0): [i] * 4, (1, 2, 3, 4): [2, 3, 4, i]}
    (inputs, _), _ = data.batch(5, 0)
    assert {tuple(row) for row in inputs.tolist()} == set(found)


def test_records_are_cut_into_shorter_contexts_inside():
    stream = TokenStream([np.array([[5, 6, 7, 8], [1, 2, 3, 0]])], record=4)
    data = TokenData(stream, context=2, batch_size=4)
    found = {tuple(x): y for x, y in zip(*(v.tolist() for v in data.batch(0, 0)[0]), strict=True)}
    i = IGNORE
    assert found == {(5, 6): [6, 7], (7, 8): [8, i], (1, 2): [2, 3], (3, 0): [i, i]}
    with pytest.raises(ConfigError, match=r"cannot be cut into contexts of 3"):
        TokenData(stream, context=3, batch_size=1)


def test_validation_of_whole_records_predicts_inside_them():
    stream = TokenStream([np.array([[5, 6, 7, 8], [1, 2, 3, 0]])], record=4)
    pairs = [
        (x, y)
        for inputs, targets in windows(stream, 4, 2)
        for x, y in zip(inputs.ravel(), targets.ravel(), strict=True)
    ]
    assert [(int(x), int(y)) for x, y in pairs if y != IGNORE] == [(5, 6), (6, 7), (7, 8), (1, 2), (2, 3)]


def test_data_shorter_than_a_window():
    data = TokenData(stream_of(5), context=64, batch_size=2)
    (inputs, targets), _ = data.batch(0, 0)
    assert inputs.tolist() == [[0, 1, 2, 3]] * 2 and targets.tolist() == [[1, 2, 3, 4]] * 2
    with pytest.raises(DataError, match="fewer than 2 tokens"):
        TokenData(stream_of(1), context=8, batch_size=1)
