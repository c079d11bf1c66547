"""The stage: options, prompts, output, exit codes."""

from __future__ import annotations

import io
import json
import shutil

import pytest

from aigc_cli.cli import main
from aigc_cli.generate import generate, texts
from aigc_cli.generate.options import GenerateOptions
from aigc_cli.generate.prompts import Prompt, parse_lines


def records(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def stdin(monkeypatch):
    """stdin(data): what a pipe would give."""

    def give(data: bytes):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    give(b"")
    return give


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--greedy", "--top-p", "0.9"], "--top-p"),
        (["--beams", "4", "--temperature", "0.5"], "--temperature"),
        (["--greedy", "--beams", "2"], "--beams"),
        (["--greedy", "--n", "2"], "equal texts"),
        (["--beams", "2", "--n", "3"], "3 texts"),
        (["--length-penalty", "2"], "--length-penalty"),
        (["--temperature", "0"], "--temperature"),
        (["--top-p", "1.5"], "--top-p"),
        (["--top-p", "0"], "--top-p"),
        (["--top-k", "0"], "--top-k"),
        (["--repetition-penalty", "0"], "--repetition-penalty"),
        (["--prompt", "a", "--prompts", "b.txt"], "--prompts"),
        (["--stop", ""], "--stop"),
        (["--topp", "0.9"], "--top-p"),
        (["--device", "tpu"], "tpu"),
        (["--prompts", "absent.txt"], "absent.txt"),
    ],
)
def test_wrong_options_exit_2(arguments, word, bundle, here, stdin, capsys):
    assert main(["generate", str(bundle[0]), *arguments]) == 2
    assert word in capsys.readouterr().err


def test_text_on_stdout_is_the_text_of_the_record_streamed_or_not(bundle, here, stdin, capsys):
    command = ["generate", str(bundle[0]), "--prompt", "the 猫", "--top-p", "0.9", "--seed", "3"]
    assert main([*command, "-o", "out.jsonl"]) == 0
    [record] = records(here / "out.jsonl")
    capsys.readouterr()
    for extra in ([], ["--no-stream"]):
        assert main([*command, *extra]) == 0
        assert capsys.readouterr().out == record["text"] + "\n"
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == record
    assert set(record) == {
        "prompt", "index", "text", "copy", "seed", "tokens", "logprob", "logprob_per_token", "finish"
    }  # fmt: skip
    assert record["logprob"] < 0 and record["seed"] == 3 and record["prompt"] == "the 猫"


def test_copies_seeds_and_batches(bundle, here):
    prompts = ["the", "cat", "über", "猫"]
    options = GenerateOptions(n=3, max_new_tokens=15)
    found = list(texts(bundle[0], prompts, options, seed=5))
    assert [(r["index"], r["copy"]) for r in found] == [(i, c) for i in range(4) for c in range(3)]
    assert len({r["text"] for r in found}) > 6
    for size in (1, 5):
        again = list(texts(bundle[0], prompts, GenerateOptions(n=3, max_new_tokens=15, batch_size=size), seed=5))
        assert [r["text"] for r in again] == [r["text"] for r in found]
    fewer = list(texts(bundle[0], prompts, GenerateOptions(n=1, max_new_tokens=15), seed=5))
    assert [r["text"] for r in fewer] == [r["text"] for r in found[::3]]
    other = list(texts(bundle[0], prompts, options, seed=6))
    assert [r["text"] for r in other] != [r["text"] for r in found]


def test_onnx_gives_the_same_texts(bundle, onnx_bundle, here):
    options = GenerateOptions(top_k=20, max_new_tokens=20)
    assert [r["text"] for r in texts(bundle[0], ["the", "a cat"], options)] == [
        r["text"] for r in texts(onnx_bundle, ["the", "a cat"], options)
    ]


def test_beams_give_n_best(bundle, here):
    found = list(texts(bundle[0], ["the", "cat"], GenerateOptions(beams=4, n=2, max_new_tokens=8)))
    assert [(r["index"], r["copy"]) for r in found] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found[0]["score"] >= found[1]["score"]


