from __future__ import annotations

import dataclasses
import json
import re
import shutil

import pytest
import torch
import yaml

from aigc_cli.compress import distill
from aigc_cli.compress.objective import Distillation, forward_kl
from aigc_cli.compress.options import DistillOptions
from aigc_cli.compress.recipe import parse_recipe, read_recipe, template
from aigc_cli.compress.student import even_layers, student_weights
from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.gpt.model import GPT
from aigc_cli.train.objective import StepRng
from aigc_cli.train.objectives.lm import CausalLM

from .conftest import TINY, random_gpt

RNG = StepRng(0, 0, (0,))
SMALL = {"n_layer": 1, "n_embd": 32, "n_ff": 48, "steps": 6, "batch_size": 4, "evals": 1, "warmup": 0,
         "device": "cpu", "dtype": "float32", "context": 32}  # fmt: skip


@pytest.fixture
def recipe(tmp_path):
    """recipe(**keys) -> path of a student.yaml."""

    def write(**keys):
        (tmp_path / "student.yaml").write_text(yaml.safe_dump({**SMALL, **keys}))
        return tmp_path / "student.yaml"

    return write


# -- loss --------------------------------------------------------------------------------------------------------


def test_the_kl_is_the_sum_of_its_definition():
    torch.manual_seed(0)
    student, teacher = torch.randn(5, 7), torch.randn(5, 7)
    p, q = (torch.softmax(x.double() / 3.0, -1) for x in (teacher, student))
    wanted = (p * (p.log() - q.log())).sum() * 9.0
    assert torch.isclose(forward_kl(student, teacher, 3.0).double(), wanted, rtol=1e-5)
    assert forward_kl(teacher, teacher, 3.0).abs() < 1e-6


def test_the_gradient_hardly_depends_on_a_high_temperature():
    """Source: Hinton et al. 2015, equation 4: for T large, T^2 * KL has the gradient (z - v) / N of logit matching."""
    torch.manual_seed(0)
    teacher = torch.randn(1, 6)
    student = torch.randn(1, 6, requires_grad=True)
    forward_kl(student, teacher, 1000.0).backward()
    centred = (student - student.mean()) - (teacher - teacher.mean())
    assert torch.allclose(student.grad, centred.detach() / 6, atol=1e-3)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_objective_mixes_kl_and_cross_entropy(alpha):
    student, teacher = random_gpt(TINY, 1), random_gpt(TINY, 2)
    ids = torch.randint(0, 96, (2, 9), generator=torch.Generator().manual_seed(0))
    batch = ids[:, :-1], ids[:, 1:]
    objective = Distillation(student, teacher, temperature=2.0, alpha=alpha)
    loss, parts = objective.loss("gpt", batch, RNG)
    with torch.no_grad():
        a, b = student(batch[0]).flatten(0, 1), teacher(batch[0]).flatten(0, 1)
    ce = torch.nn.functional.cross_entropy(a, batch[1].flatten())
    log_p, log_q = torch.log_softmax(b / 2, -1), torch.log_softmax(a / 2, -1)
    kl = 4 * (log_p.exp() * (log_p - log_q)).sum(-1).mean()
    assert torch.isclose(loss, alpha * kl + (1 - alpha) * ce, rtol=1e-5)
    assert torch.isclose(parts["kl"], kl, rtol=1e-4) and torch.isclose(parts["ce"], ce, rtol=1e-5)
    loss.backward()
    assert all(p.grad is None for p in teacher.parameters())
    assert all(p.grad is not None for p in student.parameters())
    assert not any(p is q for p in objective.groups["gpt"].values() for q in teacher.parameters())


def test_pieces_give_the_same_loss_and_gradients(monkeypatch):
    from aigc_cli.compress import objective as module

    ids = torch.randint(0, 96, (3, 11), generator=torch.Generator().manual_seed(0))
    found = []
    for size in (1 << 30, 8 * 96 * 4):
        monkeypatch.setattr(module, "LOGITS_BYTES", size)
        student = random_gpt(TINY, 1)
        loss, _ = Distillation(student, random_gpt(TINY, 2), temperature=2.0, alpha=0.5).loss(
            "gpt", (ids[:, :-1], ids[:, 1:]), RNG
        )
        loss.backward()
        found.append((loss.detach(), student.model.embed_tokens.weight.grad))
    assert torch.isclose(found[0][0], found[1][0], rtol=1e-6)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-6)


def test_alpha_zero_is_plain_training():
    student = random_gpt(TINY, 1)
    ids = torch.randint(0, 96, (2, 9), generator=torch.Generator().manual_seed(0))
    batch = ids[:, :-1], ids[:, 1:]
    plain, _ = CausalLM(student).loss("gpt", batch, RNG)
    mixed, _ = Distillation(student, random_gpt(TINY, 2), temperature=2.0, alpha=0.0).loss("gpt", batch, RNG)
    assert torch.isclose(plain, mixed, rtol=1e-6)


