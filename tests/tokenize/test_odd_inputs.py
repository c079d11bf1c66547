"""The smallest and the oddest inputs of tokenize: records, or two lines and nothing published."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from aigc_cli.cli import main
from aigc_cli.core.manifest import read_manifest
from aigc_cli.core.shards import Shards
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize.vocabulary import train_tokenizer

SENTENCE = "The lantern of the house shines over the quiet harbor. "
CHINESE = "老师带着学生去河边看花，大家都很高兴。"


def collected(*texts: str) -> None:
    Path("raw.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    assert main(["collect", "raw.jsonl", "-o", "docs", "-q"]) == 0


def refused(capsys, code: int, *command: str) -> str:
    capsys.readouterr()
    assert main([*command, "-o", "tokens", "-q"]) == code
    error = capsys.readouterr().err
    last = error.strip().splitlines()[-2:]
    assert "Traceback" not in error and last[0].startswith("error: ") and last[1].startswith("hint: "), error
    assert not Path("tokens").exists()
    return error


@pytest.mark.parametrize("kind", ["bpe", "unigram", "byte-bpe", "char"])
@pytest.mark.parametrize("text", ["a", "字", "\nx", SENTENCE, CHINESE, "🙂\u200d🙂", "▁", "</s><pad>", "\ufffd\u0301"])
def test_one_document_however_short(here, kind, text):
    collected(text)
    assert main(["tokenize", "docs", "-o", "tokens", "--kind", kind, "--length", "16", "-q"]) == 0
    facts = read_manifest(Path("tokens"))["facts"]
    tokenizer = Tokenizer.load(Path("tokens/tokenizer"))
    found = ""
    for split in facts["tokens"]:
        ids = np.concatenate(Shards.open("tokens").fixed("input_ids", split)).reshape(-1).tolist()
        found += tokenizer.decode(ids[: facts["tokens"][split]])
    assert found == text and sum(facts["bytes"].values()) == len(text.encode())


@pytest.mark.parametrize("pack", ["stream", "best-fit", "none"])
def test_one_document_in_every_way_of_packing(here, pack):
    collected(SENTENCE * 40)
    assert main(["tokenize", "docs", "-o", "tokens", "--pack", pack, "--length", "32", "-q"]) == 0
    assert main(["report", "tokens"]) == 0


def empty_documents(directory: Path, count: int) -> None:
    import pyarrow as pa

    from aigc_cli.core.shard_writer import ShardWriter

    schema = pa.schema([("id", pa.string()), ("text", pa.large_string())])
    writer = ShardWriter(directory, schema)
    texts = ["", None] * count
    columns = [pa.array([str(n) for n in range(2 * count)]), pa.array(texts, pa.large_string())]
    writer.write(pa.RecordBatch.from_arrays(columns, schema=schema))
    writer.close()


def test_only_empty_documents(here, capsys):
    empty_documents(here / "docs", 3)
    assert "no document has any text" in refused(capsys, 3, "tokenize", "docs")
    Path("blank.txt").write_text(" \n\t\n")
    Path("none.txt").write_text("")
    error = refused(capsys, 3, "tokenize", "blank.txt", "none.txt")
    assert "rejected 2 empty" in error


def test_shards_without_a_row(here, capsys):
    empty_documents(here / "docs", 0)
    refused(capsys, 3, "tokenize", "docs")


@pytest.mark.parametrize("kind", ["bpe", "unigram", "byte-bpe"])
def test_a_vocabulary_larger_than_the_text_allows_names_the_largest(here, capsys, kind):
    collected(SENTENCE, CHINESE)
    error = refused(capsys, 2, "tokenize", "docs", "--kind", kind, "--vocab-size", "30000")
    largest = int(re.search(r"give at (?:most|least) ([\d,]+)", error)[1].replace(",", ""))
    assert 300 < largest < 30_000
    assert main(["tokenize", "docs", "-o", "tokens", "--kind", kind, "--vocab-size", str(largest), "-q"]) == 0


@pytest.mark.parametrize("damage", ["cut", "zero", "gone"])
def test_damaged_documents_publish_nothing(here, capsys, damage):
    collected(*(f"{n} {SENTENCE}" for n in range(50)))
    file = next(Path("docs").glob("data-*.arrow"))
    data = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(data[: len(data) // 2] if damage == "cut" else bytes(len(data)))
    refused(capsys, 3, "tokenize", "docs")


@pytest.mark.parametrize("kind", ["bpe", "unigram", "char"])
def test_chinese_with_one_space_or_none(kind):
    """A vocabulary that keeps spaces even where the text hardly has one."""
    for text in (CHINESE * 400, CHINESE * 400 + " end"):
        tokenizer = train_tokenizer([text], kind=kind)
        for sentence in (CHINESE, "  two words\n and more ", "\u3000"):
            assert tokenizer.decode(tokenizer.encode(sentence)) == sentence
        assert not tokenizer.slow_because
