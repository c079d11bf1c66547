"""aigc tokenize: records, splits, resume, and what goes wrong."""

from __future__ import annotations

import json
import random

import numpy as np
import pyarrow as pa
import pytest
import xxhash

from aigc_cli.cli import main
from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.core.files import hash_file
from aigc_cli.core.options import Common
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.models.tokenizer_sentencepiece import SentencePieceVocabulary
from aigc_cli.tokenize import ensure_tokens, tokenize
from aigc_cli.tokenize.options import TokenizeOptions

SYLLABLES = ("ba", "na", "ri", "ver", "the", "or", "s", "an", "qu", "ie", "夏", "冬")


def text_of(seed: int, lines: int = 8) -> str:
    rng = random.Random(seed)
    words = ["".join(rng.choices(SYLLABLES, k=rng.choice((1, 2, 3)))) for _ in range(lines * 10)]
    return "\n".join(" ".join(words[i : i + 10]) for i in range(0, len(words), 10))


def write(directory, texts, split="train", **columns):
    schema = DOCUMENT_SCHEMA
    writer = ShardWriter(directory, schema, split=split)
    rows = [
        {"id": str(i), "text": t, "source": "s", "record": i, "hash": xxhash.xxh128_hexdigest((t or "").encode())}
        for i, t in enumerate(texts)
    ]
    writer.write(pa.RecordBatch.from_pylist(rows, schema=schema))
    writer.close()
    return directory


TEXTS = [text_of(i) for i in range(60)]
SMALL = {"vocab_size": 440, "kind": "bpe", "length": 64}


def options(**values):
    return TokenizeOptions(**{**SMALL, **values})


@pytest.fixture
def docs(here):
    return write(here / "docs", TEXTS)


def run(inputs, to, workers=1, **values):
    inputs = inputs if isinstance(inputs, list) else [inputs]
    return tokenize(inputs, options(**values), Common(output=to, quiet=True, workers=workers))


def documents(result, split):
    """The texts in the records of a split, read back with nothing but the tokenizer."""
    tokenizer = Tokenizer.load(result.path / "tokenizer")
    stream = np.concatenate(Shards.open(result.path).fixed("input_ids", split)).reshape(-1).tolist()
    stream = stream[: result.manifest["facts"]["tokens"][split]]
    found = []
    for part in cut(stream, tokenizer.bos):
        assert part[-1] == tokenizer.eos and tokenizer.pad not in part
        found.append(tokenizer.decode(part))
    return found


def cut(stream, bos):
    starts = [i for i, token in enumerate(stream) if token == bos]
    assert starts[0] == 0
    return [stream[a:b] for a, b in zip(starts, [*starts[1:], len(stream)], strict=True)]


def payload(path):
    varying = ("run.json", "manifest.json", "journal.jsonl")
    return {
        p.relative_to(path).as_posix(): hash_file(p) for p in path.rglob("*") if p.is_file() and p.name not in varying
    }


def test_the_records_hold_the_documents_in_order(docs, here):
    result = run(docs, here / "tokens")
    train, validation = documents(result, "train"), documents(result, "validation")
    assert sorted(train + validation) == sorted(TEXTS)
    assert train == [t for t in TEXTS if t in train] and validation
    facts = result.manifest["facts"]
    assert facts["bytes"] == {"train": sum(len(t.encode()) for t in train),
                              "validation": sum(len(t.encode()) for t in validation)}  # fmt: skip
    assert facts["documents"] == {"train": len(train), "validation": len(validation)}
    assert facts["vocab_size"] == 440 and facts["kind"] == "bpe"
    assert facts["tokenizer"] == Tokenizer.load(result.path / "tokenizer").digest
    assert facts["top"][0][1] >= facts["top"][1][1] and facts["sample"][0]


def test_doc_starts_point_at_bos(docs, here):
    result = run(docs, here / "tokens")
    for split in ("train", "validation"):
        for batch in Shards.open(result.path).batches(split=split):
            for ids, starts in zip(
                batch.column("input_ids").to_pylist(), batch.column("doc_starts").to_pylist(), strict=True
            ):
                assert starts == [i for i, token in enumerate(ids) if token == 1]


def test_datasets_opens_the_result(docs, here):
    import datasets

    result = run(docs, here / "tokens")
    opened = datasets.load_from_disk(str(result.path))
    assert set(opened) == {"train", "validation"}
    assert opened["train"].features["input_ids"].length == 64
    assert opened["train"].features["input_ids"].feature.dtype == "uint16"
    assert len(opened["train"]) == result.manifest["facts"]["records"]["train"]


