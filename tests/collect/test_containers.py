"""Containers: what is inside is read, and what is hostile costs nothing but a line in the summary."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from aigc_cli.collect import streams
from aigc_cli.collect.dispatch import read_file
from aigc_cli.collect.readers import kind_of
from aigc_cli.collect.records import Context, Settings

RANDOM = random.Random(7)
LINES = b"".join(json.dumps({"text": f"document {i}"}).encode() + b"\n" for i in range(50))
PAGE = b"<html><title>T</title><body><p>A paragraph of a page in an archive.</p></body></html>"


def read(path: Path, **options: Any) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """([(source, text)], counts)."""
    context = Context(Settings(**options))
    kind = kind_of(path.name)
    assert kind
    found = [(r.source, r.text) for r in read_file(str(path), path.name, kind, context.settings, context)]
    assert context.depth == 0
    return found, dict(context.counts)


def zip_bytes(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tar_bytes(members: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_gzip_is_read_as_what_is_inside(tmp_path):
    (tmp_path / "docs.jsonl.gz").write_bytes(gzip.compress(LINES))
    found, counts = read(tmp_path / "docs.jsonl.gz")
    assert found[3] == ("docs.jsonl.gz", "document 3")
    assert (len(found), counts) == (50, {})


def test_gzip_of_several_members(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINES) + gzip.compress(LINES))
    assert len(read(tmp_path / "a.jsonl.gz")[0]) == 100


MEMBERS = {"b/page.html": PAGE, "a.txt": b"plain", "docs.jsonl.gz": gzip.compress(LINES[:23]), "photo.png": b"\x89PNG"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz"])
def test_archives(tmp_path, name):
    data = zip_bytes(MEMBERS) if name == "a.zip" else tar_bytes(MEMBERS, "w:gz" if name[-2:] == "gz" else "w")
    (tmp_path / name).write_bytes(data)
    found, counts = read(tmp_path / name)
    assert sorted(found) == [
        (f"{name}!/a.txt", "plain"),
        (f"{name}!/b/page.html", "T\n\nA paragraph of a page in an archive."),
        (f"{name}!/docs.jsonl.gz", "document 0"),
    ]
    assert counts == {"skipped:unsupported": 1}


def test_one_archive_in_another_and_no_deeper(tmp_path):
    inner = tar_bytes({"x.txt": b"deep", "y.jsonl.gz": gzip.compress(LINES)}, "w:gz")
    (tmp_path / "a.zip").write_bytes(zip_bytes({"in.tar.gz": inner}))
    found, counts = read(tmp_path / "a.zip")
    assert found == [("a.zip!/in.tar.gz!/x.txt", "deep")]
    assert counts == {"rejected:nested_too_deep": 1}


def test_a_columnar_file_in_a_container(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["one", "two"]}), out)
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(out.getvalue()))
    (tmp_path / "b.tar.gz").write_bytes(tar_bytes({"a.parquet": out.getvalue()}, "w:gz"))
    assert [text for _, text in read(tmp_path / "a.parquet.gz")[0]] == ["one", "two"]
    assert [text for _, text in read(tmp_path / "b.tar.gz")[0]] == ["one", "two"]


@pytest.mark.parametrize("name", ["../up.txt", "/etc/abs.txt", "a/../../b.txt", "C:/win.txt", "..\\up.txt"])
def test_unsafe_names_are_refused(tmp_path, name):
    (tmp_path / "a.tar").write_bytes(tar_bytes({name: b"evil", "good.txt": b"good"}))
    (tmp_path / "a.zip").write_bytes(zip_bytes({name: b"evil", "good.txt": b"good"}))
    before = sorted(os.listdir(tmp_path))
    for path in ("a.tar", "a.zip"):
        found, counts = read(tmp_path / path)
        assert [text for _, text in found] == ["good"]
        assert counts == {"rejected:unsafe_path": 1}
    assert sorted(os.listdir(tmp_path)) == before


def test_truncated_gzip_keeps_what_came_before(tmp_path):
    lines = b"".join(json.dumps({"text": RANDOM.randbytes(60).hex()}).encode() + b"\n" for _ in range(2000))
    data = gzip.compress(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(data[: len(data) // 2])
    found, counts = read(tmp_path / "a.jsonl.gz")
    assert 900 < len(found) < 1010
    assert counts == {"rejected:truncated": 1}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.txt.gz"])
def test_any_truncation_and_damage_is_counted(tmp_path, name):
    members = {f"{i}.txt": RANDOM.randbytes(300).hex().encode() for i in range(20)}
    if name == "a.txt.gz":
        data = gzip.compress(b"".join(members.values()))
    else:
        data = zip_bytes(members) if name == "a.zip" else tar_bytes(members, "w:gz" if name[-2:] == "gz" else "w")
    path = tmp_path / name
    for size in {0, 1, 10, 30, 600, len(data) // 2, len(data) - 1200, len(data) - 10}:
        path.write_bytes(data[: max(0, size)])
        found, counts = read(path)
        assert len(found) <= 20
        if len([1 for _, text in found if text]) < (1 if name == "a.txt.gz" else 20) and size:
            assert set(counts) & {"rejected:truncated", "rejected:corrupt"}
    for place in range(0, len(data), len(data) // 30):
        damaged = bytearray(data)
        damaged[place : place + 6] = b"\xff\x00\xff\x00\xff\x00"
        path.write_bytes(bytes(damaged))
        read(path)


def test_a_file_that_is_no_container(tmp_path):
    for name in ("a.txt.gz", "a.zip", "a.tar.gz"):
        (tmp_path / name).write_bytes(b"this is no archive at all, only text")
        found, counts = read(tmp_path / name)
        assert not found
        assert list(counts) in (["rejected:corrupt"], ["rejected:truncated"])


def test_decompression_bomb_by_total(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"word " * 100_000))
    found, counts = read(tmp_path / "a.txt.gz", max_expanded_bytes=100_000)
    assert (found, counts) == ([], {"rejected:expands_too_much": 1})


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.zip", "a.tar.gz", "b.zip"])
def test_decompression_bomb_by_ratio(tmp_path, name, monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FROM_BYTES", 1 << 20)
    zeros = b"\n" * (8 << 20)
    bombs = {
        "a.jsonl.gz": lambda: gzip.compress(zeros),
        "a.zip": lambda: zip_bytes({"a.txt": b"first", "b.jsonl": zeros, "c.txt": b"never reached"}),
        "a.tar.gz": lambda: tar_bytes({"a.txt": b"first", "b.jsonl": zeros}, "w:gz"),
        "b.zip": lambda: zip_bytes({"a.txt": b"first", "b.jsonl.gz": gzip.compress(zeros)}),
    }
    (tmp_path / name).write_bytes(bombs[name]())
    found, counts = read(tmp_path / name)
    assert counts == {"rejected:expands_too_much": 1}
    assert [text for _, text in found] == ([] if name == "a.jsonl.gz" else ["first"])


def test_sparse_members_links_and_devices_hold_no_text(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"x{kind.decode()}.txt")
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    assert read(tmp_path / "a.tar") == ([], {"skipped:special": 4})


def test_an_encrypted_member(tmp_path):
    data = bytearray(zip_bytes({"a.txt": b"secret", "b.txt": b"open"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    found, counts = read(tmp_path / "a.zip")
    assert [text for _, text in found] == ["open"]
    assert counts == {"rejected:encrypted": 1}


def test_an_unknown_compression(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.txt", b"bzip2 is fine " * 10)
    data = out.getvalue()
    (tmp_path / "a.zip").write_bytes(data)
    assert len(read(tmp_path / "a.zip")[0]) == 1
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        changed[changed.index(mark) + offset] = 97
    (tmp_path / "a.zip").write_bytes(changed)
    assert read(tmp_path / "a.zip") == ([], {"rejected:unsupported_compression": 1})


def test_hidden_members_are_passed_over(tmp_path):
    (tmp_path / "a.zip").write_bytes(zip_bytes({"__MACOSX/._a.txt": b"x", ".git/b.txt": b"x", "./c.txt": b"good"}))
    found, counts = read(tmp_path / "a.zip")
    assert [text for _, text in found] == ["good"]
    assert counts == {"skipped:hidden": 2}


def test_chinese_member_names_of_old_zip_tools(tmp_path):
    data = zip_bytes({"AAAAAAAA.txt": b"text"}).replace(b"AAAAAAAA", "春天来了".encode("gb18030"))
    (tmp_path / "a.zip").write_bytes(data)
    assert read(tmp_path / "a.zip")[0] == [("a.zip!/春天来了.txt", "text")]


def test_include_and_exclude_reach_members(tmp_path):
    (tmp_path / "a.zip").write_bytes(zip_bytes({"a.txt": b"a", "b.md": b"b", "c/d.md": b"d", "e.rst": b"e"}))
    assert [t for _, t in read(tmp_path / "a.zip", include=("*.md",))[0]] == ["b", "d"]
    assert [t for _, t in read(tmp_path / "a.zip", include=("*.rst",))[0]] == ["e"]
    assert [t for _, t in read(tmp_path / "a.zip", exclude=("c/*", "*.txt"))[0]] == ["b"]
    assert len(read(tmp_path / "a.zip", include=("a.zip",))[0]) == 3


def test_memory_of_a_large_member_is_bounded(tmp_path):
    import tracemalloc

    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as file:
        for i in range(10_000):
            file.write(json.dumps({"text": f"{i} " * 200}).encode() + b"\n")
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(out.getvalue())
    context = Context()
    tracemalloc.start()
    count = 0
    for record in read_file(str(path), "a.jsonl.gz", ".gz", context.settings, context):
        count += bool(record.text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 10_000
    assert peak < 6 << 20
