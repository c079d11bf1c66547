"""When a run goes wrong: what is seen, where it goes back to, that a kill on the way changes nothing."""

from __future__ import annotations

import json
import math
import random
import signal
import subprocess
import sys

import pytest

from aigc_cli.core.errors import AigcError
from aigc_cli.train import checkpoint
from aigc_cli.train.metrics import read_log
from aigc_cli.train.watch import MIN_STEPS, RECENT_STEPS, Watch

STEPS = 150  # anchors at 0, 64 and 128


def options(tiny, **changes):
    return tiny.options(**{"steps": STEPS, "evals": 0, "log_every": 25, "checkpoint_s": 1e9, **changes})


def known(path):
    return [{k: v for k, v in r.items() if not k.startswith("time_")} for r in read_log(path)]


def test_every_kind_of_trouble_is_cured_by_other_data(tiny, tmp_path, capsys):
    outcome = tiny.train_tiny(tmp_path / "out", options(tiny), change=tiny.trouble({"nan": 30, "weights": STEPS + 110}))
    first, second = outcome.rollbacks
    assert (first["at"], first["to"], first["lr_scale"]) == (31, 0, 1.0) and "nan" in first["why"]
    assert (second["at"], second["to"]) == (111, 64) and "weights" in second["why"]
    assert "back to step 64, on with other data" in capsys.readouterr().err
    assert math.isfinite(outcome.final["val/loss_nats"])
    log = known(tmp_path / "out" / "metrics.jsonl")
    assert [r["number"] for r in log if "event" in r] == [1, 2]
    steps = [r["step"] for r in log]
    assert steps == sorted(steps)
    clean = tiny.train_tiny(tmp_path / "clean", options(tiny))
    assert not clean.rollbacks and clean.final != outcome.final


def test_a_loss_that_jumps_and_stays_up_is_a_spike(tiny, tmp_path):
    outcome = tiny.train_tiny(tmp_path / "out", options(tiny), change=tiny.trouble({"spike": 100}))
    (event,) = outcome.rollbacks
    assert event["to"] == 64 and 101 <= event["at"] <= 101 + RECENT_STEPS and "rose from" in event["why"]


@pytest.mark.parametrize("where", ["before the entry", "after the entry", "after the rollback"])
def test_a_kill_around_a_rollback_changes_nothing(tiny, tmp_path, where):
    plan = {"nan": 110}
    tiny.train_tiny(tmp_path / "whole", options(tiny), change=tiny.trouble(plan))
    command = [sys.executable, str(tiny.program), str(tmp_path / "out"), str(STEPS), where]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    tiny.train_tiny(tmp_path / "out", options(tiny), change=tiny.trouble(plan))
    whole, resumed = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "out"))
    assert whole == resumed
    assert known(tmp_path / "whole/metrics.jsonl") == known(tmp_path / "out/metrics.jsonl")
    facts = [json.loads((tmp_path / name / "manifest.json").read_text())["facts"] for name in ("whole", "out")]
    assert facts[0] == facts[1]


def test_trouble_that_no_data_cures_ends_the_run(tiny, tmp_path, capsys):
    change = tiny.trouble({"always": 70})
    with pytest.raises(AigcError, match="is nan at step 71, after going back to step 0 2 times") as caught:
        tiny.train_tiny(tmp_path / "out", options(tiny, rollbacks=2), change=change)
    assert "--lr" in caught.value.hint and "0.5 of the learning rate" in capsys.readouterr().err
    assert 0 in [checkpoint.step_of(p) for p in checkpoint.checkpoints(tmp_path / "out.partial")]
    with pytest.raises(AigcError, match="at step 71") as caught:
        tiny.train_tiny(tmp_path / "other", options(tiny, rollbacks=0), change=change)
    assert "step 0 is saved" in caught.value.hint


def test_the_last_step_is_watched_too(tiny, tmp_path):
    outcome = tiny.train_tiny(tmp_path / "out", options(tiny, steps=10), change=tiny.trouble({"nan": 9}))
    assert [(r["at"], r["to"]) for r in outcome.rollbacks] == [(10, 0)]
    assert math.isfinite(outcome.final["val/loss_nats"])


def feed(values):
    watch = Watch()
    for step, value in enumerate(values):
        if fact := watch.trouble({"gpt/loss": value}, 1.0):
            return step, fact
    return None


def test_noise_and_slow_change_are_no_trouble():
    draw = random.Random(0)
    falling = [3.0 * math.exp(-s / 300) + 1.5 + draw.gauss(0, 0.3) for s in range(2000)]
    assert feed(falling) is None
    odd = [2.0 + draw.gauss(0, 0.05) + (1.0 if s % 50 == 0 else 0.0) for s in range(2000)]  # single odd batches
    assert feed(odd) is None
    by_heart = [max(0.001, 2.0 - s / 100) + draw.gauss(0, 0.001) for s in range(1000)]
    assert feed(by_heart) is None
    assert feed([2.0 + s / 5000 + draw.gauss(0, 0.1) for s in range(3000)]) is None


def test_what_is_trouble():
    draw = random.Random(0)
    level = [2.0 + draw.gauss(0, 0.1) for _ in range(MIN_STEPS + RECENT_STEPS)]
    step, fact = feed([*level, *[4.0] * RECENT_STEPS])
    assert len(level) < step < len(level) + RECENT_STEPS and "rose from" in fact
    assert feed([*level, *[1e9] * RECENT_STEPS])[0] < len(level) + RECENT_STEPS
    assert feed([*level, 1e9, *level]) is None  # one odd batch
    assert feed([math.inf])[0] == 0
    assert "weights" in Watch().trouble({"gpt/loss": 1.0}, math.nan)


def test_a_watch_goes_on_from_its_state():
    draw = random.Random(0)
    values = [2.0 + draw.gauss(0, 0.1) for _ in range(100)] + [4.0] * 8
    whole, resumed = Watch(), Watch()
    facts = []
    for step, value in enumerate(values):
        if step == 60:
            resumed = Watch()
            resumed.load_state(json.loads(json.dumps(whole.state())))
        facts.append((whole.trouble({"a/loss": value}, 1.0), resumed.trouble({"a/loss": value}, 1.0)))
    assert all(a == b for a, b in facts[60:]) and facts[-1][0]
