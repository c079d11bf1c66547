"""train xlnet: factorisation orders, the loss by brute force, the recipe through the CLI, exact resume, mistakes."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import XLNetLMHeadModel

from aigc_cli.cli import main
from aigc_cli.core.run import Run
from aigc_cli.explain.fill import fill
from aigc_cli.explain.options import FillOptions
from aigc_cli.models.bundle import Bundle, save_bundle
from aigc_cli.models.xlnet.config import Config
from aigc_cli.models.xlnet.model import build
from aigc_cli.train.batches.permuting import PermutedData, PermutedValidation, Permuting, collate, permuted
from aigc_cli.train.data import IGNORE, TokenData, TokenStream
from aigc_cli.train.loop import run_training
from aigc_cli.train.objectives.permutation_lm import PermutationLM
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.tokens import open_tokens

ROOT = Path(__file__).parents[2]
DAILY = ROOT / "sample_data/text/en/daily.jsonl"
RULE = Permuting(6.0, 5, 0)
CONFIG = Config(vocab_size=40, n_layer=1, n_head=2, n_embd=16, n_ff=32, context=20, dropout=0.1)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    before, directory = Path.cwd(), tmp_path_factory.mktemp("xlnet")
    os.chdir(directory)
    for command in (
        ["tokenize", DAILY, "-o", "tokens", "--vocab-size", 512, "--length", 64, "-q"],
        ["train", "xlnet", "--shards", "tokens", "--config", ROOT / "pipelines/recipes/tiny/xlnet.yaml", "-q"],
    ):
        assert main([str(a) for a in command]) in (0, None)
    yield directory
    os.chdir(before)


def test_an_order_hides_what_comes_later():
    generator = np.random.default_rng(0)
    shares, spans = [], Counter()
    for _ in range(200):
        tokens = np.append(generator.integers(1, 40, 110), np.zeros(10, np.int64))
        chosen, hidden = RULE.order(tokens, generator)
        shares.append(chosen.size / 110)
        spans.update(np.diff(np.flatnonzero(np.append(np.append(True, np.diff(chosen) > 1), True))).tolist())
        assert len(set(chosen.tolist())) == chosen.size and chosen.max(initial=0) < 110
        predicted = np.isin(np.arange(120), chosen)
        assert hidden[:, 110:].all()  # nobody sees padding
        seen = np.flatnonzero(~predicted[:110])
        assert not hidden[:, seen].any()  # everybody sees what is not predicted
        assert hidden[np.ix_(seen, chosen)].all()  # which in turn sees nothing that is predicted
        among = hidden[np.ix_(chosen, chosen)]
        assert among.diagonal().all() and (among ^ among.T ^ np.eye(chosen.size, dtype=bool)).all()  # one of two sees
        assert sorted((~among).sum(1).tolist()) == list(range(chosen.size))  # a line: the n-th sees n - 1
    assert np.mean(shares) == pytest.approx(1 / 6, abs=0.02) and set(spans) <= {*range(1, 11)}
    for length in (0, 1, 2):
        tokens = np.append(np.full(length, 3), np.zeros(4, np.int64))
        assert RULE.order(tokens, generator)[0].size <= 1
    assert RULE.order(np.array([3, 4]), generator)[0].size == 1


def test_the_loss_is_that_of_each_prefix_of_the_order():
    """Brute force: for every predicted token a text in which all that it may not see is absent gives its loss."""
    torch.manual_seed(0)
    model = build(CONFIG).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    tokens = np.random.default_rng(1).integers(1, 40, 14)
    rows = [permuted(Permuting(2.0, 3, 0), tokens, 0, 0, 5)]
    ids, hidden, at, targets = collate(rows)
    nats = []
    for place, wanted in zip(at[0].tolist(), targets[0].tolist(), strict=True):
        seen = ~hidden[0, place]
        changed = torch.where(seen, ids[0], torch.randint(1, 40, (14,)))  # whatever stands in what it may not see
        logits = model(changed[None], hidden, torch.tensor([[place]]))[0, 0]
        nats.append(float(-logits.log_softmax(-1)[wanted]))
    objective = PermutationLM(model)
    loss, _ = objective.loss("xlnet", (ids, hidden, at, targets), None)
    assert float(loss) == pytest.approx(np.mean(nats), abs=1e-5)


def test_the_recipe_beats_single_tokens_frequencies(place):
    final = Bundle.open("runs/xlnet").manifest["facts"]["final"]
    tokens = open_tokens(place / "tokens")
    ids = np.empty(len(tokens.train), np.int64)
    tokens.train.read(0, ids)
    counts = np.bincount(ids, minlength=512) + 1
    nats = []
    rule = Permuting(3.0, 5, tokens.tokenizer.pad)
    for _, _, _, targets in PermutedValidation(tokens.validation, rule, 64, 16).batches():
        nats += (-np.log(counts[targets[targets != IGNORE].numpy()] / counts.sum())).tolist()
    assert final["val/loss_nats"] < np.mean(nats) - 0.6  # about 3.0 against 4.3
    XLNetLMHeadModel.from_pretrained("runs/xlnet")


def test_gaps_are_filled_and_maps_are_drawn(place, capsys):
    gaps = fill("runs/xlnet", "The old [MASK] lived near the [MASK].", FillOptions(top=600, words=False)).manifest[
        "gaps"
    ]
    assert len(gaps) == 2 and sum(e["probability"] for e in gaps[0]) == pytest.approx(1, abs=1e-3)
    assert main(["explain", "attention", "runs/xlnet", "The old man", "--json"]) in (0, None)
    maps = json.loads(capsys.readouterr().out)["maps"][0]
    np.testing.assert_allclose(np.array(maps["weights"]).sum(-1), 1, atol=1e-4)
    for wrong in (
        ["generate", "runs/xlnet"],
        ["train", "xlnet", "--shards", "tokens", "--n-embd", "33", "--steps", "1"],
    ):
        assert main(wrong) == 2


def test_a_stopped_run_ends_in_the_same_bytes(tmp_path):
    stream = TokenStream([np.random.default_rng(0).integers(1, 40, 2000).astype(np.uint16)])
    options = TrainOptions(steps=6, evals=2, checkpoint_s=0.0, warmup=1)

    def once(name, stop=None):
        torch.manual_seed(0)
        model = build(CONFIG)
        data = PermutedData(TokenData(stream, context=20, batch_size=4), RULE)
        objective = PermutationLM(model, validation=PermutedValidation(stream, RULE, 20, 8), eval_tokens=200)
        loss = objective.loss

        def stopping(group, batch, rng):
            if rng.step == stop:
                raise RuntimeError("stopped")
            return loss(group, batch, rng)

        objective.loss = stopping

        def write(directory):
            save_bundle(directory, "xlnet", CONFIG, model.state_dict(), None, "")

        with Run(tmp_path / name, stage="train", version=1, options={}) as opened:
            outcome = run_training(
                opened, objective, data, options, device=torch.device("cpu"), dtype=torch.float32, seed=0, width=16,
                write_bundle=write,
            )  # fmt: skip
            write(opened.dir)
            opened.publish()
        assert math.isfinite(outcome.final["val/loss_nats"])
        return (tmp_path / name / "model.safetensors").read_bytes()

    whole = once("a")
    with pytest.raises(RuntimeError):
        once("b", stop=4)
    assert once("b") == whole
