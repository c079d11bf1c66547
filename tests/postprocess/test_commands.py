import io
import json
import sys
from pathlib import Path

import pytest

from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.core.lineage import walk
from aigc_cli.core.options import Common
from aigc_cli.postprocess import correct, filter
from aigc_cli.postprocess.options import CorrectOptions, FilterOptions

RECORDS = [
    {"prompt": "Once", "text": "Once upon a time teh fox recieved a letter .", "seed": 1},
    {"prompt": "Once", "text": "The moon was bright over the hills and the fox went home.", "seed": 2},
    {"prompt": "Once", "text": "the moon was bright over the hills, and the fox went home", "seed": 3},
    {"prompt": "Once", "text": "Write to ann@mail.org.", "seed": 4},
    {"prompt": "你好", "text": "我喜欢 Python, 因为它很简单.", "seed": 5},
    {"prompt": "x", "error": "the prompt is too long"},
]


@pytest.fixture
def source(here):
    path = here / "gen.jsonl"
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in RECORDS), encoding="utf-8")
    return str(path)


def read(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def common(output=None, **more):
    return Common(output=Path(output) if output else None, **more)


def test_filter_then_correct(source, here):
    result = filter(source, None, common("kept"))
    assert result.manifest["counts"] == {"texts": 6, "kept": 3, "rejected": 3}
    assert [r["rule"] for r in read("kept/rejected.jsonl")] == ["duplicates", "pii", "length"]
    kept = read("kept/kept.jsonl")
    assert [r["seed"] for r in kept] == [1, 2, 5] and kept[0]["checks"]["length"] == 9
    funnel = {f["rule"]: (f["in"], f["dropped"]) for f in result.manifest["facts"]["funnel"]}
    assert funnel["length"] == (6, 1) and funnel["duplicates"] == (4, 1)

    done = correct("kept", CorrectOptions(keep_before=True), common("fine"))
    texts = read("fine/corrected.jsonl")
    assert (
        texts[0]["text"] == "Once upon a time the fox received a letter."
        and texts[0]["text_before"] == RECORDS[0]["text"]
    )
    assert texts[2]["text"] == "我喜欢 Python，因为它很简单。" and texts[2]["prompt"] == "你好"
    assert "text_before" not in texts[1]
    for change in read("fine/corrections.jsonl"):
        rebuilt = change["before"]
        for edit in reversed(change["edits"]):
            assert rebuilt[edit["start"] : edit["end"]] == edit["before"]
            rebuilt = rebuilt[: edit["start"]] + edit["after"] + rebuilt[edit["end"] :]
        assert rebuilt == change["after"]
    assert done.manifest["counts"] == {"texts": 3, "changed": 2, "edits": 6}
    assert [entry["stage"] for entry in walk("fine")] == ["correct", "filter"]


def test_unchanged_work_is_up_to_date_and_changed_input_is_not(source, capsys):
    first = filter(source, None, common("kept")).manifest["digest"]
    assert filter(source, None, common("kept")).manifest["digest"] == first
    assert "up to date" in capsys.readouterr().err
    with open(source, "a", encoding="utf-8") as file:
        file.write('{"text": "one more text"}\n')
    assert filter(source, None, common("kept")).manifest["counts"]["texts"] == 7


def test_equal_runs_have_equal_payloads(source):
    one = correct(source, None, common("a")).manifest
    two = correct(source, None, common("b")).manifest
    assert one["digest"] == two["digest"] and one["files"] == two["files"]


def test_stdin_to_stdout(monkeypatch, capsys, here):
    monkeypatch.setattr(sys, "stdin", io.StringIO("teh cat ,\nthe  dog\n"))
    assert correct("-", None, common()) is None
    out, err = capsys.readouterr()
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["the cat,", "the dog"]
    assert "2 of 2" in err and not list(here.iterdir())


def test_stdin_into_a_directory_is_done_every_time(monkeypatch, here):
    for _ in range(2):
        monkeypatch.setattr(sys, "stdin", io.StringIO("a text\n"))
        assert filter("-", None, common("kept")).manifest["counts"]["kept"] == 1


def test_broken_input_is_refused_and_leaves_nothing(here):
    for text, where in (
        ('{"text": "a"}\nnot json\n', "line 2"),
        ('{"txt": "a"}\n', "line 1"),
        ('{"text": 5}\n', "int"),
        ('{"text": "a"}\n[1]\n', "list"),
    ):
        Path("bad.jsonl").write_text(text)
        with pytest.raises(DataError, match=where):
            filter("bad.jsonl", None, common("kept"))
        assert sorted(p.name for p in here.iterdir()) == ["bad.jsonl"]
    Path("bad.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match="UTF-8"):
        filter("bad.jsonl", None, common("kept"))


def test_wrong_use_is_explained(source, here):
    with pytest.raises(DataError):
        filter("absent.jsonl")
    with pytest.raises(ConfigError):
        filter(source, None, common("kept.jsonl"))
    with pytest.raises(ConfigError):
        correct(source, CorrectOptions(spelling=False, punctuation=False))
    (here / "empty").mkdir()
    with pytest.raises(DataError):
        filter("empty")
    with pytest.raises(AigcError):
        filter(source, FilterOptions(shards=here / "absent"), common("kept"))


def test_dry_run_writes_nothing(source, here):
    assert "would filter" in filter(source, None, common("kept", dry_run=True)).lines[0]
    assert sorted(p.name for p in here.iterdir()) == ["gen.jsonl"]


def test_odd_texts_survive(here, capsys):
    odd = ["\ud800 lone", "\x00 null", "\u2028 separator", "a\r\nb", "𠮷" * 3]
    Path("odd.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in odd))
    assert correct("odd.jsonl", None, common("odd")).manifest["counts"]["texts"] == 5
    assert [json.loads(line)["text"] for line in Path("odd/corrected.jsonl").read_bytes().splitlines()][1:] == odd[1:]


def test_command_line(source, capsys):
    from aigc_cli.cli import main

    assert main(["postprocess", "filter", source, "-o", "kept", "--json", "-q"]) in (0, None)
    assert json.loads(capsys.readouterr().out)["counts"]["kept"] == 3
    Path("r.yaml").write_text("rules:\n  - lengh: {min_words: 3}\n")
    assert main(["postprocess", "filter", source, "-o", "kept2", "--config", "r.yaml"]) == 2
    assert "did you mean 'length'" in capsys.readouterr().err
    assert main(["postprocess", "correct", "kept", "-o", "fine", "--diff"]) in (0, None)
    assert "+Once upon a time the fox received a letter." in capsys.readouterr().err
