"""Lineage: the chain back to raw files, and what it says when a link is gone or was made anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from aigc_cli.core import lineage as core_lineage
from aigc_cli.core.errors import DataError
from aigc_cli.core.run import Run
from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.core.shards import DOCUMENT_SCHEMA
from aigc_cli.lineage import lineage


@pytest.fixture(autouse=True)
def _chain(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Run("shards", stage="collect", version=1, options={}) as run:
        writer = ShardWriter(run.dir, DOCUMENT_SCHEMA)
        rows = [
            {"id": str(i), "text": "x", "source": f"{i % 2}.txt", "license": [None, "CC0-1.0"][i % 2]} for i in range(4)
        ]
        writer.write(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA))
        writer.close()
        run.publish(counts={"documents": 4})
    link("runs/clean", "clean", "shards")
    link("runs/gpt", "train", "runs/clean")


def link(output: str, stage: str, parent: str, **options: int) -> None:
    with Run(output, stage=stage, version=1, options=options, inputs=[parent]) as run:
        (run.dir / "x").write_text(str(options))
        run.publish()


def test_the_chain_ends_at_raw_files_and_licences():
    result = lineage("runs/gpt")
    assert [s["stage"] for s in result.manifest["stages"]] == ["train", "clean", "collect"]
    assert result.manifest["sources"] == {"0.txt": "unknown licence", "1.txt": "CC0-1.0"}
    assert result.lines[-1] == "2 raw files: 1 unknown licence, 1 CC0-1.0"


def test_a_moved_project_keeps_its_lineage(tmp_path, monkeypatch):
    shutil.copytree(tmp_path, tmp_path.parent / "moved")
    monkeypatch.chdir(tmp_path.parent / "moved")
    shutil.rmtree(tmp_path)
    assert len(lineage("runs/gpt").manifest["stages"]) == 3


def test_a_link_that_is_gone_or_other_is_said():
    link("runs/clean", "clean", "shards", a=1)
    assert "made anew since" in lineage("runs/gpt").lines[1]
    shutil.rmtree("runs/clean")
    assert lineage("runs/gpt").lines[1].endswith("(gone)")


def test_newest_finds_the_last_written_run():
    link("runs/gpt-2", "train", "runs/clean")
    assert core_lineage.newest(["train"]) == Path("runs/gpt-2")
    with pytest.raises(DataError):
        core_lineage.newest(["distill"])
    older = core_lineage.newest(["train"], suits=lambda place: place.name != "gpt-2")
    assert older != Path("runs/gpt-2") and older.parent == Path("runs")
    with pytest.raises(DataError):
        core_lineage.newest(["train"], suits=lambda place: False)
    assert core_lineage.parents("runs/gpt", ["collect"]) == [Path("shards")]