def test_the_bytes_do_not_depend_on_workers_or_place(docs, here, monkeypatch):
    monkeypatch.setattr("aigc_cli.core.engine.INLINE_BYTES", 0)
    monkeypatch.setattr("aigc_cli.core.shards.UNIT_ROWS", 7)
    monkeypatch.setattr("aigc_cli.core.engine.TASK_UNITS", 2)
    one, two = run(docs, here / "one"), run(docs, here / "deep" / "two", workers=2)
    assert payload(one.path) == payload(two.path)
    assert one.manifest["digest"] == two.manifest["digest"]


def test_an_interrupted_run_continues_to_the_same_bytes(docs, here, monkeypatch):
    whole = run(docs, here / "whole")
    from aigc_cli.tokenize import api

    real = api._pack

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "_pack", stop)
    with pytest.raises(KeyboardInterrupt):
        run(docs, here / "tokens")
    monkeypatch.setattr(api, "_pack", real)

    def never(*args, **kwargs):
        raise AssertionError("the vocabulary is trained twice")

    monkeypatch.setattr(api, "train_tokenizer", never)
    assert run(docs, here / "tokens").manifest["digest"] == whole.manifest["digest"]


def test_equal_documents_stay_on_one_side(here):
    texts = TEXTS[:30] * 3
    random.Random(0).shuffle(texts)
    result = run(write(here / "docs", texts), here / "tokens", val_fraction=0.3)
    train, validation = documents(result, "train"), documents(result, "validation")
    assert not set(train) & set(validation) and len(train) + len(validation) == 90
    assert len(set(validation)) in range(3, 16)


def test_a_document_keeps_its_side_when_others_come(docs, here):
    few = documents(run(write(here / "few", TEXTS[:40]), here / "a", val_fraction=0.3), "validation")
    many = documents(run(docs, here / "b", val_fraction=0.3), "validation")
    assert [t for t in many if t in TEXTS[:40]] == few


@pytest.mark.parametrize("fraction", [0.001, 0.5])
def test_two_documents_give_one_for_each_side(here, fraction):
    result = run(write(here / "docs", [text_of(1, 60), text_of(2, 60)]), here / "tokens", val_fraction=fraction)
    assert result.manifest["facts"]["documents"] == {"train": 1, "validation": 1}


def test_one_document_validates_with_its_last_lines(here):
    text = text_of(1, 100)
    result = run(write(here / "docs", [text]), here / "tokens", val_fraction=0.1)
    (head,), (tail,) = documents(result, "train"), documents(result, "validation")
    assert head + tail == text and head.endswith("\n") and 0.08 < len(tail) / len(text) < 0.13
    assert result.manifest["facts"]["split"] == "last part"


def test_no_validation_when_none_is_wanted(docs, here):
    result = run(docs, here / "tokens", val_fraction=0)
    assert Shards.open(result.path).splits == ["train"] and documents(result, "train") == TEXTS


def test_splits_of_the_input_are_kept(here):
    write(here / "docs" / "train", TEXTS[:50])
    write(here / "docs" / "validation", TEXTS[50:], split="validation")
    write_dataset_dict(here / "docs", ["train", "validation"])
    result = run(here / "docs", here / "tokens")
    assert documents(result, "train") == TEXTS[:50] and documents(result, "validation") == TEXTS[50:]


def test_one_record_a_document_without_packing(docs, here):
    result = run(docs, here / "tokens", pack="none", length=128, val_fraction=0)
    facts, tokenizer = result.manifest["facts"], Tokenizer.load(result.path / "tokenizer")
    records = np.concatenate(Shards.open(result.path).fixed("input_ids", "train"))
    n_bytes = 0
    for record, text in zip(records.tolist(), TEXTS, strict=True):
        assert record[0] == tokenizer.bos
        data = tokenizer.decode_bytes(record)
        assert text.encode().startswith(data)
        n_bytes += len(data)
    assert facts["cropped"]["train"] > 0 and facts["bytes"]["train"] == n_bytes
    assert facts["tokens"]["train"] == int((records != 0).sum())


def test_a_given_tokenizer_is_used(docs, here):
    first = run(docs, here / "first")
    other = write(here / "other", [text_of(900), text_of(901)])
    second = tokenize(
        [other], TokenizeOptions(tokenizer=first.path / "tokenizer", length=64), Common(output=here / "second")
    )
    assert second.manifest["facts"]["tokenizer"] == first.manifest["facts"]["tokenizer"]
    assert not second.manifest["facts"]["trained"]
    with pytest.raises(ValueError, match="contradict"):
        TokenizeOptions(tokenizer=first.path, vocab_size=500)


def test_raw_files_and_several_inputs(docs, here):
    (here / "raw").mkdir()
    for i in range(3):
        (here / "raw" / f"{i}.txt").write_text(text_of(100 + i, 40), encoding="utf-8")
    assert run(here / "raw", here / "a").manifest["facts"]["documents"] == {"train": 2, "validation": 1}
    more = write(here / "more", [text_of(500)])
    assert run([docs, more], here / "b").manifest["counts"]["documents"] == 61


