"""Pairs: how they are read, made into records and put into batches."""

from __future__ import annotations

import functools
import gzip
import json

import numpy as np
import pyarrow as pa
import pytest

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.train.batches.pair_data import PairData, PairTable, PairValidation
from aigc_cli.train.batches.pair_records import open_pairs
from aigc_cli.train.batches.pairs import Reader
from aigc_cli.train.batches.spans import collate
from aigc_cli.train.tasks.options import Seq2seqRules

ROWS = [(f"a{i} cat", f"the cat number {i} of all") for i in range(60)]


BATCHED = functools.partial(collate, start=0, pad=0)


def read(*paths, fields=None):
    reader = Reader(list(paths), fields)
    return list(reader.pairs()), dict(reader.left_out)


def test_every_form_gives_the_same_pairs(tmp_path):
    jsonl, table, tabs, packed, shards = (tmp_path / n for n in ("a.jsonl", "b.csv", "c.tsv", "d.jsonl.gz", "shards"))
    lines = "".join(json.dumps({"src": s, "tgt": t, "n": 1}) + "\n" for s, t in ROWS)
    jsonl.write_text(lines)
    packed.write_bytes(gzip.compress(lines.encode()))
    table.write_text("id,source,target\n" + "".join(f'{i},"{s}","{t}"\n' for i, (s, t) in enumerate(ROWS)))
    tabs.write_text("".join(f"{s}\t{t}\n" for s, t in ROWS))
    schema = pa.schema([("wrong", pa.string()), ("right", pa.large_string())])
    writer = ShardWriter(shards, schema)
    writer.write(pa.record_batch([pa.array(side) for side in zip(*ROWS, strict=True)], names=["wrong", "right"]))
    writer.close()
    wanted = ([(s, t, "") for s, t in ROWS], {})
    for path in (jsonl, table, packed, shards):
        assert read(path) == wanted
    assert read(tabs, fields=("1", "2")) == wanted
    assert read(jsonl, fields=("tgt", "src"))[0][0] == (ROWS[0][1], ROWS[0][0], "")


def test_file_names_say_what_validates(tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"input": name, "output": "x"}) + "\n")
    assert read(tmp_path)[0] == [("train", "x", "train"), ("valid", "x", "validation")]


def test_what_is_left_out_is_counted(tmp_path):
    file = tmp_path / "a.jsonl"
    lines = ['{"source": "a", "target": "b"}', "{", "[1]", '{"source": "a"}', '{"source": " ", "target": "b"}',
             '{"source": "\\ud800", "target": "b"}', ""]  # fmt: skip
    file.write_text("\n".join(lines))
    assert read(file) == ([("a", "b", "")], {"no JSON object": 2, "no two texts": 1, "empty": 1, "lone surrogates": 1})


@pytest.mark.parametrize(
    "content, kind",
    [(b'{"x": "a", "y": "b"}\n', ConfigError), (b'{"source": "\xff"}\n', DataError), (b"", DataError),
     (b'{"source": "a"}\n', ConfigError)],
)  # fmt: skip
def test_users_mistakes(here, content, kind):
    (here / "a.jsonl").write_bytes(content)
    with pytest.raises(kind) as caught:
        open_pairs([here / "a.jsonl"], Seq2seqRules(task="pairs"), None, Common())
    assert caught.value.hint


def test_options_that_contradict_each_other():
    for values in ({"task": "span", "vocab_size": 500}, {"task": "pairs", "source_field": "a"},
                   {"task": "pairs", "source_field": "a", "target_field": "a"}):  # fmt: skip
        with pytest.raises(ValueError):
            Seq2seqRules(**values)


@pytest.fixture
def records(here):
    (here / "a.jsonl").write_text("".join(json.dumps({"source": s, "target": t}) + "\n" for s, t in ROWS))
    rules = Seq2seqRules(task="pairs", vocab_size=400)
    return open_pairs([here / "a.jsonl"], rules, None, Common()), rules


def test_records_give_the_texts_back_and_are_made_once(records, here):
    pairs, rules = records
    texts = set()
    for table in (pairs.train, pairs.validation):
        for row in range(len(table)):
            sides = table[row]
            assert all(side[-1] == pairs.tokenizer.eos for side in sides)
            texts.add(tuple(pairs.tokenizer.decode(side[:-1]) for side in sides))
    assert texts == set(ROWS) and 1 <= len(pairs.validation) < 10
    stamp = (pairs.path / "tokenizer/tokenizer.json").stat().st_mtime_ns
    again = open_pairs([here / "a.jsonl"], rules, None, Common())
    assert again.path == pairs.path and (again.path / "tokenizer/tokenizer.json").stat().st_mtime_ns == stamp
    given = open_pairs([pairs.path], rules, pairs.tokenizer, Common())
    assert len(given.train) == len(pairs.train)


def table_of(seed=0, count=700):
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 40, (2, count))
    kind = pa.large_list(pa.uint16())
    sides = [pa.array([random.integers(3, 90, n).tolist() for n in side], kind) for side in lengths]
    batch = pa.record_batch(sides, names=["source", "target"])
    return PairTable([batch.slice(0, 300), batch.slice(300)])


def test_an_epoch_is_every_fitting_pair_once_with_little_padding():
    table = table_of()
    data = PairData(table, context=35, batch_tokens=400, collate=BATCHED)
    wanted = sorted((tuple(s), tuple(t)) for s, t in (table[int(r)] for r in table.fitting(35)))
    for epoch in range(2):
        seen, held = [], 0
        for step in range(len(data.cells)):
            source, mask, _, targets = data.batch(epoch * len(data.cells) + step, 0)[0]
            mask = np.ones(source.shape, bool) if mask is None else mask.numpy()
            assert source.shape[0] * (source.shape[1] + targets.shape[1]) <= 400
            held += source.numel() + targets.numel()
            for text, there, target in zip(source.numpy(), mask, targets.numpy(), strict=True):
                seen.append((tuple(text[there]), tuple(target[target >= 0])))
        assert sorted(seen) == wanted
        assert 1 - data.tokens / held < 0.25  # random batches of these lengths have 45 %


def test_batches_depend_on_seed_and_step_alone():
    table = table_of()
    far, near = (
        PairData(table, context=40, batch_tokens=300, micro_batches=2, seed=5, collate=BATCHED) for _ in range(2)
    )
    step = len(far.cells)  # in the third epoch: two micro-batches a step
    for _ in range(2):
        a, b = far.batch(step, 1), near.batch(step, 1)
        assert a[1] == b[1] and a[0][0].tolist() == b[0][0].tolist()
        near.batch(0, 0)
    other = PairData(table, context=40, batch_tokens=300, micro_batches=2, seed=6, collate=BATCHED)
    assert other.batch(step, 1)[0][0].tolist() != far.batch(step, 1)[0][0].tolist()


def test_validation_reads_all_or_an_even_part():
    table = table_of(1)
    validation = PairValidation(table, context=40, batch_tokens=300, collate=BATCHED)
    assert sum(len(batch[0]) for batch in validation.batches()) == len(table)
    part = sum(int((batch[3] >= 0).sum() + (batch[0] > 0).sum()) for batch in validation.batches(2000))
    assert 1500 < part < 2500
