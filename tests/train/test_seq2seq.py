"""train seq2seq: both tasks through the CLI on sample_data, decoding against transformers, exact resume, mistakes."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM

from aigc_cli.cli import main
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.core.run import Run
from aigc_cli.evaluate.api import evaluate
from aigc_cli.generate.api import texts
from aigc_cli.generate.engine import open_engine
from aigc_cli.generate.options import GenerateOptions
from aigc_cli.models.bundle import Bundle, save_bundle
from aigc_cli.models.seq2seq.config import Config, Shape
from aigc_cli.models.seq2seq.model import build
from aigc_cli.train.api import train
from aigc_cli.train.batches.spans import Noise, SpanData, SpanValidation
from aigc_cli.train.data import TokenData, TokenStream
from aigc_cli.train.loop import run_training
from aigc_cli.train.metrics import read_log
from aigc_cli.train.objectives.seq2seq import ADAMW_ONLY, Seq2seqObjective
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.tasks import span
from aigc_cli.train.tasks.options import Seq2seqRules
from aigc_cli.train.tokens import open_tokens

ROOT = Path(__file__).parents[2]
DAILY = ROOT / "sample_data/text/en/daily.jsonl"
EXACT = 60.0  # percent of held-out sentences that the tiny model must repair to the letter; it reaches about 85


def run(*arguments):
    assert main([str(a) for a in arguments]) in (0, None)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory for the implicit stages of this module's runs."""
    before, directory = Path.cwd(), tmp_path_factory.mktemp("seq2seq")
    os.chdir(directory)
    yield directory
    os.chdir(before)


@pytest.fixture(scope="module")
def repairer(place):
    """A model that takes a doubled word out: three of the sample text's commonest words, one of them twice."""
    text = " ".join(json.loads(line)["text"] for line in DAILY.read_text(encoding="utf-8").splitlines())
    common = [word for word, _ in Counter(re.findall("[a-z]+", text)).most_common(60)]
    draw = random.Random(0)
    with open("pairs.jsonl", "w", encoding="utf-8") as file:
        for _ in range(3000):
            right = [draw.choice(common) for _ in range(3)]
            twice = draw.randrange(3)
            wrong = right[: twice + 1] + right[twice:]
            file.write(json.dumps({"wrong": " ".join(wrong), "right": " ".join(right)}) + "\n")
    run("train", "seq2seq", "--shards", "pairs.jsonl", "--task", "pairs", "--vocab-size", 512, "--depth", 1,
        "--n-embd", 64, "--steps", 360, "--batch-size", 32, "--evals", 1, "--sample-tokens", 16, "--dropout", 0,
        "--judged", 100, "-o", "runs/repair", "-q")  # fmt: skip
    return place / "runs/repair"


@pytest.fixture(scope="module")
def filler(place):
    """The tiny recipe on the sample text."""
    run("tokenize", DAILY, "-o", "tokens", "--vocab-size", 512, "--length", 64, "-q")
    run("train", "seq2seq", "--shards", "tokens", "--config", ROOT / "pipelines/recipes/tiny/seq2seq.yaml", "-o",
        "runs/fill", "-q")  # fmt: skip
    return place / "runs/fill"


def test_the_span_recipe_beats_the_unigram_entropy_of_its_targets(filler):
    tokens = open_tokens(filler.parents[1] / "tokens")
    noise = span._noise(Seq2seqRules(), tokens)
    counts: Counter[int] = Counter()
    for *_, targets in SpanValidation(tokens.validation, noise, 0, tokens.length, 16).batches():
        counts.update(targets[targets >= 0].tolist())
    shares = np.array(list(counts.values())) / counts.total()
    final = Bundle.open(filler).manifest["facts"]["final"]
    assert final["val/loss_nats"] < -(shares * np.log(shares)).sum() - 0.1
    assert 0 < final["val/token_accuracy"] < 100
    sample = read_log(filler / "samples.jsonl")[0]
    assert "<0>" in sample["prompt"] and sample["wanted"].startswith("<0>")


