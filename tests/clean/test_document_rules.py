"""The rules that need lists: as a whole run, through the command, with one and two workers."""

from __future__ import annotations

import io
import json

import pytest

from aigc_cli.clean import named
from aigc_cli.clean.api import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.cli import main
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards

RECIPE = """
rules:
  - urls: {domain_files: [blocked.txt], words: [casino], soft_words: [win, 大奖]}
  - c4_badwords: {files: {en: words.txt}, keep_fraction: 0.2, seed: 1}
  - decontaminate: {against: [test.jsonl], action: cut}
keep_rejected: true
"""
PAGES = [("https://a.Shop.example:443/x", "en", "one"), ("http://b.org/casino", "en", "two"), (None, "en", "three"),
         ("http://c.org/win/大奖", "zh", "四四四四"), ("http://d.org/", "en", "so much mud here"),
         ("http://e.org/", "zh", "傻逼，走开")]  # fmt: skip


@pytest.fixture
def raw(here):
    item = " ".join(f"word{i}" for i in range(20))
    pages = [*PAGES, ("http://f.org", "en", f"{'left ' * 120}{item}{' right' * 120}")] * 30
    lines = [json.dumps({"url": u, "lang": lang, "text": f"{text} {i}"}) for i, (u, lang, text) in enumerate(pages)]
    (here / "docs.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (here / "blocked.txt").write_text("0.0.0.0 shop.example\n", encoding="utf-8")
    (here / "words.txt").write_text("mud\n", encoding="utf-8")
    (here / "test.jsonl").write_text(json.dumps({"id": "t1", "text": item}), encoding="utf-8")
    (here / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    plain = RECIPE.replace("keep_rejected: true", "").replace("{files", "{builtin: false, files")
    (here / "filter.yaml").write_text(plain.replace("keep_fraction: 0.2, ", ""), encoding="utf-8")
    return here


def payload(path):
    return {f.relative_to(path): f.read_bytes() for f in path.rglob("*.arrow") if "cache" not in f.parts}


def test_a_run_by_the_command_is_the_same_with_two_workers_and_says_why(raw, monkeypatch, capsys):
    monkeypatch.setattr("aigc_cli.core.engine.INLINE_BYTES", 0)
    for workers in ("1", "2"):
        flags = ["-o", f"out{workers}", "--config", "recipe.yaml", "--workers", workers]
        assert main(["clean", "docs.jsonl", *flags]) == 0
    assert payload(raw / "out1") == payload(raw / "out2") and payload(raw / "out1")
    manifest = json.loads((raw / "out1" / "manifest.json").read_text())
    urls, words, tests = manifest["facts"]["funnel"]
    assert urls["reasons"] == {"domain": 30, "word": 30, "soft_words": 30}
    assert words["reasons"]["bad_word"] + manifest["facts"]["counted"]["c4_badwords"].get("kept", 0) == 60
    assert 0 < manifest["facts"]["counted"]["c4_badwords"]["kept"] < 30
    assert tests["changed"] == 30 and manifest["facts"]["matched"] == {"items": 1, "most": {"t1": 30}}
    assert {e["rule"] for e in manifest["facts"]["examples"]} == {"decontaminate"}
    assert all(urls["examples"][reason] for reason in urls["reasons"])
    kept = [row for found in Shards.open(raw / "out1").batches() for row in found.to_pylist()]
    assert not any("word7" in row["text"] for row in kept)
    capsys.readouterr()
    assert main(["clean", "docs.jsonl", "-o", "out1", "--config", "recipe.yaml"]) == 0
    assert "up to date" in capsys.readouterr().err


def test_dry_run_prints_the_rules_and_a_missing_file_is_a_wrong_recipe(raw, capsys):
    assert main(["clean", "docs.jsonl", "--config", "recipe.yaml", "--dry-run"]) == 0
    shown = "".join(capsys.readouterr())
    assert all(name in shown for name in ("urls", "c4_badwords", "decontaminate", "blocked.txt", "test.jsonl"))
    for name in ("blocked.txt", "words.txt", "test.jsonl"):
        (raw / name).rename(raw / "away")
        assert main(["clean", "docs.jsonl", "-o", "no", "--config", "recipe.yaml"]) == 2
        said = capsys.readouterr().err
        assert name in said and "hint" in said and not (raw / "no").exists()
        (raw / "away").rename(raw / name)


def test_standard_input_is_cleaned_against_lists_too(raw, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((raw / "docs.jsonl").read_bytes())))
    assert main(["clean", "-", "--config", "filter.yaml"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row.get("url") for row in found} == {None, "http://e.org/", "http://f.org"}


def test_a_list_that_is_too_large_is_refused(raw, monkeypatch):
    monkeypatch.setattr(named, "MAX_LIST_BYTES", 10)
    with pytest.raises(ConfigError, match="more than"):
        named.read_list("blocked.txt")


def test_a_changed_list_is_more_work(raw):
    rules = [{"urls": {"domain_files": ["blocked.txt"]}}]
    first = clean(["docs.jsonl"], CleanOptions(rules=rules), Common(output=raw / "out"))
    (raw / "blocked.txt").write_text("nothing.example\n", encoding="utf-8")
    second = clean(["docs.jsonl"], CleanOptions(rules=rules), Common(output=raw / "out", force=True))
    assert first.manifest["fingerprint"] != second.manifest["fingerprint"]
    assert second.manifest["counts"]["documents"] - first.manifest["counts"]["documents"] == 30