# -- the student's first weights ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [True, False])
def test_a_student_of_the_same_size_is_its_teacher(tied):
    config = dataclasses.replace(TINY, tied=tied)
    teacher, student = random_gpt(config, 0), random_gpt(config, 1)
    student.load_state_dict(student_weights(teacher.state_dict(), config, config))
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(student(ids), teacher(ids))


@pytest.mark.parametrize(
    "fields",
    [{"n_layer": 2}, {"n_embd": 24}, {"n_ff": 50}, {"n_head": 2, "n_kv_head": 1}, {"n_kv_head": 1}, {"n_head": 2},
     {"head_dim": 8}, {"tied": False}, {"n_layer": 1, "n_embd": 32, "n_ff": 32, "n_head": 2, "n_kv_head": 2}],
)  # fmt: skip
def test_every_smaller_shape_can_be_cut(fields):
    config = dataclasses.replace(TINY, **fields)
    weights = student_weights(random_gpt(TINY).state_dict(), TINY, config)
    student = GPT(config)
    student.load_state_dict(weights)
    with torch.no_grad():
        assert torch.isfinite(student(torch.arange(10)[None])).all()


def test_dead_channels_neurons_and_heads_are_the_ones_that_go():
    """What contributes nothing can be cut without any change of the logits."""
    config = dataclasses.replace(TINY, n_head=4, n_kv_head=2)
    teacher = random_gpt(config)
    with torch.no_grad():
        for layer in teacher.model.layers:
            for name in ("gate_proj", "up_proj"):
                getattr(layer.mlp, name).weight[10:26] = 0
            layer.mlp.down_proj.weight[:, 10:26] = 0
            layer.self_attn.o_proj.weight[:, 32:64] = 0  # both heads of the second group
    smaller = dataclasses.replace(config, n_ff=config.n_ff - 16, n_head=2, n_kv_head=1)
    student = GPT(smaller)
    student.load_state_dict(student_weights(teacher.state_dict(), config, smaller))
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.allclose(student(ids), teacher(ids), atol=1e-4)


def test_layers_are_evenly_spaced():
    assert even_layers(6, 6) == list(range(6))
    assert even_layers(6, 3) == [0, 3, 5]
    assert even_layers(2, 1) == [0]
    for teacher in range(1, 14):
        for student in range(1, teacher + 1):
            layers = even_layers(teacher, student)
            assert len(set(layers)) == student and layers == sorted(layers) and layers[-1] < teacher


def test_keep_layers_chooses(make_run):
    _, teacher = make_run()
    config = dataclasses.replace(teacher.config, n_layer=1)
    weights = student_weights(teacher.state_dict(), teacher.config, config, [2])
    name = "self_attn.q_proj.weight"
    assert torch.equal(weights[f"model.layers.0.{name}"], teacher.state_dict()[f"model.layers.2.{name}"])


# -- recipe ------------------------------------------------------------------------------------------------------


def test_init_writes_a_recipe_that_loads(here, make_bundle):
    result = distill(options=DistillOptions(init=True))
    assert result.path.name == "student.yaml"
    recipe = read_recipe(here / "student.yaml", TINY)
    assert recipe.config == dataclasses.replace(TINY, n_layer=2)
    assert (recipe.loss.loss, recipe.loss.temperature, recipe.train.minutes) == ("forward_kl", 2.0, 1.0)
    with pytest.raises(ConfigError, match="exists"):
        distill(options=DistillOptions(init=True))
    distill("other.yaml", options=DistillOptions(init=True))
    assert (here / "other.yaml").exists()
    path, _ = make_bundle()
    distill(path, "fitted.yaml", DistillOptions(init=True))
    assert "teacher: 64" in (here / "fitted.yaml").read_text()


def test_every_commented_field_of_the_template_is_a_real_one():
    fields = re.findall(r"^(?:# )?([a-z_]+): ([^#\n]+)", template(TINY), re.MULTILINE)
    values = {name: yaml.safe_load(value) for name, value in fields if name != "steps"}
    assert {"n_layer", "n_embd", "keep_layers", "temperature", "lr"} <= values.keys()
    config = parse_recipe(values, TINY, "template").config
    assert config.n_embd == 32 and config.n_head == 2


