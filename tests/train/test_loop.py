"""The loop: it learns, it logs, it stops on nonsense, and an interrupted run ends in the same bytes."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from aigc_cli.core.errors import AigcError, ConfigError
from aigc_cli.models.bundle import Bundle
from aigc_cli.train import checkpoint
from aigc_cli.train.metrics import read_log
from aigc_cli.train.plan import steps_in, steps_of


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """An uninterrupted run: (directory, weights' bytes)."""
    out = tmp_path_factory.mktemp("whole") / "out"
    tiny.train_tiny(out, tiny.options())
    return out, (out / "model.safetensors").read_bytes()


def records(path):
    """Without the values that differ between equal runs."""
    return [{k: v for k, v in r.items() if not k.startswith("time_")} for r in read_log(path)]


def test_the_loss_falls_below_the_entropy_of_single_tokens(tiny, tmp_path):
    outcome = tiny.train_tiny(tmp_path / "out", tiny.options(steps=90, evals=0, checkpoint_s=1e9))
    frequency = np.bincount(tiny.markov_chain(3000)) / 3000
    unigram = -sum(p * math.log(p) for p in frequency if p)
    assert outcome.final["val/loss_nats"] < unigram - 0.4
    assert outcome.final["val/bpb"] == pytest.approx(outcome.final["val/loss_nats"] / math.log(2) / 2)


def test_what_is_written(tiny, whole):
    out, _ = whole
    log = records(out / "metrics.jsonl")
    assert [r["step"] for r in log] == [2, 4, 6, 8, 10, 12, 12]
    assert log[0].keys() == {"step", "tokens", "gpt/loss", "grad_norm", "lr"}
    assert [r["step"] for r in log if "val/loss_nats" in r] == [4, 8, 12]
    assert log[0]["tokens"] == 2 * 4 * 16
    samples = read_log(out / "samples.jsonl")
    assert [s["step"] for s in samples] == [4, 8, 12] and samples[0]["prompt"] == [1, 2]
    assert not (out / "checkpoints").exists()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["facts"]["final"]["val/loss_nats"] == log[-1]["val/loss_nats"]
    assert Bundle.open(out).kind == "run"


def test_the_final_validation_is_the_saved_models_own(tiny, whole):
    out, _ = whole
    model, ids = Bundle.open(out).model(), torch.from_numpy(tiny.markov_chain(400, 1).astype(np.int64))
    nats = 0.0
    for start in range(0, 399, 16):
        window = ids[start : start + 17]
        with torch.no_grad():
            logits = model(window[None, :-1])[0]
        nats += float(torch.nn.functional.cross_entropy(logits, window[1:], reduction="sum"))
    assert nats / 399 == pytest.approx(records(out / "metrics.jsonl")[-1]["val/loss_nats"], abs=1e-5)


@pytest.mark.parametrize("where, step", [("step", 0), ("step", 7), ("checkpoint", 5), ("renamed", 9), ("step", 11)])
def test_a_killed_run_ends_in_the_same_bytes(tiny, whole, tmp_path, where, step):
    out, weights = whole
    command = [sys.executable, str(tiny.program), str(tmp_path / "out")]
    assert subprocess.run([*command, str(step), where], capture_output=True).returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    tiny.train_tiny(tmp_path / "out", tiny.options())
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == weights
    for log in ("metrics.jsonl", "samples.jsonl"):
        assert records(tmp_path / "out" / log) == records(out / log)


@pytest.mark.parametrize(
    "changes", [{"accumulate": 2}, {"optimizer": "adamw"}, {"ema": 0.9}, {"dtype": torch.bfloat16}]
)
def test_resume_is_exact_in_other_settings_too(tiny, tmp_path, changes):
    dtype = {"dtype": changes.pop("dtype")} if "dtype" in changes else {}
    chosen = tiny.options(steps=5, evals=1, **changes)
    tiny.train_tiny(tmp_path / "a", chosen, **dtype)

    def stop(objective):
        original = objective.loss

        def loss(group, batch, rng):
            if rng.step == 3:
                raise RuntimeError("stopped")
            return original(group, batch, rng)

        objective.loss = loss

    with pytest.raises(RuntimeError, match="stopped"):
        tiny.train_tiny(tmp_path / "b", chosen, change=stop, **dtype)
    tiny.train_tiny(tmp_path / "b", chosen, **dtype)
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in "ab")
    assert a == b


