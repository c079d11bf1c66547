"""torch.compile: chosen where it pays, refused where it cannot work, and the same training when it is on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from aigc_cli.core.device import missing_compiler
from aigc_cli.core.errors import MissingExtra
from aigc_cli.train import plan as planning
from aigc_cli.train.metrics import read_log


class FakeStepper:
    """A stepper that says how long a step takes."""

    def __init__(self, tiny, options, step_s, device="cpu"):
        self.options, self.step_s, self.device = options, step_s, torch.device(device)
        self.data = SimpleNamespace(tokens_per_step=1, tokens=1000)
        self.objective = SimpleNamespace(validation_tokens=lambda whole: 0)
        self.compiled = self.measured = 0

    def seconds_per_step(self):
        self.measured += 1
        return self.step_s

    def compile(self):
        self.compiled += 1


class Journal:
    """A journal in memory."""

    def __init__(self):
        self.entries = []

    def append(self, entry):
        self.entries.append(entry)


@pytest.fixture
def compiler(monkeypatch):
    monkeypatch.setattr(planning, "missing_compiler", lambda: None)
    monkeypatch.setattr(planning, "need_compiler", lambda: None)


@pytest.mark.parametrize(
    "changes, step_s, device, compiled, measured",
    [
        ({"steps": 10_000}, 1.0, "cpu", 1, 1),  # 10,000 s x (1 - 1 / 1.2) is far above 2 x 60 s
        ({"steps": 10_000}, 0.01, "cpu", 0, 1),
        ({"steps": 999}, 9.0, "cpu", 0, 0),  # too few to measure
        ({"steps": 10_000}, 1.0, "meta", 0, 0),  # a device of which nothing is known
        ({"steps": 10_000, "compile": "off"}, 1.0, "cpu", 0, 0),
        ({"steps": 5, "compile": "on"}, 1.0, "cpu", 1, 0),
        ({"steps": None, "minutes": 11.0}, 0.1, "cpu", 0, 1),
        ({"steps": None, "minutes": 13.0}, 0.1, "cpu", 1, 1),
    ],
)
def test_auto_compiles_where_it_pays_and_a_resumed_run_does_the_same(
    tiny, compiler, changes, step_s, device, compiled, measured
):
    options, journal = tiny.options(**changes), Journal()
    first, again = (FakeStepper(tiny, options, step_s, device) for _ in range(2))
    steps = planning.plan(journal, first, planning.time.monotonic())
    assert (first.compiled, first.measured) == (compiled, measured)
    again.step_s = 1e-9  # what the machine does now must not matter
    assert planning.plan(journal, again, 0.0) == steps
    assert (again.compiled, again.measured) == (compiled, 0) and len(journal.entries) == 1


def test_without_a_compiler_auto_does_not_choose_it_and_on_says_what_to_install(tiny, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert missing_compiler() == "the C++ compiler no-such-compiler"
    stepper = FakeStepper(tiny, tiny.options(steps=10_000), 1.0)
    planning.plan(Journal(), stepper, 0.0)
    assert stepper.compiled == 0
    stepper.options = tiny.options(compile="on")
    with pytest.raises(MissingExtra, match="needs the C") as caught:
        planning.plan(Journal(), stepper, 0.0)
    assert "install" in caught.value.hint and "--compile off" in caught.value.hint


@pytest.mark.long
def test_a_compiled_run_learns_the_same_and_resumes_to_the_same_bytes(tiny, tmp_path):
    if missing := missing_compiler():
        pytest.skip(f"{missing} is not there")
    chosen = {name: tiny.options(steps=8, evals=1, log_every=1, compile=name) for name in ("on", "off")}
    for name, options in chosen.items():
        tiny.train_tiny(tmp_path / name, options, dtype=torch.bfloat16)
    losses = {name: [r["gpt/loss"] for r in read_log(tmp_path / name / "metrics.jsonl") if "gpt/loss" in r]
              for name in chosen}  # fmt: skip
    assert len(losses["on"]) == 8 and losses["on"] == pytest.approx(losses["off"], abs=0.02)

    def stop(objective):
        original = objective.validate
        objective.validate = lambda whole: (_ for _ in ()).throw(RuntimeError("stopped")) if whole else original(whole)

    with pytest.raises(RuntimeError, match="stopped"):
        tiny.train_tiny(tmp_path / "again", chosen["on"], change=stop, dtype=torch.bfloat16)
    folder = tmp_path / "again.partial" / "checkpoints"
    assert list(folder.iterdir())
    tiny.train_tiny(tmp_path / "again", chosen["on"], dtype=torch.bfloat16)
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("on", "again"))
    assert a == b