@pytest.mark.parametrize(
    "key, value, message",
    [("n_layr", 2, "unknown key"), ("temprature", 2, "unknown key"), ("n_layer", 9, "teacher has 3"),
     ("vocab_size", 50, "teacher's is 96"), ("loss", "mse", "loss is"), ("n_layer", "two", "n_layer"),
     ("temperature", 0, "temperature"), ("alpha", 1.5, "alpha"), ("keep_layers", [0, 1], "keep_layers"),
     ("keep_layers", [7], "keep_layers"), ("n_kv_head", 4, "teacher has 2"), ("head_dim", 5, "head_dim is 5"),
     ("n_kv_head", 3, "multiple")],
)  # fmt: skip
def test_wrong_recipes_are_explained(key, value, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_recipe({**SMALL, key: value}, TINY, "student.yaml")
    assert caught.value.hint
    if message == "unknown key":
        assert "did you mean" in caught.value.hint


def test_two_budgets_are_refused(make_run, recipe):
    path, _ = make_run()
    with pytest.raises(ConfigError, match="both given"):
        distill(path, recipe(minutes=1))


def test_the_default_budget_is_a_minute():
    assert parse_recipe({"n_layer": 1}, TINY, "x").train.minutes == 1.0


# -- the command -------------------------------------------------------------------------------------------------


def test_a_student_is_trained_compared_and_published(here, make_run, recipe):
    path, teacher = make_run()
    result = distill(path, recipe())
    assert result.path.as_posix() == "runs/student"
    facts = result.manifest["facts"]
    rows = {row["model"]: row for row in facts["distillation"]}
    assert list(rows) == ["teacher", "student", "control"]
    assert rows["student"]["steps"] == rows["control"]["steps"] == 6
    assert rows["student"]["parameters"] == rows["control"]["parameters"] < rows["teacher"]["parameters"]
    bundle = Bundle.open(result.path)
    assert bundle.config.n_layer == 1 and bundle.config.n_embd == 32
    # Oracle: the numbers of the table, computed again from the published files.
    from aigc_cli.train.tokens import open_tokens

    tokens = open_tokens(here / "tokens")
    for name, model in (("student", bundle.model()), ("teacher", teacher)):
        judged = CausalLM(model, validation=tokens.validation, bytes_per_token=tokens.bytes_per_token, context=32)
        assert judged.validate(True)["val/loss_nats"] == pytest.approx(rows[name]["val_nats"], rel=1e-5)
    assert not (result.path / "parts").exists() and not (result.path / "checkpoints").exists()
    assert all("time_s" not in json.loads(line) for line in (result.path / "control.jsonl").read_text().splitlines())
    assert {p["stage"] for p in result.manifest["parents"]} == {"train", "tokenize"}
    again = distill(path, recipe())
    assert again.manifest["digest"] == result.manifest["digest"] and again.path == result.path


def test_a_packed_teacher_alone_is_enough_and_equal_work_gives_equal_bytes(here, make_run, recipe):
    path, _ = make_run()
    from aigc_cli.models.bundle import pack_pt

    pack_pt(path, here / "teacher.pt")
    shutil.rmtree(path)
    first = distill(here / "teacher.pt", recipe(control=False), common=Common(output=here / "a"))
    second = distill(here / "teacher.pt", recipe(control=False), common=Common(output=here / "b.pt"))
    assert first.manifest["digest"] == second.manifest["digest"]
    assert [row["model"] for row in first.manifest["facts"]["distillation"]] == ["teacher", "student"]
    assert (here / "b.pt").exists() and Bundle.open(here / "b.pt").config.n_layer == 1


def test_missing_shards_have_a_remedy(here, make_run, recipe, make_shards):
    path, _ = make_run()
    shutil.move(here / "tokens", here / "elsewhere")
    with pytest.raises(DataError, match="not here") as caught:
        distill(path, recipe())
    assert "--shards" in caught.value.hint
    result = distill(path, recipe(control=False), DistillOptions(shards=here / "elsewhere"))
    assert result.manifest["counts"]["steps"] == 6


def test_a_stopped_distillation_continues_to_the_same_bytes(here, make_run, recipe, monkeypatch):
    from aigc_cli.compress import teaching

    path, _ = make_run()
    whole = distill(path, recipe(), common=Common(output=here / "whole"))
    keep_log = teaching.Distilling._keep_log

    def stop(self, log):
        raise AigcError("stopped")

    monkeypatch.setattr(teaching.Distilling, "_keep_log", stop)
    with pytest.raises(AigcError, match="stopped"):
        distill(path, recipe(), common=Common(output=here / "cut"))
    monkeypatch.setattr(teaching.Distilling, "_keep_log", keep_log)
    resumed = distill(path, recipe(), common=Common(output=here / "cut"))
    names = ("model.safetensors", "config.json", "control.jsonl", "samples.jsonl")
    assert all(whole.manifest["files"][name] == resumed.manifest["files"][name] for name in names)
    assert whole.manifest["digest"] == resumed.manifest["digest"]


def test_bad_teachers_are_refused(here, tmp_path, recipe, make_bundle):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    torch.save({"format": 1, "family": "gpt", "config": {}, "weights": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(DataError):
        distill(tmp_path / "evil.pt", recipe())
    assert not (tmp_path / "owned").exists()
    with pytest.raises(ConfigError, match="no model"):
        distill(tmp_path / "none.pt", recipe())
    with pytest.raises(ConfigError, match="teacher and a recipe"):
        distill()
    path, _ = make_bundle()
    with pytest.raises(ConfigError, match="no file"):
        distill(path, tmp_path / "none.yaml")