def test_the_running_mean_is_what_is_judged_and_published(tiny, tmp_path):
    """--ema publishes the weighted sum of all steps' weights that its definition says, trained on as without it."""
    steps, history = 12, []

    def watch(objective):
        original = objective.loss

        def loss(group, batch, rng):
            history.append([p.detach().clone() for p in objective.groups["gpt"].values()])
            return original(group, batch, rng)

        objective.loss = loss

    chosen = {"steps": steps, "evals": 0, "checkpoint_s": 1e9}
    tiny.train_tiny(tmp_path / "raw", tiny.options(**chosen), change=watch)
    before = history[:: len(history) // steps]
    outcome = tiny.train_tiny(tmp_path / "mean", tiny.options(**chosen, ema=0.8))
    raw, mean = (Bundle.open(tmp_path / name).weights() for name in ("raw", "mean"))
    expected = before[0]
    for step in range(steps):
        decay = min(0.8, (1 + step) / (10 + step))
        after = before[step + 1] if step + 1 < steps else [raw[n] for n in _names(tiny)]
        expected = [decay * m + (1 - decay) * w for m, w in zip(expected, after, strict=True)]
    for name, value in zip(_names(tiny), expected, strict=True):
        torch.testing.assert_close(mean[name], value, atol=1e-6, rtol=1e-5)
    validation = tiny.TokenStream([tiny.markov_chain(400, 1)])
    judged = tiny.CausalLM(Bundle.open(tmp_path / "mean").model(), validation=validation).validate(True)
    assert judged["val/loss_nats"] == pytest.approx(outcome.final["val/loss_nats"], abs=1e-6)


def _names(tiny):
    return list(dict(tiny.build(tiny.CONFIG).named_parameters()))


def test_accumulated_gradients_are_the_whole_batchs(tiny):
    """Two micro-batches give the gradient of their union."""
    _, ids = None, torch.randint(0, 16, (4, 17), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = tiny.build(tiny.CONFIG)
    torch.nn.init.normal_(model.lm_head.weight)
    objective = tiny.CausalLM(model)
    gradients = []
    for parts in ((ids,), ids.split(2)):
        model.zero_grad()
        for part in parts:
            (objective.loss("gpt", (part[:, :-1], part[:, 1:]), None)[0] / len(parts)).backward()
        gradients.append(model.lm_head.weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_ctrl_c_saves_the_step_and_the_run_continues(tiny, whole, tmp_path):
    _, weights = whole
    chosen = tiny.options(checkpoint_s=1e9)
    before = signal.getsignal(signal.SIGINT)

    def interrupt(objective):
        original = objective.loss

        def loss(group, batch, rng):
            if rng.step == 5:
                os.kill(os.getpid(), signal.SIGINT)
            return original(group, batch, rng)

        objective.loss = loss

    with pytest.raises(KeyboardInterrupt):
        tiny.train_tiny(tmp_path / "out", chosen, change=interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    saved = checkpoint.checkpoints(tmp_path / "out.partial")
    assert [p.name for p in saved] == ["step-00000000", "step-00000006"]
    assert Bundle.open(saved[1]).family.name == "gpt"
    tiny.train_tiny(tmp_path / "out", chosen)
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == weights


def test_a_full_disk_keeps_the_previous_checkpoint(tiny, whole, tmp_path, monkeypatch):
    _, weights = whole
    real = checkpoint._write_state

    def full(path, state):
        if path.parent.name == "step-00000007.tmp":
            path.write_bytes(b"the beginning")
            raise AigcError(f"the disk is full: {path}", "free some space") from OSError(errno.ENOSPC, "full")
        return real(path, state)

    monkeypatch.setattr(checkpoint, "_write_state", full)
    with pytest.raises(AigcError, match="disk is full"):
        tiny.train_tiny(tmp_path / "out", tiny.options(keep=1))
    saved = sorted(p.name for p in (tmp_path / "out.partial" / "checkpoints").iterdir())
    assert saved == ["step-00000000", "step-00000006"]  # where a rollback could go, and the newest
    monkeypatch.undo()
    tiny.train_tiny(tmp_path / "out", tiny.options())
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == weights


def test_budgets(tiny):
    data = tiny.TokenData(tiny.TokenStream([np.zeros(1001, np.uint16)]), context=10, batch_size=5)
    objective = tiny.CausalLM(tiny.build(tiny.CONFIG))
    assert steps_of({"steps": 7}, data) == 7
    assert steps_of({"tokens": 51}, data) == 2
    assert steps_of({"epochs": 2.0}, data) == 40
    assert steps_of({"minutes": 1.0}, data) is None
    assert steps_in(60, 0.5, data, objective, 8) == 120
    objective.validation = tiny.TokenStream([np.zeros(1001, np.uint16)])
    assert steps_in(60, 0.5, data, objective, 0) == 106  # 60 s less 40 steps, a third each, for 2 x 1000 tokens
    assert steps_in(60, 0.5, data, objective, 1000) == 60
    assert tiny.options().budget() == {"steps": 12}
    assert tiny.TrainOptions().budget().keys() == {"minutes", "epochs"}
    with pytest.raises(ConfigError, match="--steps and --minutes"):
        tiny.options(minutes=3.0).budget()
    with pytest.raises(ConfigError, match="--epochs is 0"):
        tiny.TrainOptions(epochs=0.0).budget()


def test_minutes_are_measured_once_and_the_measurement_leaves_no_trace(tiny, tmp_path):
    tiny.train_tiny(tmp_path / "a", tiny.options(steps=None, minutes=0.005, evals=0))
    log = [json.loads(line) for line in (tmp_path / "a" / "journal.jsonl").read_text().splitlines()]
    steps = json.loads((tmp_path / "a" / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    assert [entry["steps"] for entry in log] == [steps]
    tiny.train_tiny(tmp_path / "b", tiny.options(steps=steps, evals=0))
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in "ab")
    assert a == b
