"""train(): from token shards to a published Bundle; its own errors, dry run, one-file form and command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.gpt.config import Shape
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize.vocabulary import train_tokenizer
from aigc_cli.train.api import train
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.tokens import open_tokens

LENGTH = 32
TEXT = "".join(f"The {a} cat saw {b} dogs near the {c} river.\n" for a in "abcdef" for b in "123" for c in "xyz")
SHAPE = Shape(depth=1, n_embd=32, n_ff=48)
OPTIONS = TrainOptions(steps=6, evals=2, batch_size=2, warmup=1, log_every=2, sample_tokens=8)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """Token shards of a small text, as tokenize writes them."""
    directory = tmp_path_factory.mktemp("tokens") / "tokens"
    tokenizer = train_tokenizer([TEXT], kind="char")
    counts = {}
    for split, text in (("train", TEXT * 3), ("validation", TEXT)):
        ids = [tokenizer.bos, *tokenizer.encode(text), tokenizer.eos]
        counts[split] = len(ids)
        ids += [tokenizer.pad] * (-len(ids) % LENGTH)
        flat = pa.array(np.array(ids, np.uint16))
        schema = pa.schema([("input_ids", pa.list_(pa.uint16(), LENGTH))])
        writer = ShardWriter(directory / split, schema, split=split)
        writer.write(pa.record_batch([pa.FixedSizeListArray.from_arrays(flat, LENGTH)], schema=schema))
        writer.close()
    write_dataset_dict(directory, ["train", "validation"])
    tokenizer.save(directory / "tokenizer")
    facts = {
        "tokenizer": tokenizer.digest, "vocab_size": tokenizer.vocab_size, "length": LENGTH, "tokens": counts,
        "bytes": {"train": 3 * len(TEXT), "validation": len(TEXT)}, "kind": "char",
    }  # fmt: skip
    manifest = {
        "format": 1, "stage": "tokenize", "fingerprint": "f", "digest": "d" * 32, "facts": facts, "parents": [],
        "raw": [], "files": {}, "counts": {"documents": 2}, "options": {"pack": True},
    }  # fmt: skip
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory


@pytest.fixture(scope="module")
def trained(tokens, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "gpt"
    result = train("gpt", [tokens], SHAPE, OPTIONS, Common(output=out))
    return out, result


def test_a_published_run_is_a_bundle_that_transformers_opens(trained):
    out, result = trained
    bundle = Bundle.open(out)
    assert result.path == out and bundle.kind == "run"
    facts = bundle.manifest["facts"]
    assert facts["family"] == "gpt" and facts["parameters"] == bundle.config.parameters()
    assert facts["final"].keys() == {"val/loss_nats", "val/bpb"}
    assert bundle.manifest["parents"][0]["stage"] == "tokenize"
    assert "tokens_per_s" in json.loads((out / "run.json").read_text())
    card = (out / "README.md").read_text()
    assert f"{facts['final']['val/bpb']:.4f}" in card and "tokenize" in card

    text = "The b cat saw 2 dogs"
    ids = torch.tensor([bundle.tokenizer.encode(text)])
    theirs = AutoModelForCausalLM.from_pretrained(out).eval()
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, bundle.model()(ids), atol=1e-4, rtol=1e-4)
    assert AutoTokenizer.from_pretrained(out)(text, add_special_tokens=False)["input_ids"] == ids[0].tolist()
    assert theirs.config.eos_token_id == bundle.tokenizer.eos
    sample = json.loads((out / "samples.jsonl").read_text().splitlines()[0])
    assert sample["prompt"] in TEXT and isinstance(sample["text"], str)


def test_the_same_call_is_up_to_date_and_equal_runs_are_equal(trained, tokens, tmp_path, capsys):
    out, result = trained
    again = train("gpt", [tokens], SHAPE, OPTIONS, Common(output=out))
    assert "up to date" in capsys.readouterr().err and again.manifest == result.manifest
    other = train("gpt", [tokens], SHAPE, OPTIONS, Common(output=tmp_path / "other"))
    assert other.manifest["digest"] == result.manifest["digest"]
    seeded = train("gpt", [tokens], SHAPE, OPTIONS, Common(output=tmp_path / "seeded", seed=1))
    assert seeded.manifest["digest"] != result.manifest["digest"]


def test_one_file(tokens, tmp_path):
    result = train("gpt", [tokens], SHAPE, OPTIONS, Common(output=tmp_path / "teacher.pt"))
    assert result.path == tmp_path / "teacher.pt"
    packed, whole = Bundle.open(result.path), Bundle.open(tmp_path / "teacher")
    assert packed.manifest == whole.manifest
    assert packed.tokenizer.digest == whole.tokenizer.digest
    ids = torch.tensor([[5, 9, 120]])
    with torch.no_grad():
        assert torch.equal(packed.model()(ids), whole.model()(ids))


def test_a_dry_run_measures_and_writes_nothing(tokens, here):
    result = train("gpt", [tokens], SHAPE, OPTIONS, Common(dry_run=True))
    assert result.manifest["steps"] == 6 and result.manifest["tokens_per_s"] > 0
    assert result.manifest["parameters"] > 0 and result.manifest["memory_bytes"] > 16 * result.manifest["parameters"]
    guessed = train("gpt", ["raw/"], SHAPE, OPTIONS, Common(dry_run=True))
    assert guessed.manifest["vocab_size"] == 8192
    assert list(here.iterdir()) == []


def test_the_default_output_is_named_after_the_family(tokens, here):
    assert train("gpt", [tokens], SHAPE, OPTIONS).path.as_posix() == "runs/gpt"
    other = TrainOptions(**{**vars(OPTIONS), "steps": 4})
    assert train("gpt", [tokens], SHAPE, other).path.as_posix() == "runs/gpt-2"


def test_the_last_records_padding_is_not_read(tokens):
    opened = open_tokens(tokens)
    ids = np.empty(len(opened.validation), np.int64)
    opened.validation.read(0, ids)
    assert opened.tokenizer.decode(ids) == TEXT and ids[-1] == opened.tokenizer.eos


def test_users_mistakes(tokens, tmp_path):
    common = Common(output=tmp_path / "x")
    with pytest.raises(ConfigError, match="no model family 'gtp'"):
        train("gtp", [tokens], SHAPE, OPTIONS, common)
    with pytest.raises(ConfigError, match="--steps and --minutes"):
        train("gpt", [tokens], SHAPE, TrainOptions(steps=3, minutes=1.0), common)
    with pytest.raises(ConfigError, match="no training data"):
        train("gpt", [], SHAPE, OPTIONS, common)
    assert not (tmp_path / "x.partial").exists()


def test_another_tokenizer_is_refused(tokens, tmp_path):
    import shutil

    copy = tmp_path / "tokens"
    shutil.copytree(tokens, copy)
    shutil.rmtree(copy / "tokenizer")
    train_tokenizer(["other words"], kind="char").save(copy / "tokenizer")
    assert Tokenizer.load(copy / "tokenizer").digest != Tokenizer.load(tokens / "tokenizer").digest
    with pytest.raises(DataError, match="not the tokenizer that made"):
        train("gpt", [copy], SHAPE, OPTIONS, Common(output=tmp_path / "x"))


def test_a_run_continues_from_a_transformers_directory(trained, tokens, here):
    """--init-from: what transformers saved, with its tokenizer, is where training begins; one step barely moves it."""
    AutoModelForCausalLM.from_pretrained(trained[0]).save_pretrained("theirs")
    Bundle.open(trained[0]).tokenizer.save(Path("theirs"))
    assert Bundle.open("theirs").kind == "hf"
    gentle = replace(OPTIONS, steps=1, muon_lr=1e-9, lr=1e-9, weight_decay=0.0, init_from=Path("theirs"))
    train("gpt", [tokens], options=gentle, common=Common(output=here / "next"))
    before, after = Bundle.open(trained[0]), Bundle.open(here / "next")
    assert after.config == before.config
    for name, weight in after.weights().items():
        torch.testing.assert_close(weight, before.weights()[name], atol=1e-6, rtol=0)
    facts = [b.manifest["facts"]["final"]["val/loss_nats"] for b in (before, after)]
    assert facts[0] == pytest.approx(facts[1], abs=1e-4)
    # Documents instead of records: they are tokenized by the model's own tokenizer.
    Path("raw.txt").write_text(TEXT * 2)
    train("gpt", ["raw.txt"], options=replace(gentle, init_from=here / "next"), common=Common(output=here / "third"))
    assert Bundle.open(here / "third").tokenizer.digest == before.tokenizer.digest


@pytest.mark.parametrize(
    "change, words",
    [
        ({"shape": Shape(depth=3)}, ["--depth", "--init-from"]),
        ({"start": "seq2seq"}, ["is a gpt", "train gpt"]),
        ({"start": "absent"}, ["no model absent"]),
        ({"tokens": "others"}, ["another tokenizer", "--tokenizer"]),
    ],
)
def test_a_start_that_does_not_fit_is_refused(trained, tokens, here, change, words):
    options = replace(OPTIONS, init_from=Path("absent") if change.get("start") == "absent" else trained[0])
    family = "seq2seq" if change.get("start") == "seq2seq" else "gpt"
    if "tokens" in change:
        Path("raw.txt").write_text("ein anderer Text, " * 400)
        from aigc_cli.tokenize.api import ensure_tokens

        tokens = ensure_tokens([Path("raw.txt")], Common())
    with pytest.raises(ConfigError) as caught:
        train(family, [tokens], change.get("shape"), options, Common(output=here / "out"))
    assert all(word in f"{caught.value.message} {caught.value.hint}" for word in words), caught.value
    assert not (here / "out").exists()
