"""Shards: what datasets opens, what bytes depend on, what damage says."""

from __future__ import annotations

import datasets
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import hash_file
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards

SCHEMA = pa.schema([("text", pa.large_string()), ("n", pa.int64()), ("tags", pa.list_(pa.int32()))])


def rows(count: int) -> pa.RecordBatch:
    texts = [None if i % 7 == 0 else "字" * (i % 50) + str(i) for i in range(count)]
    return pa.RecordBatch.from_arrays(
        [pa.array(texts, pa.large_string()), pa.array(range(count), pa.int64()),
         pa.array([[i] * (i % 3) for i in range(count)], pa.list_(pa.int32()))], schema=SCHEMA,
    )  # fmt: skip


def test_datasets_opens_what_we_write(tmp_path):
    writer = ShardWriter(tmp_path, SCHEMA)
    writer.write(rows(2500))
    writer.close()
    loaded = datasets.load_from_disk(str(tmp_path))
    assert loaded.num_rows == 2500
    assert loaded[1]["text"] == rows(2500).column(0)[1].as_py()
    assert loaded[2499]["tags"] == [] or loaded[2499]["n"] == 2499
    assert Shards.open(tmp_path).num_rows() == 2500


def test_datasets_opens_splits_and_fixed_lists(tmp_path):
    schema = pa.schema([("input_ids", pa.list_(pa.uint16(), 4))])
    for split in ("train", "validation"):
        values = pa.array(np.arange(12, dtype=np.uint16))
        writer = ShardWriter(tmp_path / split, schema, split=split)
        writer.write(pa.RecordBatch.from_arrays([pa.FixedSizeListArray.from_arrays(values, 4)], schema=schema))
        writer.close()
    write_dataset_dict(tmp_path, ["train", "validation"])
    loaded = datasets.load_from_disk(str(tmp_path))
    assert loaded["validation"][1]["input_ids"] == [4, 5, 6, 7]
    view = Shards.open(tmp_path).fixed("input_ids", "train")[0]
    assert view.tolist() == np.arange(12).reshape(3, 4).tolist()
    assert not view.flags.owndata


def test_every_document_column_type_is_known_to_datasets(tmp_path):
    ShardWriter(tmp_path, DOCUMENT_SCHEMA).close()
    assert datasets.load_from_disk(str(tmp_path)).num_rows == 0
    assert Shards.open(tmp_path).num_rows() == 0


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 2300), max_size=12))
def test_bytes_do_not_depend_on_how_rows_arrive(tmp_path_factory, cuts):
    whole, pieces = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("pieces")
    batch = rows(2300)
    one = ShardWriter(whole, SCHEMA, shard_bytes=60_000)
    one.write(batch)
    files = one.close()
    many = ShardWriter(pieces, SCHEMA, shard_bytes=60_000)
    edges = [0, *sorted(cuts), 2300]
    for start, end in zip(edges, edges[1:], strict=False):
        many.write(batch.slice(start, end - start))
    others = many.close()
    assert len(files) > 1
    assert [hash_file(f) for f in files] == [hash_file(f) for f in others]


def test_a_damaged_file_is_a_data_error(tmp_path):
    writer = ShardWriter(tmp_path, SCHEMA)
    writer.write(rows(500))
    file = writer.close()[0]
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DataError, match="damaged"):
        Shards.open(tmp_path).num_rows()
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(DataError):
        Shards.open(tmp_path)


def test_unknown_column_and_split_name_the_nearest(tmp_path):
    writer = ShardWriter(tmp_path, SCHEMA)
    writer.write(rows(3))
    writer.close()
    shards = Shards.open(tmp_path)
    with pytest.raises(DataError) as error:
        list(shards.batches(["txt"]))
    assert "'text'" in error.value.hint
    with pytest.raises(ConfigError):
        shards.num_rows("validation")


def test_row_ranges_cross_batches(tmp_path):
    writer = ShardWriter(tmp_path, SCHEMA)
    writer.write(rows(2500))
    writer.close()
    got = [n for batch in Shards.open(tmp_path).rows(990, 1200, ["n"]) for n in batch.column(0).to_pylist()]
    assert got == list(range(990, 2190))