def test_pairs_are_repaired_to_the_letter(repairer):
    final = Bundle.open(repairer).manifest["facts"]["final"]
    assert final["val/exact_match"] >= EXACT and final["val/chrf"] >= EXACT
    assert (repairer / "README.md").read_text().count("AutoModelForSeq2SeqLM") == 2
    assert read_log(repairer / "samples.jsonl")[0].keys() == {"step", "prompt", "text", "wanted"}
    assert [p["stage"] for p in Bundle.open(repairer).manifest["parents"]] == ["pairs"]


PROMPTS = ["the the house and", "to was was they", "and that that that", "a a", "of in the the"]


@pytest.mark.parametrize("beams", [1, 4])
def test_texts_are_those_of_transformers_generate(repairer, beams):
    bundle = Bundle.open(repairer)
    theirs = AutoModelForSeq2SeqLM.from_pretrained(repairer).eval()
    options = GenerateOptions(greedy=beams == 1, beams=beams, max_new_tokens=20, batch_size=3)
    ours = list(texts(bundle, PROMPTS, options))
    for prompt, record in zip(PROMPTS, ours, strict=True):
        ids = [*bundle.tokenizer.encode(prompt), bundle.tokenizer.eos]
        found = theirs.generate(torch.tensor([ids]), num_beams=beams, do_sample=False, max_new_tokens=20)[0].tolist()
        assert record["text"] == bundle.tokenizer.decode(t for t in found[1:]), prompt
        ended = found[-1] == bundle.tokenizer.eos
        assert record["finish"] == ("eos" if ended else "length") and record["tokens"] == len(found) - 1


def test_generate_has_all_its_ways(repairer, capsys):
    run("generate", repairer, "--prompt", PROMPTS[0], "--greedy", "-q")
    streamed = capsys.readouterr().out.strip()
    [record] = texts(repairer, PROMPTS[:1], GenerateOptions(greedy=True))
    assert streamed == record["text"].strip() != ""
    [stopped] = texts(repairer, PROMPTS[:1], GenerateOptions(greedy=True, stop=[record["text"][2:5]]))
    assert stopped["text"] == record["text"][:2] and stopped["finish"] == "stop"
    drawn = list(texts(repairer, PROMPTS[:2], GenerateOptions(n=3, temperature=2.0, top_k=9), seed=4))
    alone = list(texts(repairer, PROMPTS[:2], GenerateOptions(n=3, temperature=2.0, top_k=9, batch_size=1), seed=4))
    assert [r["text"] for r in drawn] == [r["text"] for r in alone] and len({r["text"] for r in drawn[:3]}) > 1
    several = list(texts(repairer, PROMPTS[:1], GenerateOptions(beams=3, n=3)))
    assert len({r["text"] for r in several}) == 3
    # A source's own words are not punished: the penalty counts what the decoder has written.
    [fresh] = texts(repairer, PROMPTS[:1], GenerateOptions(greedy=True, repetition_penalty=1.01))
    assert fresh["text"] == record["text"]
    [long] = texts(repairer, ["the " * 400], GenerateOptions())
    assert "context" in long["error"]


def test_the_engine_steps_as_the_model_does(repairer):
    bundle = Bundle.open(repairer)
    engine, model = open_engine(bundle, dtype="float32"), bundle.model()
    generator = np.random.default_rng(0)
    sources = [generator.integers(107, 512, n).tolist() for n in (5, 3, 8)]
    target = generator.integers(107, 512, (3, 12))

    def expected(row, n):
        given = torch.tensor([[0, *target[row, :n].tolist()]])
        with torch.inference_mode():
            return model(torch.tensor([sources[row]]), given)[0, -1].numpy()

    def check(logits, rows, n):
        for got, row in zip(logits, rows, strict=True):
            np.testing.assert_allclose(got, expected(row, n), atol=2e-4)

    check(engine.prefill(sources), [0, 1, 2], 0)
    for n in range(4):
        check(engine.step(target[:, n]), [0, 1, 2], n + 1)
    engine.rollback(2)
    check(engine.step(target[:, 2]), [0, 1, 2], 3)
    for order, rows in (([2, 0, 0], [2, 0, 0]), ([1, 2], [0, 0]), ([0, 0, 1], [0, 0, 0])):
        engine.rollback(1)
        engine.reorder(np.array(order))
        check(engine.step(target[rows, 2]), rows, 3)
    with pytest.raises(ValueError):
        engine.rollback(4)


