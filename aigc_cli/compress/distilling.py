"""distill: a smaller GPT cut from its teacher, taught by it, and compared with itself trained from scratch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from aigc_cli.compress.objective import Distillation
from aigc_cli.compress.options import DistillOptions
from aigc_cli.compress.recipe import DEFAULT_NAME, Recipe, read_recipe, template
from aigc_cli.compress.sources import stem, token_shards
from aigc_cli.compress.student import even_layers, student_weights
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.device import resolve
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import atomic_write
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Journal, Run
from aigc_cli.models.bundle import Bundle, pack_pt, save_bundle
from aigc_cli.train.api import Tokens, open_tokens, prepare
from aigc_cli.train.card import model_card
from aigc_cli.train.lm import CausalLM
from aigc_cli.train.loop import Outcome, run_training
from aigc_cli.train.metrics import METRICS, read_log
from aigc_cli.train.options import BUDGETS

VERSION = 1
CONTROL_LOG = "control.jsonl"
FLOAT_BYTES = 4


def distill(
    teacher: Path | str | None = None,
    student: Path | str | None = None,
    options: DistillOptions | None = None,
    common: Common | None = None,
) -> Result:
    """Trains the student of the recipe `student` on what `teacher` says, on the teacher's own token shards.

    With options.init, writes a commented recipe instead: at `student`, at `teacher` when that ends in .yaml, or as
    student.yaml.
    """
    options, common = options or DistillOptions(), common or Common()
    if options.init:
        return _write_template(teacher, student, common)
    if teacher is None or student is None:
        raise ConfigError(
            "distill needs a teacher and a recipe", "aigc distill teacher.pt student.yaml; --init writes one"
        )
    bundle = Bundle.open(teacher)
    console.say(bundle.describe())
    recipe = read_recipe(Path(student), bundle.config)
    recipe.train.budget()  # a conflict is told before any work
    shards = token_shards(bundle, options.shards)
    if shards is None:
        raise DataError(f"the token shards that {teacher} was trained on are not here", "name others with --shards DIR")
    device, dtype = resolve(recipe.train.device, recipe.train.dtype)
    if common.dry_run:
        millions = recipe.config.parameters() / 1e6
        return Result(
            "distill", common.output, lines=[f"would train a student of {millions:.3g} M parameters on {shards}"]
        )
    chosen = {"device": device.type, "dtype": str(dtype).removeprefix("torch.")}
    shape = dataclasses.asdict(recipe.config)
    settings = {**resolved(recipe.loss, recipe.train), **shape, **chosen, "seed": common.seed}
    run = Run(common.output, stage="distill", version=VERSION, options=settings, inputs=[bundle.path, shards],
              default=Path(student).stem, common=common, pack=pack_pt)  # fmt: skip
    with run:
        if run.up_to_date:
            return run.result(next=_next(run))
        return _Distilling(run, bundle, recipe, open_tokens(shards), device, dtype).work()


def _next(run: Run) -> str:
    return f"aigc quantize {run.file or run.path} --to int8"


def _write_template(first: Path | str | None, second: Path | str | None, common: Common) -> Result:
    teacher, path = first, second
    if second is None and first is not None and Path(first).suffix in (".yaml", ".yml"):
        teacher, path = None, first
    path = Path(path or common.output or DEFAULT_NAME)
    if path.exists() and not common.force:
        raise ConfigError(f"{path} exists", "add --force to replace it, or name another file")
    atomic_write(path, template(Bundle.open(teacher).config if teacher is not None else None))
    return Result("distill", path, lines=[f"wrote {path}"], next=f"aigc distill {teacher or 'TEACHER'} {path}")


@dataclass
class _Part:
    """What the loop needs of a Run, for the control's own checkpoints and journal."""

    dir: Path
    journal: Journal


class _Distilling:
    """The work inside an opened run: student, teacher's score, control, each journaled when it is done."""

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
        model = self.bundle.model(self.device)
        model.compute_dtype = None if self.dtype == torch.float32 else self.dtype
        return model

    def _prepare(self) -> tuple[Any, CausalLM, Any]:
        return prepare(self.family, self.config, self.tokens, self.recipe.train, self.device, self.dtype, self.seed)

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
        import json

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
            counts=counts, facts=facts, times=self.times, lines=self._lines(rows), next=_next(self.run)
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
