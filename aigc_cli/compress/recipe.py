"""student.yaml: what of the student differs from the teacher, the loss, the budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aigc_cli.core.errors import ConfigError, did_you_mean
from aigc_cli.core.options import from_mapping, load_yaml, opt
from aigc_cli.train.options import BUDGETS, TrainOptions

DEFAULT_NAME = Path("student.yaml")
DEFAULT_MINUTES = 1.0
SAME = ("vocab_size",)  # fields of the Config that a student shares with its teacher
SMALLER = ("n_layer", "n_head", "n_kv_head", "head_dim", "n_embd", "n_ff", "context")


@dataclass
class LossOptions:
    """Distillation."""

    loss: Literal["forward_kl"] = opt("forward_kl", "KL(teacher || student) of the softened distributions.")
    temperature: float = opt(2.0, "Softens both distributions; the KL is multiplied by its square.", min=0.01)
    alpha: float = opt(0.5, "Weight of the KL; the rest is the cross-entropy of the text.", min=0, max=1)
    keep_layers: list[int] | None = opt(None, "Teacher layers that the student starts from; default: evenly spaced.")
    control: bool = opt(True, "Also train the same student from scratch, for as many steps.")


@dataclass(frozen=True)
class Recipe:
    """A read student.yaml: the student's Config, how it learns, and the options of the loop."""

    config: Any
    loss: LossOptions
    train: TrainOptions


def read_recipe(path: Path, teacher: Any) -> Recipe:
    """The recipe at `path` for a teacher of the Config `teacher`. Raises ConfigError for what does not fit."""
    return parse_recipe(load_yaml(path), teacher, str(path))


def parse_recipe(mapping: Mapping[str, Any], teacher: Any, where: str) -> Recipe:
    """The recipe in `mapping`; `where` names it in messages."""
    groups: dict[type, dict[str, Any]] = {type(teacher): dataclasses.asdict(teacher), LossOptions: {}, TrainOptions: {}}
    owners = {field.name: cls for cls in groups for field in dataclasses.fields(cls)}
    del owners["init_from"]  # a student begins as a part of its teacher
    for key, value in mapping.items():
        name = str(key).replace("-", "_")
        if name not in owners:
            raise ConfigError(f"{where}: unknown key '{key}'", did_you_mean(name, owners))
        if name in SAME and value != getattr(teacher, name):
            raise ConfigError(
                f"{where}: {name} is {value!r}, the teacher's is {getattr(teacher, name)}", "leave it out"
            )
        groups[owners[name]][name] = value
    config = from_mapping(type(teacher), groups[type(teacher)], where)
    for name in SMALLER:
        if getattr(config, name) > getattr(teacher, name):
            raise ConfigError(
                f"{where}: {name} is {getattr(config, name)}, the teacher has {getattr(teacher, name)}",
                "a student is at most as large as its teacher",
            )
    loss = from_mapping(LossOptions, groups[LossOptions], where)
    _check_layers(loss.keep_layers, config.n_layer, teacher.n_layer, where)
    train = from_mapping(TrainOptions, groups[TrainOptions], where)
    if all(getattr(train, name) is None for name in BUDGETS):
        train = dataclasses.replace(train, minutes=DEFAULT_MINUTES)
    return Recipe(config, loss, train)


def _check_layers(keep: list[int] | None, student: int, teacher: int, where: str) -> None:
    if keep is None:
        return
    if len(keep) != student or sorted(set(keep)) != keep or not all(0 <= layer < teacher for layer in keep):
        raise ConfigError(
            f"{where}: keep_layers is {keep}", f"give {student} different, rising numbers from 0 to {teacher - 1}"
        )


def template(teacher: Any | None = None) -> str:
    """A commented student.yaml; with the teacher's Config its sizes stand beside the fields.

    >>> "n_layer: 2" in template()
    True
    """
    sizes = dataclasses.asdict(teacher) if teacher is not None else {}

    def field(name: str, example: Any, help: str) -> str:
        of = f" (teacher: {sizes[name]})" if name in sizes else ""
        return f"# {name}: {example}".ljust(24) + f"# {help}{of}"

    half = {name: max(1, value // 2) for name, value in sizes.items() if name in SMALLER}
    layers = half.get("n_layer", 2)
    lines = [
        "# A student for `aigc distill TEACHER student.yaml`. What is left out is as in the teacher.",
        "",
        "# Sizes. The student starts from the teacher's evenly spaced layers and largest channels.",
        f"n_layer: {layers}".ljust(24) + "# Transformer blocks" + (f" (teacher: {sizes['n_layer']})" if sizes else ""),
        field("n_embd", half.get("n_embd", 128), "width"),
        field("n_ff", half.get("n_ff", 352), "width of the feed-forward layer"),
        field("n_head", half.get("n_head", 2), "query heads"),
        field("n_kv_head", half.get("n_kv_head", 2), "key and value heads; divides n_head"),
        field("keep_layers", list(range(layers)), "teacher layers to start from"),
        "",
        "# Loss: alpha * temperature^2 * KL + (1 - alpha) * cross-entropy",
        "loss: forward_kl",
        "temperature: 2",
        "alpha: 0.5",
        "control: true".ljust(24) + "# also train the same student from scratch, to compare",
        "",
        "# Budget: one of minutes, steps, tokens, epochs. All options of `aigc train gpt` may stand here.",
        "minutes: 1",
        "# batch_size: 8",
        "# lr: 0.004",
    ]
    return "\n".join(lines) + "\n"