def test_fine_tuning_begins_with_the_models_weights_and_vocabulary(filler, place):
    (place / "few.jsonl").write_text(
        "".join(json.dumps({"source": f"{i} a", "target": f"{i}"}) + "\n" for i in range(40))
    )
    options = TrainOptions(steps=1, init_from=filler, muon_lr=0.0, lr=0.0, evals=1, sample_tokens=0)
    result = train("seq2seq", ["few.jsonl"], None, options, Common(output=place / "runs/tuned", quiet=True),
                   Seq2seqRules(task="pairs", judged=4))  # fmt: skip
    before, after = Bundle.open(filler), Bundle.open(result.path)
    assert after.tokenizer.digest == before.tokenizer.digest and after.config == before.config
    assert all(torch.equal(after.weights()[name], value) for name, value in before.weights().items())


def test_what_does_not_fit_is_refused(repairer, filler):
    with pytest.raises(ConfigError, match="perplexity"):
        evaluate(repairer)
    with pytest.raises(ConfigError):
        open_engine(Bundle.open(repairer)).nll(np.zeros((1, 4), np.int64))
    options = TrainOptions(steps=1, init_from=filler)
    with pytest.raises(ConfigError):
        train("seq2seq", ["pairs.jsonl"], Shape(depth=2), options, Common(), Seq2seqRules(task="pairs"))
    with pytest.raises(ConfigError):
        train("seq2seq", ["pairs.jsonl"], None, options, Common(), Seq2seqRules(task="pairs", vocab_size=600))
    with pytest.raises(ConfigError):
        train("gpt", ["tokens"], None, options, Common())


def test_a_dry_run_reads_pairs_and_writes_nothing(place, repairer):
    before = sorted(p.name for p in (place / ".aigc").iterdir())
    (place / "other.tsv").write_text("source\ttarget\n" + "one two\ttwo\n" * 30 + "three\tfour\n")
    result = train("seq2seq", ["other.tsv"], Shape(depth=1), TrainOptions(steps=5), Common(dry_run=True),
                   Seq2seqRules(task="pairs"))  # fmt: skip
    assert result.manifest["parameters"] > 0 and sorted(p.name for p in (place / ".aigc").iterdir()) == before


CONFIG = Config(vocab_size=120, n_layer=1, n_decoder_layer=1, n_head=2, head_dim=8, n_embd=16, n_ff=32, context=20)
NOISE = Noise(0.15, 3.0, tuple(range(20, 120)), pad=0, eos=2)


def train_tiny(out, steps, stop_at=None):
    torch.manual_seed(0)
    model = build(CONFIG)
    model.dropout = 0.2
    ids = np.random.default_rng(1).integers(3, 20, 900)
    objective = Seq2seqObjective(model, validation=SpanValidation(TokenStream([ids[:99]]), NOISE, 0, 20, 4))
    if stop_at is not None:
        loss = objective.loss

        def failing(group, batch, rng):
            if rng.step == stop_at:
                raise KeyboardInterrupt
            return loss(group, batch, rng)

        objective.loss = failing
    data = SpanData(TokenData(TokenStream([ids]), context=20, batch_size=4, seed=3), NOISE, 0)
    options = TrainOptions(steps=steps, evals=2, checkpoint_s=0.0, warmup=2)
    with Run(out, stage="train", version=1, options={"steps": steps}) as opened:
        run_training(
            opened, objective, data, options, device=torch.device("cpu"), dtype=torch.float32, seed=3, width=16,
            write_bundle=lambda directory: save_bundle(directory, "seq2seq", CONFIG, model.state_dict(), None, "#\n"),
        )  # fmt: skip
        save_bundle(opened.dir, "seq2seq", CONFIG, model.state_dict(), None, "#\n")
        opened.publish()
    return (out / "model.safetensors").read_bytes()


def test_a_stopped_run_ends_in_the_same_bytes_with_the_same_holes_and_dropout(tmp_path):
    whole = train_tiny(tmp_path / "whole", 9)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path / "stopped", 9, stop_at=5)
    assert train_tiny(tmp_path / "stopped", 9) == whole
    names = ADAMW_ONLY - {name for name, _ in build(CONFIG).named_parameters()}
    assert not names  # every name that the objective singles out exists
