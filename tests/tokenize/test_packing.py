"""Best-fit packing: no token lost, no document cut that fits a record, little padding; the same for any batches."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.collect.api import collect
from aigc_cli.collect.options import CollectOptions
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards
from aigc_cli.tokenize import packing
from aigc_cli.tokenize.api import tokenize
from aigc_cli.tokenize.best_fit import best_fit
from aigc_cli.tokenize.encoding import part_schema
from aigc_cli.tokenize.options import TokenizeOptions
from aigc_cli.train.data import IGNORE, TokenData
from aigc_cli.train.tokens import open_tokens

VOCABULARY, PAD = 1000, 0


def fewest_bins(sizes, capacity):
    """By trying every assignment."""
    for count in range(1, len(sizes) + 1):
        for choice in itertools.product(range(count), repeat=len(sizes)):
            if np.bincount(choice, weights=sizes, minlength=count).max() <= capacity:
                return count
    return 0


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_bins_hold_what_they_say_and_are_nearly_the_fewest(sizes):
    bins, free = best_fit(np.array(sizes), 12)
    used = np.bincount(bins, weights=sizes, minlength=len(free))
    assert (used + free == 12).all() and (used > 0).all()
    assert len(free) <= 11 / 9 * fewest_bins(sizes, 12) + 1


def brute_best_fit(sizes, capacity):
    free, bins = [], [0] * len(sizes)
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        room = [b for b, f in enumerate(free) if f >= sizes[i]]
        if room:
            bins[i] = min(room, key=lambda b: free[b])
        else:
            free.append(capacity)
            bins[i] = len(free) - 1
        free[bins[i]] -= sizes[i]
    return sorted(free)


@given(st.lists(st.integers(1, 64), max_size=80))
@settings(max_examples=60, deadline=None)
def test_each_segment_goes_where_least_is_left(sizes):
    assert sorted(best_fit(np.array(sizes, np.int64), 64)[1].tolist()) == brute_best_fit(sizes, 64)


def documents_of(seed, count, longest):
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.geometric(1 / 20, count) + 1, longest)
    return [rng.integers(10, VOCABULARY, size).astype(np.uint16) for size in sizes]


def packed(tmp_path, documents, pack, length, groups=1):
    tokenizer = SimpleNamespace(vocab_size=VOCABULARY, pad=PAD, id_bytes=[1] * VOCABULARY)
    packer = packing.Packer(tmp_path, "train", tokenizer, length=length, pack=pack)
    for part in np.array_split(np.arange(len(documents)), groups):
        offsets = np.cumsum([0, *(len(documents[i]) for i in part)])
        values = np.concatenate([documents[i] for i in part]) if len(part) else np.empty(0, np.uint16)
        ids = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values, pa.uint16()))
        sizes = [len(documents[i]) for i in part]
        columns = [ids, pa.array(sizes, pa.int64()), pa.array([False] * len(part))]
        packer.feed(pa.RecordBatch.from_arrays(columns, schema=part_schema(VOCABULARY)))
    packer.close()
    batches = list(Shards.open(tmp_path).batches())
    records = np.concatenate(Shards.open(tmp_path).fixed("input_ids", "train"))
    starts = [list(s) for b in batches for s in b.column("doc_starts").to_pylist()]
    return packer, records, starts


@pytest.mark.parametrize("groups", [1, 7])
@pytest.mark.parametrize("buffer", [1 << 22, 500])
def test_best_fit_loses_nothing_and_cuts_only_what_is_too_long(tmp_path, monkeypatch, groups, buffer):
    monkeypatch.setattr(packing, "BUFFER_TOKENS", buffer)
    documents, length = documents_of(1, 400, 150), 64
    packer, records, starts = packed(tmp_path, documents, "best-fit", length, groups)
    pieces = []
    for record, places in zip(records, starts, strict=True):
        assert places[0] == 0
        end = int((record != PAD).sum())
        assert (record[:end] != PAD).all()
        pieces += [record[a:b].tobytes() for a, b in itertools.pairwise([*places, end])]
    wanted = [d[i : i + length].tobytes() for d in documents for i in range(0, len(d), length)]
    assert sorted(pieces) == sorted(wanted)
    assert packer.tokens == sum(map(len, documents)) and packer.cropped == 0
    assert packer.tokens + packer.padding == records.size
    assert packer.cut == sum(len(d) > length for d in documents)
    assert packer.padding < 0.02 * packer.tokens


def test_what_waits_stays_bounded_where_nothing_fits_together(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "BUFFER_TOKENS", 1000)
    documents = [np.full(40, 10 + i, np.uint16) for i in range(300)]
    packer, records, _ = packed(tmp_path, documents, "best-fit", 64, groups=100)
    assert len(records) == 300 and packer.padding == 300 * 24
    assert sorted(records[:, 0].tolist()) == list(range(10, 310))


def test_the_stream_counts_the_documents_that_it_cuts(tmp_path):
    documents = [np.full(n, 7, np.uint16) for n in (4, 4, 6, 2, 9, 3)]
    packer, records, starts = packed(tmp_path, documents, "stream", 8, groups=3)
    assert packer.cut == 1 and packer.padding == 4 and len(records) == 4
    assert starts == [[0, 4], [0, 6], [0], [1]]


def test_training_reads_records_of_whole_documents_as_such(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = [f"Sentence number {i} of a short document about {i * i} things." for i in range(200)]
    (tmp_path / "raw.txt").write_text("\n".join(text), encoding="utf-8")
    docs = collect(["raw.txt"], CollectOptions(lines=True), Common(output=tmp_path / "docs")).path
    options = TokenizeOptions(kind="char", length=128, pack="best-fit")
    result = tokenize([docs], options, Common(output=tmp_path / "tokens"))
    assert result.manifest["facts"]["cut"] == {"train": 0, "validation": 0}
    tokens = open_tokens(tmp_path / "tokens")
    assert tokens.train.record == 128 and tokens.train.pad == tokens.tokenizer.pad
    (inputs, targets), _ = TokenData(tokens.train, context=128, batch_size=8).batch(0, 0)
    assert (inputs[:, 0] == tokens.tokenizer.bos).all()
    assert ((targets == IGNORE) | (targets > 0)).all() and (targets[:, -1] == IGNORE).all()
