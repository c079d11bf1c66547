"""Arrow files with flipped bytes: read rightly or refused in two lines, and never a crash."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aigc_cli.cli import main
from aigc_cli.collect.dispatch import read_file
from aigc_cli.collect.records import Context, Settings
from aigc_cli.core.engine import Unit, map_units
from aigc_cli.core.errors import DataError
from aigc_cli.core.run import Run
from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.core.shards import Shards

SCHEMA = pa.schema(
    [("id", pa.string()), ("text", pa.large_string()), ("tags", pa.list_(pa.int32())),
     ("input_ids", pa.list_(pa.uint16(), 8))]
)  # fmt: skip
ROWS, IDS = 40, 320
WRONG, FINE, REFUSED = 1, 2, 3


def rows(count=ROWS):
    texts = [None if i % 7 == 0 else "字" * (i % 9) + str(i) for i in range(count)]
    return pa.RecordBatch.from_arrays(
        [pa.array([str(i) for i in range(count)]), pa.array(texts, pa.large_string()),
         pa.array([[i] * (i % 3) for i in range(count)], pa.list_(pa.int32())),
         pa.FixedSizeListArray.from_arrays(pa.array(np.arange(8 * count, dtype=np.uint16)), 8)], schema=SCHEMA,
    )  # fmt: skip


def shards(directory: Path) -> Path:
    """One shard of ROWS rows; gives its file."""
    writer = ShardWriter(directory, SCHEMA)
    writer.write(rows())
    return writer.close()[0]


def use(directory: Path) -> None:
    """All that stages do with rows: as Python objects, taken, sliced, as views."""
    opened = Shards.open(directory)
    for batch in opened.batches():
        batch.to_pylist()
        batch.take(pa.array(np.arange(batch.num_rows)[::-1]))
    for batch in opened.rows(3, 20, ["text", "tags"]):
        batch.to_pylist()
    for view in opened.fixed("input_ids", below=IDS):
        int(view.sum())


def outcomes(file: Path, data: bytes, places, work) -> list[tuple[int, int]]:
    """(place, what came of it) with each byte flipped in three ways, in a child process: a crash is the last one."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        for place in places:
            for flip in (0x01, 0x80, 0xFF):
                file.write_bytes(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
                try:
                    work()
                    outcome = FINE
                except DataError:
                    outcome = REFUSED
                except BaseException:
                    outcome = WRONG
                os.write(writing, bytes([outcome]))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        found = pipe.read()
    _, status = os.waitpid(child, 0)
    assert not os.WIFSIGNALED(status), f"signal {os.WTERMSIG(status)} after flipping byte {places[len(found) // 3]}"
    return [(places[i // 3], outcome) for i, outcome in enumerate(found)]


def test_no_flipped_byte_crashes_or_surprises(tmp_path):
    """Every third byte: the schema, headers of batches, validity, offsets, values, the end."""
    file = shards(tmp_path)
    data = file.read_bytes()
    found = outcomes(file, data, range(0, len(data), 3), lambda: use(tmp_path))
    assert [place for place, outcome in found if outcome == WRONG] == []
    refused = sum(outcome == REFUSED for _, outcome in found)
    assert refused > len(found) // 4 and refused < len(found)


@pytest.mark.parametrize("kind", [".arrow", "shard", ".parquet"])
def test_no_flipped_byte_of_an_input_crashes_collect(tmp_path, kind):
    table = pa.table({"id": [str(i) for i in range(9)], "text": [f"text {i} 字" for i in range(9)], "url": [None] * 9})
    file = tmp_path / "x"
    if kind == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, file)
    else:
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    data = file.read_bytes()
    found = outcomes(
        file, data, range(0, len(data), 5), lambda: list(read_file(str(file), "l", kind, Settings(), Context()))
    )
    assert [place for place, outcome in found if outcome == WRONG] == []


def test_text_that_is_no_utf8_is_refused_before_anybody_reads_it(tmp_path):
    file = shards(tmp_path)
    data = file.read_bytes()
    place = data.index("字字".encode())
    file.write_bytes(data[:place] + b"\xff" + data[place + 1 :])
    opened = Shards.open(tmp_path)
    assert [len(b) for b in opened.batches(["id"])] == [ROWS], "other columns are still there"
    for read in (lambda: list(opened.batches(["text"])), lambda: list(opened.rows(0, ROWS)), lambda: use(tmp_path)):
        with pytest.raises(DataError, match=r"data-00000-of-00001\.arrow is damaged") as caught:
            read()
        assert caught.value.hint and "\n" not in caught.value.message


def test_offsets_that_lead_outside_are_refused(tmp_path):
    file = shards(tmp_path)
    data = file.read_bytes()
    offsets = rows().column("text").buffers()[1].to_pybytes()[: 8 * (ROWS + 1)]
    place = data.index(offsets) + 8 * (ROWS // 2)
    file.write_bytes(data[:place] + (1 << 40).to_bytes(8, "little") + data[place + 8 :])
    with pytest.raises(DataError, match="damaged"):
        list(Shards.open(tmp_path).batches(["text"]))
    # An offset that goes backwards, each end still inside.
    file.write_bytes(data[:place] + (1).to_bytes(8, "little") + data[place + 8 :])
    with pytest.raises(DataError, match="damaged"):
        list(Shards.open(tmp_path).rows(ROWS // 2 - 3, 6, ["text"]))


def test_state_json_names_no_files_elsewhere(tmp_path):
    shards(tmp_path / "made")
    state = json.loads((tmp_path / "made" / "state.json").read_text())
    for name in ("../other.arrow", "/etc/passwd", ""):
        state["_data_files"] = [{"filename": name}]
        (tmp_path / "made" / "state.json").write_text(json.dumps(state))
        with pytest.raises(DataError, match=r"state\.json"):
            Shards.open(tmp_path / "made")


def test_files_of_one_directory_have_equal_columns(tmp_path):
    file = shards(tmp_path)
    other = tmp_path / "other.arrow"
    batch = rows().select(["id", "text"])
    with pa.OSFile(str(other), "wb") as sink, pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    state = json.loads((tmp_path / "state.json").read_text())
    state["_data_files"] = [{"filename": file.name}, {"filename": other.name}]
    (tmp_path / "state.json").write_text(json.dumps(state))
    with pytest.raises(DataError, match=r"other\.arrow is damaged"):
        Shards.open(tmp_path).num_rows()


def test_ids_above_the_vocabulary_and_records_without_values(tmp_path):
    shards(tmp_path)
    assert len(Shards.open(tmp_path).fixed("input_ids", below=IDS)) == 1
    with pytest.raises(DataError, match=f"id {IDS - 1}, the vocabulary has {IDS - 1}"):
        Shards.open(tmp_path).fixed("input_ids", below=IDS - 1)
    schema = pa.schema([("signed", pa.list_(pa.int32(), 2)), ("holes", pa.list_(pa.int32(), 2)),
                        ("real", pa.list_(pa.float32(), 2))])  # fmt: skip
    writer = ShardWriter(tmp_path / "more", schema)
    writer.write(pa.RecordBatch.from_pylist([{"signed": [1, -1], "holes": [1, None], "real": [0, 1]}], schema=schema))
    writer.close()
    for column in schema.names:
        with pytest.raises(DataError):
            Shards.open(tmp_path / "more").fixed(column, below=100)
    assert Shards.open(tmp_path / "more").fixed("real")[0].tolist() == [[0, 1]]


# -- what the engine keeps ---------------------------------------------------------------------------------------------


def step(number):
    yield rows(number), {"rows": number}


@pytest.mark.parametrize("damage", ["flipped", "cut between batches", "another schema"])
def test_a_damaged_part_of_this_run(here, damage):
    with Run("out", stage="s", version=1, options={}) as run:
        units = [Unit(f"u{n}", n) for n in (300, 301)]
        parts = map_units(run, units, step, schema=SCHEMA, label="x", workers=1)
        file = next((run.dir / "parts").glob("*.arrow"))
        data = bytearray(file.read_bytes())
        if damage == "flipped":
            data[data.index("字字".encode())] = 0xFF
        elif damage == "cut between batches":
            batches = list(pa.ipc.open_stream(bytes(data)))
            with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, SCHEMA) as writer:
                writer.write_batch(batches[0])
            data = bytearray(file.read_bytes())
        else:
            batch = rows().select(["id"])
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            data = bytearray(sink.getvalue().to_pybytes())
        file.write_bytes(data)
        with pytest.raises(DataError, match="damaged") as caught:
            parts.merge(run.dir)
        assert "--force" in caught.value.hint


def test_damaged_rows_of_the_previous_run_are_not_taken_over(here, capsys):
    Path("raw").mkdir()
    for n in range(3):
        Path("raw", f"{n}.txt").write_text(f"document {n} 字字")
    assert main(["collect", "raw", "-o", "docs", "-q"]) == 0
    file = next(Path("docs").glob("*.arrow"))
    data = file.read_bytes()
    file.write_bytes(data.replace("字字".encode(), b"\xff" * 6, 1))
    Path("raw", "3.txt").write_text("one more")
    capsys.readouterr()
    assert main(["collect", "raw", "-o", "docs", "-q"]) == 3
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 2 and "damaged" in error[0] and "--force" in error[1]
    assert main(["collect", "raw", "-o", "docs", "-q", "--force"]) == 0


def test_commands_refuse_damaged_shards_in_two_lines(here, capsys):
    Path("raw").mkdir()
    for n in range(30):
        Path("raw", f"{n}.txt").write_text(f"The {n} garden of the old {n} harbor was quiet in the morning. " * 6)
    assert main(["tokenize", "raw", "-o", "tokens", "--vocab-size", "420", "--length", "32", "-q"]) == 0
    assert main(["collect", "raw", "-o", "docs", "-q"]) == 0
    text = next(Path("docs").glob("*.arrow"))
    text.write_bytes(text.read_bytes().replace(b"garden", b"\xff\xfe\xfd\xfc\xfb\xfa", 3))
    ids = next(Path("tokens/train").glob("*.arrow"))
    view = Shards.open("tokens").fixed("input_ids", "train")[0][0].tobytes()
    ids.write_bytes(ids.read_bytes().replace(view, b"\xff" * len(view), 1))
    for command in (["clean", "docs", "-o", "x"], ["tokenize", "docs", "-o", "x"],
                    ["train", "gpt", "--shards", "tokens", "-o", "x", "--steps", "2", "--depth", "1"]):  # fmt: skip
        capsys.readouterr()
        assert main([*command, "-q"]) == 3, command
        error = capsys.readouterr().err.strip().splitlines()
        assert len(error) == 2 and error[0].startswith("error: ") and error[1].startswith("hint: "), error
        assert not Path("x").exists()
