"""train bert: masking, the recipes through the CLI, filling gaps, classifying, exact resume, mistakes."""

from __future__ import annotations

import csv
import json
import os
import random
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM

from aigc_cli.cli import main
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.run import Run
from aigc_cli.explain.classify import TextClassifier
from aigc_cli.explain.fill import fill, masked_ids
from aigc_cli.explain.options import FillOptions
from aigc_cli.models.bert.config import Config
from aigc_cli.models.bert.model import build
from aigc_cli.models.bundle import Bundle, save_bundle
from aigc_cli.train.batches.masking import MaskedData, MaskedValidation, Masking, masked
from aigc_cli.train.data import IGNORE, TokenData, TokenStream
from aigc_cli.train.loop import run_training
from aigc_cli.train.objectives.classes import macro_f1
from aigc_cli.train.objectives.masked_lm import MaskedLM
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.tokens import open_tokens

ROOT = Path(__file__).parents[2]
DAILY = ROOT / "sample_data/text/en/daily.jsonl"
RECIPES = ROOT / "pipelines/recipes/tiny"
GOOD, BAD = ("lovely", "good", "great", "nice"), ("awful", "bad", "poor", "late")


def run(*arguments):
    assert main([str(a) for a in arguments]) in (0, None)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with a pretrained BERT and a classifier made from it."""
    before, directory = Path.cwd(), tmp_path_factory.mktemp("bert")
    os.chdir(directory)
    run("tokenize", DAILY, "-o", "tokens", "--vocab-size", 512, "--length", 64, "-q")
    run("train", "bert", "--shards", "tokens", "--config", RECIPES / "bert.yaml", "-o", "runs/bert", "-q")
    draw = random.Random(0)
    with open("reviews.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label"])
        for _ in range(400):
            good = draw.random() < 0.5
            what = draw.choice(("soup", "chair", "book", "train"))
            table.writerow([f"The {what} was {draw.choice(GOOD if good else BAD)} and we went home.", int(good)])
    run("train", "bert", "--shards", "reviews.csv", "--config", RECIPES / "classify.yaml", "--init-from", "runs/bert",
        "-o", "runs/judge", "-q")  # fmt: skip
    yield directory
    os.chdir(before)


def masking(**changes):
    values = {
        "rate": 0.15, "whole_words": False, "next_sentence": False, "pad": 0, "mask": 4, "cls": 5, "sep": 6,
        "ordinary": np.arange(7, 100), "begins": np.arange(100) % 3 == 0,
    }  # fmt: skip
    return Masking(**{**values, **changes})


def test_tokens_are_hidden_as_published():
    ids, generator = np.concatenate([[5], np.arange(1000) % 93 + 7, [6]]), np.random.default_rng(0)
    kinds = Counter()
    for _ in range(40):
        hidden, targets = masking().hide(ids, generator)
        chosen = targets != IGNORE
        assert chosen.sum() == 150 and not chosen[[0, -1]].any()
        assert (targets[chosen] == ids[chosen]).all() and (hidden[~chosen] == ids[~chosen]).all()
        kinds.update(
            np.where(hidden[chosen] == 4, "mask", np.where(hidden[chosen] == ids[chosen], "kept", "random")).tolist()
        )
    total = kinds.total()
    assert kinds["mask"] / total == pytest.approx(0.8, abs=0.02)
    assert kinds["random"] / total == pytest.approx(0.1, abs=0.015)


def test_whole_words_are_hidden_whole():
    ids = np.concatenate([[5], np.repeat(np.arange(30), 3) * 3 % 90 + 9 + np.tile([0, 1, 2], 30), [6]])  # three a word
    rules = masking(whole_words=True)
    for seed in range(20):
        _, targets = rules.hide(ids, np.random.default_rng(seed))
        words = (targets[1:-1] != IGNORE).reshape(-1, 3)
        assert (words.all(1) == words.any(1)).all() and 1 <= words.all(1).sum() <= 0.15 * 30 + 1
    _, targets = rules.hide(np.array([5, 9, 10, 11, 6]), np.random.default_rng(0))
    assert (targets[1:4] != IGNORE).all()  # a text of one word: it is hidden, though that is more than the share


def test_words_of_a_tokenizer(place):
    tokenizer = open_tokens(place / "tokens").tokenizer
    rules = Masking.of(tokenizer, 0.15, True, False)
    ids = np.array(tokenizer.encode(" The grandmother's well-known river."))
    words = [tokenizer.decode(part) for part in np.split(ids, np.flatnonzero(rules.begins[ids])[1:])]
    assert [w.strip() for w in words] == ["The", "grandmother's", "well-known", "river", "."]
    assert not set(rules.ordinary) & set(tokenizer.special_ids.values())


def test_the_second_text_follows_half_of_the_time():
    stream = TokenStream([np.arange(5000, dtype=np.uint16) % 93 + 7])
    rules, foreign = masking(next_sentence=True, rate=0.01), 0
    for row in range(200):
        window = np.arange(300, 340) % 93 + 7
        ids, types, targets, strange = masked(rules, window, stream, 0, 0, row)
        whole = np.where(targets == IGNORE, ids, targets)
        assert len(ids) == 43 and whole[0] == 5 and (whole == 6).sum() == 2
        cut = int(np.flatnonzero(whole == 6)[0])
        assert (types == (np.arange(43) > cut)).all()
        follows = (whole[1:cut] == window[: cut - 1]).all() and (whole[cut + 1 : -1] == window[cut - 1 :]).all()
        assert follows == (not strange) or strange
        foreign += strange
    assert 70 < foreign < 130


def bigram_accuracy(tokens):
    """Held-out masked accuracy of the likeliest follower of the left neighbour, and of the right one; the better."""
    ids = np.empty(len(tokens.train), np.int64)
    tokens.train.read(0, ids)
    after, before = defaultdict(Counter), defaultdict(Counter)
    for a, b in zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True):
        after[a][b] += 1
        before[b][a] += 1
    rules = Masking.of(tokens.tokenizer, 0.3, False, False)
    right = np.zeros(3)
    for ids_BT, _, _, targets_BT, _ in MaskedValidation(tokens.validation, rules, 64, 16).batches():
        for row, wanted in zip(ids_BT.numpy(), targets_BT.numpy(), strict=True):
            for i in np.flatnonzero(wanted != IGNORE):
                guesses = [after[row[i - 1]].most_common(1), before[row[i + 1]].most_common(1)]
                right += [*(bool(g) and g[0][0] == wanted[i] for g in guesses), 1]
    return 100 * max(right[:2]) / right[2]


def test_the_recipe_beats_a_bigram(place):
    final = Bundle.open("runs/bert").manifest["facts"]["final"]
    bigram = bigram_accuracy(open_tokens(place / "tokens"))
    assert final["val/masked_accuracy"] > 1.3 * bigram > 10  # about 30 against 16
    theirs = AutoModelForMaskedLM.from_pretrained("runs/bert")
    ids = torch.tensor([masked_ids("The old man lived near the [MASK].", Bundle.open("runs/bert").tokenizer)])
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, Bundle.open("runs/bert").model()(ids)[0], atol=1e-4, rtol=1e-4)


def test_gaps_are_filled(place, capsys):
    text = "The [MASK] didn't cross the street because it was too [MASK]"
    gaps = fill("runs/bert", text, FillOptions(top=7)).manifest["gaps"]
    assert [len(gap) for gap in gaps] == [7, 7]
    for gap in gaps:
        shares = [entry["probability"] for entry in gap]
        assert shares == sorted(shares, reverse=True) and all(entry["word"].isalpha() for entry in gap)
    bundle = Bundle.open("runs/bert")
    ids = masked_ids(text, bundle.tokenizer)
    assert ids.count(bundle.tokenizer.mask) == 2 and ids[0] == bundle.tokenizer.cls
    whole = fill("runs/bert", text, FillOptions(top=600, words=False)).manifest["gaps"][0]
    assert sum(entry["probability"] for entry in whole) == pytest.approx(1, abs=1e-3)
    run("explain", "fill", "runs/bert", text, "--json")
    assert json.loads(capsys.readouterr().out)["text"] == text
    for wrong in (["fill", "runs/bert", "no gap"], ["fill", "runs/judge", "a [MASK]"], ["classify", "runs/bert", "a"],
                  ["fill", "runs/bert", "[MASK] " * 80], ["attention", "absent", "a"]):  # fmt: skip
        assert main(["explain", *wrong]) in (2, 3)


def test_a_classifier_learns_its_labels(place):
    facts = Bundle.open("runs/judge").manifest["facts"]["final"]
    assert facts["val/accuracy"] == 100 and facts["val/macro_f1"] == 100
    judge = TextClassifier("runs/judge")
    texts = ["The book was great and we went home.", "The soup was awful.", "x" * 900]
    shares = judge.probabilities(texts)
    assert judge.labels == ("0", "1") and shares.shape == (3, 2)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    assert shares[0].argmax() == 1 and shares[1].argmax() == 0
    np.testing.assert_allclose(judge.probabilities(texts[:1]), shares[:1], atol=1e-4)
    assert macro_f1([0, 0, 1], [0, 0, 1]) == 100


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--shards", "tokens", "--init-from", "runs/judge"], "is a classifier"),
        (["--shards", "one.csv", "--task", "classify"], "all texts have the label"),
        (["--shards", "reviews.csv", "--task", "classify", "--source-field", "a", "--target-field", "b"], "no column"),
        (["--shards", "tokens", "--source-field", "a", "--target-field", "b"], "--task classify"),
        (["--shards", "tokens", "--length", "3"], "room"),
        (["--shards", "other.csv", "--task", "classify", "--init-from", "runs/judge"], "other labels"),
    ],
)
def test_mistakes_are_two_lines(place, capsys, arguments, words):
    Path("one.csv").write_text("text,label\n" + "a b c,x\n" * 9)
    Path("other.csv").write_text("text,label\n" + "a b c,x\nd e f,y\n" * 9)
    capsys.readouterr()
    assert main(["train", "bert", *arguments, "--steps", "2", "-o", "runs/no"]) in (2, 3)
    error = capsys.readouterr().err
    assert words in error and "hint:" in error and "Traceback" not in error
    assert not Path("runs/no").exists()


def test_a_stopped_run_ends_in_the_same_bytes(tmp_path):
    config = Config(vocab_size=100, n_layer=1, n_head=2, n_embd=16, n_ff=32, context=24, dropout=0.1)
    stream = TokenStream([np.random.default_rng(0).integers(7, 100, 2000).astype(np.uint16)])
    options = TrainOptions(steps=6, evals=2, checkpoint_s=0.0, warmup=1)

    def once(name, stop=None):
        torch.manual_seed(0)
        model = build(config)
        rules = masking(next_sentence=True)
        data = MaskedData(TokenData(stream, context=20, batch_size=4), rules)
        objective = MaskedLM(model, validation=MaskedValidation(stream, rules, 20, 8), eval_tokens=200)
        loss = objective.loss

        def stopping(group, batch, rng):
            if rng.step == stop:
                raise RuntimeError("stopped")
            return loss(group, batch, rng)

        objective.loss = stopping
        with Run(tmp_path / name, stage="train", version=1, options={}) as opened:
            run_training(
                opened, objective, data, options, device=torch.device("cpu"), dtype=torch.float32, seed=0, width=16,
                write_bundle=lambda d: save_bundle(d, "bert", config, model.state_dict(), None, ""),
            )  # fmt: skip
            save_bundle(opened.dir, "bert", config, model.state_dict(), None, "")
            opened.publish()
        return (tmp_path / name / "model.safetensors").read_bytes()

    whole = once("a")
    with pytest.raises(RuntimeError):
        once("b", stop=4)
    assert once("b") == whole


def test_errors_of_the_library(place):
    with pytest.raises(DataError, match="MASK"):
        masked_ids("nothing", open_tokens(place / "tokens").tokenizer)
    with pytest.raises(ConfigError, match="no classifier"):
        TextClassifier("runs/bert")
