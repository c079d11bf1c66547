"""The logic of text.mk and text.sh, with a stand-in for the commands."""

from __future__ import annotations

import os
import shutil

STAGES = [
    "raw", "clean", "tokens", "gpt",
    "eval", "onnx", "int8", "student", "student-int8", "texts", "kept", "corrected", "report",
]  # fmt: skip
AFTER_GPT = STAGES[4:]


def made(lines):
    return {stage for stage, how, _ in lines if how == "made"}


def test_fresh_run_makes_every_stage_once_in_order(pipeline):
    status, lines = pipeline.make("-j2")
    assert status == 0, pipeline.result.stderr
    order = [stage for stage, _, _ in lines]
    assert sorted(order) == sorted(STAGES)
    assert order[:4] == STAGES[:4] and order.index("corrected") < order.index("report")
    assert order.index("texts") < order.index("kept") < order.index("corrected")
    assert order.index("student") < order.index("student-int8")


def test_second_run_does_nothing(pipeline):
    pipeline.make("-j2")
    assert pipeline.make("-j2") == (0, [])
    assert pipeline.make("-q")[0] == 0


def test_dry_run_names_all_commands_and_runs_none(pipeline):
    status, lines = pipeline.make("-n")
    assert status == 0 and lines == [] and not (pipeline.folder / "out").exists()
    commands = [line.split("aigc ", 1)[1] for line in pipeline.result.stdout.splitlines()]
    assert len(commands) == len(STAGES)
    assert commands[0] == "collect raw -o out/raw --config recipes/collect.yaml"
    assert "report out/corrected out/eval out/onnx out/int8 -o out/report.html" in commands


def test_touched_recipe_remakes_no_run(pipeline):
    pipeline.make()
    pipeline.later(pipeline.folder / "recipes/tokenize.yaml")
    _, lines = pipeline.make()
    assert [stage for stage, _, _ in lines][:2] == ["tokens", "gpt"]
    assert made(lines) <= {"report"}


def test_edited_recipe_remakes_what_depends_on_it(pipeline):
    pipeline.make()
    pipeline.edit("recipes/student.yaml")
    assert made(pipeline.make()[1]) == {"student", "student-int8", "texts", "kept", "corrected", "report"}
    pipeline.edit("recipes/prompts.txt")
    assert made(pipeline.make()[1]) == {"texts", "kept", "corrected", "report"}


def test_failure_stops_and_the_next_run_continues(pipeline):
    status, lines = pipeline.make(MOCK_FAIL="gpt")
    assert status == 2 and [stage for stage, _, _ in lines] == STAGES[:3]
    status, lines = pipeline.make()
    assert status == 0 and lines[0][0] == "gpt"
    assert made(lines) == {"gpt", *AFTER_GPT}


def test_new_and_removed_raw_files_are_noticed(pipeline):
    pipeline.make()
    added = pipeline.folder / "raw/c.txt"
    added.write_text("c")
    pipeline.later(added)
    assert made(pipeline.make()[1]) == set(STAGES)
    added.unlink()
    pipeline.later(pipeline.folder / "raw")
    assert made(pipeline.make()[1]) == set(STAGES)


def test_branches_share_the_cores_unless_told_otherwise(pipeline):
    cores = os.sysconf("SC_NPROCESSORS_ONLN")
    threads = {stage: int(n) for stage, _, n in pipeline.make("-j2")[1]}
    assert {threads[stage] for stage in ("raw", "clean", "tokens", "gpt")} == {cores}
    assert {threads[stage] for stage in ("onnx", "int8", "student", "texts")} == {max(1, cores // 2)}
    shutil.rmtree(pipeline.folder / "out")
    assert {n for _, _, n in pipeline.make("-j2", AIGC_THREADS="3")[1]} == {"3"}


def test_shell_does_the_same_and_does_nothing_twice(pipeline):
    status, lines = pipeline.shell()
    assert status == 0, pipeline.result.stderr
    assert sorted(stage for stage, _, _ in lines) == sorted(STAGES) and made(lines) == set(STAGES)
    assert made(pipeline.shell()[1]) == {"report"}  # which is drawn anew each time
    pipeline.edit("recipes/generate.yaml")
    assert made(pipeline.shell()[1]) == {"texts", "kept", "corrected", "report"}


def test_make_after_shell_remakes_no_run(pipeline):
    pipeline.shell()
    assert made(pipeline.make()[1]) <= {"report"}


def test_shell_stops_at_a_failure(pipeline):
    status, lines = pipeline.shell(MOCK_FAIL="tokens")
    assert status == 1 and [stage for stage, _, _ in lines] == ["raw", "clean"]


def test_shell_takes_names_with_spaces(pipeline):
    shutil.move(pipeline.folder / "raw", pipeline.folder / "my files")
    assert pipeline.shell(RAW="my files", OUT="my out")[0] == 0