def test_ensure_tokens_passes_tokens_and_makes_others_once(docs, here):
    made = ensure_tokens([docs], Common(quiet=True), **SMALL)
    assert made.parts[0] == ".aigc" and made == ensure_tokens([docs], Common(quiet=True), **SMALL)
    assert ensure_tokens([made], Common()) == made


def test_a_small_sample_still_covers_the_text(docs, here):
    full, part = run(docs, here / "full"), run(docs, here / "part", sample_bytes=12_000)
    assert full.manifest["facts"]["tokenizer"] != part.manifest["facts"]["tokenizer"]
    assert part.manifest["digest"] == run(docs, here / "again", sample_bytes=12_000).manifest["digest"]


def test_empty_documents_are_counted_and_left_out(here):
    result = run(write(here / "docs", ["", *TEXTS, None]), here / "tokens")
    assert result.manifest["counts"]["empty"] == 2 and result.manifest["counts"]["documents"] == 60


def test_shards_without_hash_split_alike(docs, here):
    import datasets

    datasets.Dataset.from_dict({"text": TEXTS}).save_to_disk(str(here / "foreign"))
    ours, foreign = run(docs, here / "a"), run(here / "foreign", here / "b")
    assert documents(ours, "validation") == documents(foreign, "validation")


def test_sizes_that_do_not_fit_name_the_limit_and_leave_nothing(docs, here):
    with pytest.raises(ConfigError, match="too small") as small:
        run(docs, here / "tokens", vocab_size=380)
    least = int(small.value.hint.split()[3].rstrip(","))
    for kind in ("unigram", "bpe", "char"):
        with pytest.raises(ConfigError, match="more than this text") as large:
            run(docs, here / "tokens", vocab_size=60_000, kind=kind)
        most = int(large.value.hint.split()[3].rstrip(","))
        assert run(docs, here / f"most-{kind}", vocab_size=most, kind=kind).manifest["facts"]["vocab_size"] == most
    assert run(docs, here / "tokens", vocab_size=least).manifest["facts"]["vocab_size"] == least


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
def test_the_automatic_size_fits_any_text(here, kind):
    result = run(write(here / "docs", ["a b", "b a c\n"]), here / "tokens", vocab_size=None, kind=kind)
    assert documents(result, "train") and result.manifest["facts"]["vocab_size"] >= 374


def test_bad_inputs_are_data_errors(here):
    with pytest.raises(DataError, match="no rows"):
        run(write(here / "none", []), here / "o")
    with pytest.raises(DataError, match="any text"):
        run(write(here / "blank", ["", ""]), here / "o")
    writer = ShardWriter(here / "numbers", pa.schema([("value", pa.int64())]))
    writer.write(pa.RecordBatch.from_pydict({"value": [1, 2]}))
    writer.close()
    with pytest.raises(DataError, match="no column 'text'"):
        run(here / "numbers", here / "o")
    writer = ShardWriter(here / "list", pa.schema([("text", pa.int64())]))
    writer.write(pa.RecordBatch.from_pydict({"text": [1, 2]}))
    writer.close()
    with pytest.raises(DataError, match="int64"):
        run(here / "list", here / "o")
    with pytest.raises(ConfigError, match="nothing"):
        run([], here / "o")


def test_tokens_are_not_tokenized_again(docs, here):
    run(docs, here / "tokens")
    with pytest.raises(ConfigError, match="already"):
        run(here / "tokens", here / "o")


def test_a_lossy_tokenizer_stops_the_run(docs, here, monkeypatch):
    real = SentencePieceVocabulary.bytes_of
    monkeypatch.setattr(SentencePieceVocabulary, "bytes_of", lambda self: [b.replace(b"ba", b"pa") for b in real(self)])
    with pytest.raises(AigcError, match="unchanged"):
        run(docs, here / "tokens")
    assert not (here / "tokens").exists()


def test_the_command_line(docs, here, capsys):
    assert (
        main(["tokenize", "docs", "-o", "t", "--kind", "bpe", "--vocab-size", "440", "--length", "64", "--json"]) == 0
    )
    assert json.loads(capsys.readouterr().out)["facts"]["length"] == 64
    assert main(["tokenize", "docs", "-o", "t", "--kind", "bpe", "--vocab-size", "440", "--length", "64"]) == 0
    assert "up to date" in capsys.readouterr().err
    assert main(["tokenize", "docs", "-o", "u", "--vocab-size", "99999"]) == 2
    assert "at most" in capsys.readouterr().err
    assert main(["tokenize", "docs", "-o", "u", "--tokenizer", "docs"]) == 2
    assert main(["tokenize", "docs", "-o", "u", "--tokenizer", "t/tokenizer", "--kind", "bpe"]) == 2
    assert main(["tokenize", "docs", "-o", "u", "--dry-run"]) == 0
    assert not (here / "u").exists()
