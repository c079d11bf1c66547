"""The work of distill inside an opened run: the student, its teacher's score, the control; each journaled when done."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from aigc_cli.compress.objective import Distillation
from aigc_cli.compress.recipe import Recipe
from aigc_cli.compress.sources import stem
from aigc_cli.compress.student import even_layers, student_weights
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.files import atomic_write
from aigc_cli.core.run import Journal, Run
from aigc_cli.models.bundle import Bundle, save_bundle
from aigc_cli.train.card import model_card
from aigc_cli.train.job import Job
from aigc_cli.train.loop import Outcome, run_training
from aigc_cli.train.metrics import METRICS, read_log
from aigc_cli.train.objectives.lm import CausalLM
from aigc_cli.train.options import BUDGETS
from aigc_cli.train.tasks.causal import prepare
from aigc_cli.train.tokens import Tokens

CONTROL_LOG = "control.jsonl"
FLOAT_BYTES = 4


@dataclass
class _Part:
    """What the loop needs of a Run, for the control's own checkpoints and journal."""

    dir: Path
    journal: Journal


class Distilling:
    """Trains a student and what it is compared with; `work` gives the published result."""

    def __init__(
        self, run: Run, bundle: Bundle, recipe: Recipe, tokens: Tokens, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.run, self.bundle, self.recipe, self.tokens = run, bundle, recipe, tokens
        self.device, self.dtype, self.seed = device, dtype, run.common.seed
        self.config, self.family = recipe.config, bundle.family
        self.done: dict[str, dict[str, Any]] = {e["event"]: e for e in run.journal.entries if "final" in e}
        self.times: dict[str, float] = {}

    def work(self) -> Result:
        """Trains what is not trained yet, compares, and publishes."""
        if "student" not in self.done:
            self._student()
        if "teacher" not in self.done:
            objective = self._judge(self._teacher())
            self._finish("teacher", 0, objective.validate(True))
        if self.recipe.loss.control and "control" not in self.done:
            self._control()
        return self._publish()

    def _finish(self, event: str, steps: int, final: dict[str, float]) -> None:
        entry = {"event": event, "steps": steps, "final": final}
        self.run.journal.append(entry)
        self.done[event] = entry

    def _teacher(self) -> Any:
        model: Any = self.bundle.model(self.device)
        model.compute_dtype = None if self.dtype == torch.float32 else self.dtype
        return model

    def _prepare(self) -> tuple[Any, CausalLM, Any]:
        job = Job(self.family, self.config, self.tokens, self.recipe.train, self.device, self.dtype, self.seed)
        work = prepare(job)
        return work.model, work.objective, work.data  # type: ignore[return-value]

    def _judge(self, model: Any) -> CausalLM:
        """The next-token objective of `model` over the student's context, so that all three read the same windows."""
        return CausalLM(model, validation=self.tokens.validation, bytes_per_token=self.tokens.bytes_per_token,
                        context=self.config.context)  # fmt: skip

    def _train(self, run: Any, objective: Any, data: Any, options: Any, write: Any, label: str) -> Outcome:
        return run_training(run, objective, data, options, device=self.device, dtype=self.dtype, seed=self.seed,
                            write_bundle=write, width=self.config.n_embd, label=label)  # fmt: skip

    def _student(self) -> None:
        model, plain, data = self._prepare()
        loss = self.recipe.loss
        weights = {name: value.float() for name, value in self.bundle.weights().items()}
        model.load_state_dict(student_weights(weights, self.bundle.config, self.config, loss.keep_layers))
        objective = Distillation(
            model, self._teacher(), temperature=loss.temperature, alpha=loss.alpha, validation=plain.validation,
            bytes_per_token=plain.bytes_per_token, context=plain.context, batch_size=plain.batch_size,
            eval_tokens=plain.eval_tokens, sampler=plain.sampler,
        )  # fmt: skip

        def write(directory: Path, final: dict[str, float] | None = None) -> None:
            card = model_card(self.family, self.config, self.tokens.path, final or {})
            save_bundle(directory, self.family, self.config, model.state_dict(), self.tokens.tokenizer, card)

        outcome = self._train(self.run, objective, data, self.recipe.train, write, "distill")
        write(self.run.dir, outcome.final)
        self.times |= {f"student_{name}": value for name, value in outcome.times.items()}
        self._finish("student", outcome.steps, outcome.final)

    def _control(self) -> None:
        """The same student from fresh weights, for as many steps, on the text alone."""
        model, objective, data = self._prepare()
        objective.sampler = None
        steps = self.done["student"]["steps"]
        options = dataclasses.replace(self.recipe.train, **{**dict.fromkeys(BUDGETS), "steps": steps})
        place = self.run.dir / "parts" / "control"
        place.mkdir(parents=True, exist_ok=True)
        part = _Part(place, Journal(place / "journal.jsonl"))

        def write(directory: Path) -> None:
            save_bundle(directory, self.family, self.config, model.state_dict(), self.tokens.tokenizer, "# control\n")

        console.say("the control: the same student from scratch")
        try:
            outcome = self._train(part, objective, data, options, write, "control")
        finally:
            part.journal.close()
        self._keep_log(place / METRICS)
        self.times |= {f"control_{name}": value for name, value in outcome.times.items()}
        self._finish("control", outcome.steps, outcome.final)

    def _keep_log(self, log: Path) -> None:
        """The control's metrics without times, so that equal runs give equal files."""
        lines = [{k: v for k, v in r.items() if not k.startswith("time_")} for r in read_log(log)]
        atomic_write(self.run.dir / CONTROL_LOG, "".join(json.dumps(line) + "\n" for line in lines))

    def _publish(self) -> Result:
        rows = [self._row("teacher", self.bundle.config), self._row("student", self.config)]
        if self.recipe.loss.control:
            rows.append(self._row("control", self.config))
        student = self.done["student"]
        layers = self.recipe.loss.keep_layers or even_layers(self.bundle.config.n_layer, self.config.n_layer)
        facts = {"family": self.family.name, "parameters": self.config.parameters(), "final": student["final"],
                 "tokenizer": self.tokens.tokenizer.digest if self.tokens.tokenizer else None,
                 "distillation": rows, "teacher_layers": layers}  # fmt: skip
        counts = {"steps": student["steps"]}
        return self.run.publish(
            counts=counts, facts=facts, times=self.times, lines=self._lines(rows), next=next_command(self.run)
        )

    def _row(self, name: str, config: Any) -> dict[str, Any]:
        final = self.done[name]["final"]
        return {
            "model": name, "parameters": config.parameters(), "bytes": FLOAT_BYTES * config.parameters(),
            "steps": self.done[name]["steps"], "val_nats": final.get("val/loss_nats"), "bpb": final.get("val/bpb"),
        }  # fmt: skip

    def _lines(self, rows: list[dict[str, Any]]) -> list[str]:
        names = {"teacher": stem(self.bundle.path), "student": "student, distilled", "control": "student, from scratch"}
        cells = [[names[r["model"]], r["parameters"], r["bytes"] / 1e6, r["steps"] or None, r["val_nats"], r["bpb"]]
                 for r in rows]  # fmt: skip
        title = f"{self.run.file or self.run.path}: validation"
        return [console.table(title, ["model", "parameters", "MB", "steps", "nats/token", "bits/byte"], cells)]


def next_command(run: Run) -> str:
    """What to do with the student."""
    return f"aigc quantize {run.file or run.path} --to int8"
