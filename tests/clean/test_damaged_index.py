"""An index that is damaged, incomplete, too new or of another make: two lines, and nothing is published."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from aigc_cli.cli import main
from aigc_cli.core.manifest import read_manifest

VOCABULARY = (
    "river stone garden winter letter captain morning silver market window engine harvest village summer bridge "
    "kitchen forest doctor candle island the of and to that with have be"
)
WORDS = VOCABULARY.split()
FILES = ("documents.arrow", "keys.arrow")


def prose(seed: int) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) + ("." if k % 12 == 11 else "") for k in range(80))


@pytest.fixture
def work(here) -> Path:
    """index: of ten documents; a.jsonl: three of them and two others."""
    for name, seeds in (("b", range(10)), ("a", range(7, 12)), ("c", range(20, 23))):
        Path(f"{name}.jsonl").write_text("".join(json.dumps({"text": prose(k)}) + "\n" for k in seeds))
    assert main(["clean", "b.jsonl", "-o", "b", "--index", "index", "-q"]) == 0
    return here


def against(*extra: str) -> int:
    return main(["clean", "a.jsonl", "-o", "a", "--against", "index", "-q", "--workers", "1", *extra])


def refused(capsys) -> str:
    """The error of a comparison with the index, and of an extension of it; nothing may be half published."""
    capsys.readouterr()
    errors = []
    for command in (against, lambda: main(["clean", "c.jsonl", "-o", "c", "--index", "index", "-q"])):
        before = index_bytes()
        assert command() in (2, 3)
        error = capsys.readouterr().err
        assert "Traceback" not in error and index_bytes() == before
        last = error.strip().splitlines()[-2:]
        assert last[0].startswith("error: ") and last[1].startswith("hint: "), error
        errors.append(last[0])
    assert not Path("a").exists()
    return errors[0]


def index_bytes() -> dict[str, bytes]:
    return {p.relative_to("index").as_posix(): p.read_bytes() for p in Path("index").rglob("*") if p.is_file()}


def segment() -> Path:
    return next(Path("index").glob("segment-*"))


def test_a_whole_index_is_used(work):
    assert against() == 0 and read_manifest(Path("a"))["counts"]["documents"] == 2


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_byte_is_noticed(work, capsys, name):
    file = segment() / name
    whole = file.read_bytes()
    for place in (0, 9, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert "is not what was written" in refused(capsys)
    file.write_bytes(whole)
    assert against() == 0


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", [0.0, 0.5, 0.999])
def test_a_truncated_file_is_noticed(work, capsys, name, part):
    file = segment() / name
    file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])
    assert name in refused(capsys)


def test_a_removed_file_and_a_removed_segment(work, capsys):
    (segment() / FILES[1]).unlink()
    assert "is missing" in refused(capsys)
    shutil.rmtree(segment())
    assert "incomplete" in refused(capsys)


def test_files_of_another_index_with_a_manifest_that_knows_them(work, capsys):
    """Digests fit, and the rows do not: as after copying half of an index over another one."""
    assert main(["clean", "c.jsonl", "-o", "other", "--index", "other-index", "-q"]) == 0
    manifest = json.loads(Path("index/manifest.json").read_text())
    theirs = json.loads(Path("other-index/manifest.json").read_text())
    shutil.copytree(next(Path("other-index").glob("segment-*")), segment(), dirs_exist_ok=True)
    manifest["files"] = theirs["files"]
    Path("index/manifest.json").write_text(json.dumps(manifest))
    assert "another number of documents" in refused(capsys)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"stage_version": 99}, "version 99"), ({"format": 99}, ""), ({"options": {}}, "damaged"),
     ({"facts": {"datasets": [{}], "segments": [], "probe": ""}}, "damaged"), ({"files": {}}, "damaged")],
    ids=["version", "format", "options", "facts", "files"],
)  # fmt: skip
def test_a_manifest_that_is_too_new_or_damaged(work, capsys, change, says):
    manifest = json.loads(Path("index/manifest.json").read_text())
    Path("index/manifest.json").write_text(json.dumps({**manifest, **change}))
    assert says in refused(capsys)


@pytest.mark.parametrize("text", ["", "{", "[]", "\0\0\0"])
def test_a_manifest_that_is_no_manifest(work, capsys, text):
    Path("index/manifest.json").write_text(text)
    refused(capsys)


def test_an_index_made_with_other_parameters(work, capsys):
    capsys.readouterr()
    Path("other.yaml").write_text("rules:\n- minhash: {bands: 14, rows: 8}\n")
    assert against("--config", "other.yaml") == 3
    error = capsys.readouterr().err
    assert "was made with bands 25, not 14, rows 5, not 8" in error and "hint: use the same" in error
    assert against("--seed", "7") == 3
    assert "seed 0, not 7" in capsys.readouterr().err and not Path("a").exists()


def test_what_a_kill_leaves_beside_the_segments_is_swept_away(work):
    Path("index/segment-000009.partial").mkdir()
    Path("index/segment-000009.partial/keys.u64").write_bytes(b"half")
    Path("index/manifest.json.tmp").write_text("{")
    assert against() == 0
    assert main(["clean", "c.jsonl", "-o", "c", "--index", "index", "-q"]) == 0
    assert not list(Path("index").glob("*.partial"))
    assert read_manifest(Path("index"))["counts"]["documents"] == 13
