"""bz2, xz, lzma and zstd: single files and tar archives, whole, joined, cut, damaged and explosive."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import random
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aigc_cli.collect import collect, streams
from aigc_cli.collect.dispatch import read_file
from aigc_cli.collect.readers import compressed, kind_of
from aigc_cli.collect.records import Context, Settings
from aigc_cli.collect.sniff import sniff
from aigc_cli.core import engine
from aigc_cli.core.options import Common

RANDOM = random.Random(5)
LINES = b"".join(
    json.dumps({"text": f"document {i} {RANDOM.randbytes(30).hex()}"}).encode() + b"\n" for i in range(800)
)


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data))


PACK = {".bz2": bz2.compress, ".xz": lambda data: lzma.compress(data, preset=0), ".zst": zstd,
        ".lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE, preset=0)}  # fmt: skip
SUFFIXES = sorted(PACK)


def read(path: Path, **options: Any) -> tuple[list[tuple[str, str]], dict[str, int]]:
    context = Context(Settings(**options))
    found = read_file(str(path), path.name, kind_of(path.name) or "", context.settings, context)
    return [(r.source, r.text) for r in found], dict(context.counts)


def tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_and_two_joined(tmp_path, suffix):
    path = tmp_path / f"docs.jsonl{suffix}"
    path.write_bytes(PACK[suffix](LINES))
    found, counts = read(path)
    assert len(found) == 800 and counts == {} and found[3][0] == path.name
    if suffix != ".lzma":  # the format has no end mark to join at
        half = LINES.index(b"\n", 30_000) + 1
        path.write_bytes(PACK[suffix](LINES[:half]) + PACK[suffix](LINES[half:]))
        assert read(path) == (found, {})


def test_xz_with_padding_between_streams(tmp_path):
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(b"one ") + b"\0" * 8 + lzma.compress(b"two") + b"\0" * 4)
    assert read(tmp_path / "a.txt.xz") == ([("a.txt.xz", "one two")], {})


@pytest.mark.parametrize("suffix", [".bz2", ".xz", ".zst"])
def test_tar(tmp_path, suffix):
    data = PACK[suffix](tar({"a/x.txt": b"plain", "b.jsonl.gz": b"no gzip", "../up.txt": b"evil", "c.png": b""}))
    short = {".bz2": ".tbz2", ".xz": ".txz", ".zst": ".tzst"}[suffix]
    for name in (f"t.tar{suffix}", f"t{short}"):
        (tmp_path / name).write_bytes(data)
        found, counts = read(tmp_path / name)
        assert found == [(f"{name}!/a/x.txt", "plain")]
        assert counts == {"rejected:corrupt": 1, "rejected:unsafe_path": 1, "skipped:unsupported": 1}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncation_keeps_what_came_before(tmp_path, suffix, monkeypatch):
    lines = b"".join(json.dumps({"text": RANDOM.randbytes(300).hex()}).encode() + b"\n" for _ in range(3000))
    data = PACK[suffix](lines)
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(data[: len(data) // 2])
    found, counts = read(path)
    assert 500 < len(found) < 1800
    assert counts == {"rejected:truncated": 1}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_compressed_and_what_is_damaged(tmp_path, suffix):
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(b"this is no compressed file at all, only text")
    found, counts = read(path)
    assert not found and list(counts) == ["rejected:corrupt"]
    data = PACK[suffix](LINES)
    for place in range(0, len(data), len(data) // 20):
        path.write_bytes(data[:place] + b"\xff\x00" * 4 + data[place + 8 :])
        read(path)  # any outcome but a traceback


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_bombs(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FROM_BYTES", 1 << 20)
    for name, data in (
        (f"a.jsonl{suffix}", b"\n" * (8 << 20)),
        (f"b.tar{suffix}", tar({"x.jsonl": b"\n" * (8 << 20)})),
    ):
        (tmp_path / name).write_bytes(PACK[suffix](data))
        if kind_of(name) != ".lzma" or name[0] == "a":
            assert read(tmp_path / name) == ([], {"rejected:expands_too_much": 1})


def test_a_dictionary_too_large_for_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(compressed, "XZ_MEMORY_BYTES", 1 << 20)
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(b"text " * 100))
    assert read(tmp_path / "a.txt.xz") == ([], {"rejected:unsupported_compression": 1})


def test_streams_without_a_name():
    kinds = {".bz2": ".bz2", ".xz": ".xz", ".zst": ".zst"}
    assert {suffix: sniff(PACK[suffix](LINES)) for suffix in kinds} == kinds
    assert sniff(b"WARC/1.0\r\nWARC-Type: warcinfo\r\n") == ".warc"


def test_bytes_do_not_depend_on_workers(here, monkeypatch):
    monkeypatch.setattr(engine, "INLINE_BYTES", 0)  # so that two workers are two processes
    Path("raw").mkdir()
    for suffix in SUFFIXES:
        (Path("raw") / f"a.jsonl{suffix}").write_bytes(PACK[suffix](LINES))
    made = []
    for workers in (1, 2):
        collect(["raw"], common=Common(output=Path(f"docs{workers}"), workers=workers))
        made.append([f.read_bytes() for f in sorted(Path(f"docs{workers}").glob("*.arrow"))])
    assert made[0] == made[1] and made[0]
