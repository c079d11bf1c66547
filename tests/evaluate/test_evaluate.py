"""`aigc eval` against plain forward passes."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from aigc_cli.cli import main
from aigc_cli.evaluate import compare_ngram, evaluate
from aigc_cli.evaluate.data import read_stream, split_documents
from aigc_cli.evaluate.ngram import WittenBell
from aigc_cli.evaluate.options import EvalOptions
from aigc_cli.evaluate.perplexity import nats, windows
from aigc_cli.generate.engine_torch import TorchEngine


def forward_nats(gpt, ids, context, stride):
    """Token by token: each with the context that its window gives it."""
    total = 0.0
    for window in windows([len(ids)], context, stride):
        with torch.inference_mode():
            logs = gpt(torch.tensor([ids[window.start : window.stop - 1].tolist()]))[0].log_softmax(-1)
        for place in range(window.first, window.stop):
            total -= logs[place - 1 - window.start, int(ids[place])].item()
    return total


@pytest.mark.parametrize("length", [2, 3, 10, 11, 12, 50])
@pytest.mark.parametrize("stride", [None, 1, 4, 10, 99])
def test_windows_score_every_token_once_with_enough_context(length, stride):
    context = 10
    found = list(windows([1, length, 0], context, stride))
    scored = [place for w in found for place in range(w.first, w.stop)]
    assert scored == list(range(1, length)) and {w.sequence for w in found} == {1}
    for w in found:
        assert w.stop - w.start <= context + 1
        assert w.first - w.start >= min(w.first, context - min(stride or 5, context) + 1)


@pytest.mark.parametrize("stride", [None, 1, 24])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_nats_are_those_of_single_forward_passes(world, stride, batch_size):
    rng = np.random.default_rng(0)
    sequences = [rng.integers(0, world.tokenizer.vocab_size, n) for n in (60, 5, 1, 25, 26)]
    engine = TorchEngine(world.gpt.config, world.gpt.state_dict(), torch.device("cpu"), torch.float32)
    done = []
    found = nats(engine, sequences, stride=stride, batch_size=batch_size, advance=done.append)
    expected = [forward_nats(world.gpt, s, 24, stride) for s in sequences]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert sum(done) == sum(len(s) - 1 for s in sequences)


def test_the_default_is_the_validation_split_of_the_training_data(world, here, capsys):
    facts = evaluate(world.model).manifest
    stream = read_stream(world.tokens, "validation", world.tokenizer)
    assert facts["tokens"] == stream.size - 1
    text = world.tokenizer.decode_bytes(stream.tolist())
    assert facts["bytes"] == len(text)
    total = forward_nats(world.gpt, stream, 24, 12)
    assert math.isclose(facts["nats_per_token"] * facts["tokens"], total, rel_tol=1e-4)
    assert math.isclose(facts["bits_per_byte"], total / math.log(2) / len(text), rel_tol=1e-4)
    assert main(["eval", str(world.model), "--json", "-o", "eval.json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["perplexity"] == facts["perplexity"] == json.loads((here / "eval.json").read_text())["perplexity"]


def test_every_document_is_found_again(world):
    stream = np.concatenate([read_stream(world.tokens, s, world.tokenizer) for s in ("train", "validation")])
    texts = [d.data.decode() for d in split_documents(stream, world.tokenizer)]
    assert sorted(texts) == sorted(t for t, _ in world.documents)


def test_against_the_ngram_model_per_language(world, here, capsys, monkeypatch):
    assert main(["eval", str(world.model), "--ngram", "3"]) == 0
    out = capsys.readouterr().out
    assert "zh" in out and "3-gram" in out
    rows = evaluate(world.model, EvalOptions(ngram=3)).manifest["ngram"]
    assert set(rows) == {"en", "zh", "all"} and list(rows)[-1] == "all"
    train, validation = (
        [d.data.decode() for d in split_documents(read_stream(world.tokens, s, world.tokenizer), world.tokenizer)]
        for s in ("train", "validation")
    )
    language = dict(world.documents)
    by_language = {lang: [t for t in validation if language[t] == lang] for lang in ("en", "zh")}
    model = WittenBell(3).fit([t.encode() for t in train])
    for lang, texts in by_language.items():
        expected = sum(model.nats(t.encode()).sum() for t in texts) / math.log(2) / sum(len(t.encode()) for t in texts)
        assert math.isclose(rows[lang]["ngram_bpb"], expected) and rows[lang]["documents"] == len(texts)
    again = compare_ngram(world.model, train, by_language, order=3)
    assert again["zh"]["model_bpb"] == pytest.approx(rows["zh"]["model_bpb"], rel=1e-5)
    assert again["all"]["ngram_train_bytes"] == sum(len(t.encode()) for t in train)
    monkeypatch.setattr("aigc_cli.evaluate.compare.NGRAM_BYTES", 1000)
    assert 0 < compare_ngram(world.model, train, {"": texts}, order=2)["all"]["ngram_train_bytes"] < 1500
    assert set(compare_ngram(world.model, train, {"": texts}, order=2)) == {"all"}
    assert again["all"]["bytes"] == sum(len(t.encode()) for t in validation)


def test_documents_and_text_files(world, here):
    texts = [t for t, _ in world.documents]
    facts = evaluate(world.model, EvalOptions(shards=[world.docs])).manifest
    assert facts["bytes"] == sum(len(t.encode()) for t in texts)
    (here / "a.txt").write_text(texts[0], encoding="utf-8")
    facts = evaluate(world.model, EvalOptions(shards=[here / "a.txt"], stride=24)).manifest
    ids = np.array([world.tokenizer.bos, *world.tokenizer.encode(texts[0])])
    assert math.isclose(facts["nats_per_token"] * facts["tokens"], forward_nats(world.gpt, ids, 24, 24), rel_tol=1e-4)
    assert evaluate(world.model, EvalOptions(shards=[world.docs], max_tokens=50)).manifest["tokens"] < 400


def test_bad_input(world, here, capsys):
    shutil.copytree(world.model, here / "foreign")
    (here / "foreign" / "manifest.json").unlink()
    (here / "empty.txt").write_text("")
    (here / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for arguments, code in [
        (["foreign"], 2), (["absent"], 2), ([str(world.model), "--shards", "absent"], 2),
        ([str(world.model), "--shards", "empty.txt"], 3), ([str(world.model), "--shards", "binary.txt"], 3),
        ([str(world.model), "--shards", str(here)], 2), ([str(world.model), "--split", "validaton"], 2),
        ([str(world.model), "--stride", "0"], 2),
    ]:  # fmt: skip
        assert main(["eval", *arguments]) == code, arguments
    assert "Traceback" not in capsys.readouterr().err
    assert main(["eval", str(world.model), "--dry-run"]) == 0


def test_onnx_gives_the_same_numbers_without_torch(world, here):
    export = ["export", str(world.model), "--to", "onnx", "-o", "onnx"]
    assert main(export) == 0
    program = (
        "import sys; from aigc_cli.cli import main; code = main(['eval', 'onnx', '--ngram', '2', '-o', 'e.json']); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    there = json.loads((here / "e.json").read_text())
    expected = evaluate(world.model).manifest
    assert math.isclose(there["nats_per_token"], expected["nats_per_token"], rel_tol=1e-5)