def test_prompts_from_file_and_stdin(bundle, here, stdin, capsys):
    (here / "p.txt").write_text('the\n\n{"prompt": "a\\nb", "id": 7}\n{not json\n', encoding="utf-8")
    assert main(["generate", str(bundle[0]), "--prompts", "p.txt", "-o", "a.jsonl", "--max-new-tokens", "5"]) == 0
    found = records(here / "a.jsonl")
    assert [r["prompt"] for r in found] == ["the", "a\nb", "{not json"] and found[1]["id"] == 7
    stdin((here / "p.txt").read_bytes())
    capsys.readouterr()
    assert main(["generate", str(bundle[0]), "--json", "--max-new-tokens", "5"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == found
    stdin(b"the\ncat\n")
    assert main(["generate", str(bundle[0]), "--prompts", "-", "--max-new-tokens", "2", "--greedy"]) == 0
    assert "---\n" in capsys.readouterr().out


def test_lines_that_cannot_be_used():
    found = list(parse_lines([b"\xef\xbb\xbfa\r\n", b"\xff\n", b'{"prompt": 3}\n']))
    assert found[0] == Prompt("a") and "UTF-8" in found[1].error and found[2].text == '{"prompt": 3}'
    strict = list(parse_lines([b'{"prompt": "a"}', b"b", b'{"text": 1}'], strict=True))
    assert [bool(p.error) for p in strict] == [False, True, True] and "line 2" in strict[1].error


@pytest.mark.parametrize("kind", ["empty", "closed", "none", "terminal"])
def test_without_a_prompt_the_text_starts_from_nothing(kind, bundle, here, stdin, monkeypatch, capsys):
    if kind == "closed":
        closed = io.TextIOWrapper(io.BytesIO(b""))
        closed.close()
        monkeypatch.setattr("sys.stdin", closed)
    if kind == "none":
        monkeypatch.setattr("sys.stdin", None)
    if kind == "terminal":
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert main(["generate", str(bundle[0]), "--json", "--max-new-tokens", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["prompt"] == ""


def test_long_prompts(bundle, here, stdin, capsys):
    assert main(["generate", str(bundle[0]), "--prompt", "a" * 50]) == 2
    error = capsys.readouterr().err
    assert "51 tokens" in error and "context 40" in error and "Traceback" not in error
    (here / "p.txt").write_text("a" * 50 + "\nthe\n")
    assert main(["generate", str(bundle[0]), "--prompts", "p.txt", "-o", "a.jsonl", "--max-new-tokens", "3"]) == 0
    found = records(here / "a.jsonl")
    assert "error" in found[0] and "text" not in found[0] and found[1]["tokens"] == 3
    assert "1 prompts rejected" in capsys.readouterr().err
    (here / "p.txt").write_text(("a" * 50 + "\n") * 2)
    assert main(["generate", str(bundle[0]), "--prompts", "p.txt", "-o", "b.jsonl"]) == 3
    assert not (here / "b.jsonl").exists() and not list(here.glob(".b*"))


def test_the_newest_model_is_taken_and_named(bundle, here, stdin, capsys):
    assert main(["generate"]) == 3
    assert "train gpt" in capsys.readouterr().err
    from aigc_cli.core.run import Run

    for name in ("old", "new"):
        with Run(here / "runs" / name, stage="train", version=1, options={"n": name}, inputs=[]) as run:
            shutil.copytree(bundle[0], run.dir, dirs_exist_ok=True)
            run.publish()
    assert main(["generate", "--max-new-tokens", "3", "--prompt", "a"]) == 0
    assert "runs/new" in capsys.readouterr().err


def test_bad_models_and_outputs(bundle, here, stdin, capsys):
    assert main(["generate", "absent"]) == 2
    (here / "empty").mkdir()
    assert main(["generate", "empty"]) == 3
    (here / "foreign").mkdir()
    (here / "foreign" / "mine").write_text("x")
    assert main(["generate", str(bundle[0]), "--prompt", "a", "-o", "foreign"]) == 2
    assert main(["generate", str(bundle[0]), "--prompt", "a", "-o", "no/such/file.jsonl"]) == 2
    (here / "p.txt").write_text("a\n")
    assert main(["generate", str(bundle[0]), "--prompts", "p.txt", "-o", "p.txt"]) == 2
    (here / "p.txt").write_text("")
    assert main(["generate", str(bundle[0]), "--prompts", "p.txt"]) == 3
    shutil.copytree(bundle[0], here / "bare")
    for file in (here / "bare").glob("*token*"):
        file.unlink()
    assert main(["generate", "bare", "--prompt", "a"]) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_damaged_onnx(onnx_bundle, here, stdin, capsys):
    shutil.copytree(onnx_bundle, here / "onnx")
    (here / "onnx" / "model.onnx").write_bytes(b"not a model")
    assert main(["generate", "onnx", "--prompt", "a"]) == 3
    assert main(["generate", str(onnx_bundle), "--prompt", "a", "--dtype", "bfloat16"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_dry_run_and_notebook(bundle, here, capsys):
    assert main(["generate", str(bundle[0]), "--dry-run"]) == 0
    assert "would generate" in capsys.readouterr().out
    result = generate(bundle[0], GenerateOptions(prompt=["the"], max_new_tokens=4))
    assert result.manifest == {"texts": 1, "tokens": 4, "rejected": 0}


def test_a_run_is_resumed_to_the_same_bytes_and_then_up_to_date(bundle, here, monkeypatch, capsys):
    from aigc_cli.core.lineage import walk
    from aigc_cli.core.options import Common
    from aigc_cli.generate import publish

    asked = GenerateOptions(prompt=["the", "a", "of"], n=3, max_new_tokens=5, batch_size=2)
    generate(bundle[0], asked, Common(output=here / "whole"))
    real = publish.batches

    def cut(*args, **options):
        for number, batch in enumerate(real(*args, **options)):
            if number == 2:
                raise KeyboardInterrupt
            yield batch

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(publish, "batches", cut)
        generate(bundle[0], asked, Common(output=here / "cut"))
    with open(here / "cut.partial" / "generated.jsonl", "ab") as file:
        file.write(b'{"torn')
    result = generate(bundle[0], asked, Common(output=here / "cut"))
    assert result.manifest["counts"]["texts"] == 9
    assert (here / "cut/generated.jsonl").read_bytes() == (here / "whole/generated.jsonl").read_bytes()
    assert walk(here / "cut")[0]["stage"] == "generate"
    capsys.readouterr()
    generate(bundle[0], asked, Common(output=here / "cut"))
    assert "up to date" in capsys.readouterr().err
