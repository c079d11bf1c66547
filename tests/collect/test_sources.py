"""Which files an input names: order, patterns, links, special files, names used twice."""

from __future__ import annotations

import os

import pytest

from aigc_cli.collect.records import Context, Settings
from aigc_cli.collect.sources import find
from aigc_cli.core.errors import DataError


def labels(*names, avoid=(), **options):
    context = Context(Settings(**options))
    found = [source.label for source in find([str(n) for n in names], context, avoid).files]
    return found, {key.partition(":")[2]: n for key, n in context.counts.items()}


@pytest.fixture
def raw(here):
    for name in ("b.txt", "a/z.md", "a/b.html", "c.jsonl", ".hidden.txt", ".git/x.txt", "photo.png", "notes.rst"):
        path = here / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return here / "raw"


def test_files_are_sorted_by_relative_path(raw):
    found, counts = labels(raw)
    assert found == ["a/b.html", "a/z.md", "b.txt", "c.jsonl"]
    assert counts == {"hidden": 2, "unsupported": 2}


def test_where_the_root_lies_does_not_matter(raw, monkeypatch):
    monkeypatch.chdir(raw)
    assert labels(".")[0] == labels(raw)[0] == labels("../raw/")[0]


def test_include_and_exclude(raw):
    assert labels(raw, include=("*.md", "b.txt"))[0] == ["a/z.md", "b.txt"]
    assert labels(raw, exclude=("a/*",))[0] == ["b.txt", "c.jsonl"]
    assert labels(raw, include=("*.rst",))[0] == ["notes.rst"]


def test_files_and_globs(raw):
    assert labels(raw / "b.txt", raw / "notes.rst")[0] == ["b.txt", "notes.rst"]
    assert labels("raw/*.txt")[0] == ["b.txt"]
    assert labels("raw/**/*.md")[0] == ["a/z.md"]
    assert labels("raw/a*")[0] == ["a/b.html", "a/z.md"]


def test_a_file_named_twice_is_one_document(raw):
    found, counts = labels(raw, raw / "b.txt", "raw/*.txt")
    assert found.count("b.txt") == 1
    assert counts["same_file"] == 2


def test_equal_names_under_two_roots_stay_apart(here):
    for root in ("x", "y", "deep/y"):
        (here / root).mkdir(parents=True)
        (here / root / "a.txt").write_text(root)
    assert labels("x", "y", "deep/y")[0] == ["a.txt", "y/a.txt", "y-2/a.txt"]


def test_links_are_followed_once(raw):
    (raw / "a" / "loop").symlink_to(raw)
    (raw / "0first").symlink_to(raw / "b.txt")
    (raw / "0file.txt").symlink_to(raw / "b.txt")
    (raw / "broken.txt").symlink_to(raw / "nothing")
    (raw / "self.txt").symlink_to("self.txt")
    outside = raw.parent / "outside"
    outside.mkdir()
    (outside / "o.txt").write_text("o")
    (raw / "link").symlink_to(outside)
    found, counts = labels(raw)
    assert found == ["a/b.html", "a/z.md", "b.txt", "c.jsonl", "link/o.txt"]
    assert counts["symlink_loop"] == 1
    assert counts["same_file"] == 1
    assert counts["unreadable"] == 2


@pytest.mark.parametrize("explicit", [False, True])
def test_a_pipe_is_not_opened(raw, explicit):
    os.mkfifo(raw / "pipe.txt")
    found, counts = labels(raw / "pipe.txt" if explicit else raw)
    assert "pipe.txt" not in found
    assert counts["special"] == 1


def test_a_directory_that_may_not_be_read(raw, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if os.path.basename(path) == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found, counts = labels(raw)
    assert found == ["b.txt", "c.jsonl"]
    assert counts["unreadable"] == 1


def test_what_aigc_wrote_below_the_input_is_no_input(raw):
    assert labels(raw, avoid=[raw / "a"])[0] == ["b.txt", "c.jsonl"]
    (raw / "a" / "manifest.json").write_text("{}")
    (raw / "a" / "run.json").write_text("{}")
    found, counts = labels(raw)
    assert found == ["b.txt", "c.jsonl"]
    assert counts["output_of_aigc"] == 1


def test_names_that_are_no_utf8(raw):
    name = os.fsencode(str(raw)) + b"/\xff\xfe.txt"
    with open(name, "wb") as file:
        file.write(b"text")
    found, _ = labels(raw)
    assert "\\xff\\xfe.txt" in found
    "".join(found).encode()


@pytest.mark.parametrize("name", ["nothing", "nothing/*.txt"])
def test_names_that_are_not_there(here, name):
    with pytest.raises(DataError) as caught:
        labels(name)
    assert name in caught.value.message
    assert caught.value.hint
