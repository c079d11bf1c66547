"""Collecting pictures: formats, classes, IDX files, and whatever is wrong with a picture."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from datasets import load_from_disk
from PIL import Image

from aigc_cli.cli import main
from aigc_cli.collect.api import collect
from aigc_cli.collect.options import CollectOptions
from aigc_cli.core.errors import DataError
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards

PIXELS = (np.arange(12 * 10 * 3) % 251).astype(np.uint8).reshape(12, 10, 3)


def encoded(kind="PNG", mode="RGB", **save):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, kind, **save)
    return buffer.getvalue()


def put(path, data):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def rows(path):
    return [row for batch in Shards.open(path).batches() for row in batch.to_pylist()]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_formats_classes_and_datasets():
    kinds = {"cats/a.png": "PNG", "cats/b.JPG": "JPEG", "dogs/c.webp": "WEBP", "dogs/d.gif": "GIF", "e.bmp": "BMP",
             "train/f.tiff": "TIFF", "g.ppm": "PPM"}  # fmt: skip
    for name, kind in kinds.items():
        put(f"raw/{name}", encoded(kind))
    put("raw/cats/notes.csv", b"file_name,x\n")
    result = collect(["raw"], None, Common(output=Path("docs"), quiet=True))
    found = {row["source"]: row for row in rows("docs")}
    assert set(found) == set(kinds)
    for name, kind in kinds.items():
        row = found[name]
        assert (row["width"], row["height"], row["format"]) == (10, 12, kind)
        assert row["image"]["bytes"] == Path("raw", name).read_bytes()
    assert {n: r["label"] for n, r in found.items()} == {
        "cats/a.png": "cats", "cats/b.JPG": "cats", "dogs/c.webp": "dogs", "dogs/d.gif": "dogs", "e.bmp": None,
        "train/f.tiff": None, "g.ppm": None,
    }  # fmt: skip
    assert result.manifest["facts"]["labels"] == {"": 3, "cats": 2, "dogs": 2}
    assert result.manifest["counts"]["documents"] == 7
    dataset = load_from_disk("docs")
    image = next(row["image"] for row in dataset if row["source"] == "cats/a.png")
    np.testing.assert_array_equal(np.asarray(image), PIXELS)


def test_bytes_do_not_depend_on_workers():
    for i in range(30):
        put(f"raw/{i % 3}/{i}.png", encoded())
    for workers in (1, 2):
        collect(["raw"], None, Common(output=Path(f"out{workers}"), workers=workers, quiet=True))
    a, b = (sorted((p.name, p.read_bytes()) for p in Path(f"out{n}").glob("data-*.arrow")) for n in (1, 2))
    assert a == b


def bad_pictures():
    good = encoded()
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60_000, 60_000, 8, 2, 0, 0, 0)
    import zlib

    huge = header + struct.pack(">I", zlib.crc32(header[12:])) + good[33:]
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8))
    large = {}
    for kind in ("PNG", "JPEG"):
        buffer = io.BytesIO()
        noise.save(buffer, kind)
        large[kind] = buffer.getvalue()
    flipped = bytearray(large["PNG"])
    flipped[len(flipped) // 2] ^= 0xFF
    return {
        "cut.png": (large["PNG"][:6000], "truncated"), "cut.jpg": (large["JPEG"][:3000], "truncated"),
        "flipped.png": (bytes(flipped), "corrupt"), "empty.png": (b"", "empty"),
        "text.png": (b"no picture", "no_picture"), "huge.png": (huge, "too_many_pixels"),
        "html.jpg": (b"<html></html>", "no_picture"),
    }  # fmt: skip


def test_broken_pictures_are_counted_by_reason():
    for name, (data, _) in bad_pictures().items():
        put(f"raw/{name}", data)
    put("raw/good.png", encoded())
    result = collect(["raw"], None, Common(output=Path("docs"), quiet=True))
    wanted: dict[str, int] = {}
    for _, reason in bad_pictures().values():
        wanted[reason] = wanted.get(reason, 0) + 1
    assert result.manifest["facts"]["rejected"] == wanted
    assert [row["source"] for row in rows("docs")] == ["good.png"]


def test_odd_but_good_pictures_are_kept_as_they_are():
    frames = [Image.fromarray(np.full((5, 5), 40 * i, np.uint8)) for i in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    put("raw/film.gif", buffer.getvalue())
    put("raw/cmyk.jpg", encoded("JPEG", "CMYK"))
    put("raw/alpha.png", encoded("PNG", "RGBA"))
    put("raw/palette.png", encoded("PNG", "P"))
    put("raw/dot.png", _png(np.zeros((1, 1), np.uint8)))
    put("raw/deep.png", _png(np.arange(64, dtype=np.uint16).reshape(8, 8)))
    result = collect(["raw"], None, Common(output=Path("docs"), quiet=True))
    modes = {row["source"]: row["mode"] for row in rows("docs")}
    assert modes["cmyk.jpg"] == "CMYK" and modes["alpha.png"] == "RGBA" and modes["palette.png"] == "P"
    assert modes["deep.png"].startswith("I;16") and modes["dot.png"] == "L"
    assert result.manifest["facts"]["repaired"] == {"animation": 1}


def _png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def idx(array):
    kind = {1: 0x801, 3: 0x803}[array.ndim]
    return struct.pack(f">I{array.ndim}I", kind, *array.shape) + array.tobytes()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("sep", ["-", "."])
def test_idx_files_with_their_labels(packed, sep):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 4)).astype(np.uint8)
    labels, tail, pack = (
        np.array([3, 1, 4, 1, 5], np.uint8),
        ".gz" if packed else "",
        gzip.compress if packed else bytes,
    )
    put(f"raw/train-images{sep}idx3-ubyte{tail}", pack(idx(pixels)))
    put(f"raw/train-labels{sep}idx1-ubyte{tail}", pack(idx(labels)))
    collect(["raw"], CollectOptions(modality="image"), Common(output=Path("docs"), quiet=True))
    found = rows("docs")
    assert [row["label"] for row in found] == ["3", "1", "4", "1", "5"] and [row["record"] for row in found] == list(
        range(5)
    )
    for row, wanted in zip(found, pixels, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))), wanted)


def test_idx_files_that_are_damaged():
    pixels = idx(np.zeros((5, 6, 4), np.uint8))
    put("raw/a-images-idx3-ubyte", pixels[:-30])
    put("raw/b-images-idx3-ubyte", pixels)
    put("raw/b-labels-idx1-ubyte", idx(np.zeros(4, np.uint8)))  # of another number: not theirs
    put("raw/c-images-idx3-ubyte", b"\0\0\x08\x01" + pixels[4:])
    put("raw/d-images-idx3-ubyte", struct.pack(">IIII", 0x803, 1, 1 << 30, 1 << 30))
    result = collect(["raw"], None, Common(output=Path("docs"), quiet=True))
    assert result.manifest["counts"]["documents"] == 3 + 5
    assert result.manifest["facts"]["rejected"] == {"corrupt": 2, "truncated": 1}
    assert {row["label"] for row in rows("docs")} == {None}


def test_pictures_in_a_zip():
    with zipfile.ZipFile("p.zip", "w") as archive:
        archive.writestr("cats/1.png", encoded())
        archive.writestr("../evil.png", encoded())
        archive.writestr("readme.txt", "no picture")
    collect(["p.zip"], CollectOptions(modality="image"), Common(output=Path("docs"), quiet=True))
    (row,) = rows("docs")
    assert row["source"] == "p.zip!/cats/1.png" and row["label"] == "cats"


def test_text_beside_pictures_is_text_unless_told_otherwise(capsys):
    put("raw/a.txt", b"some words here")
    put("raw/b.png", encoded())
    assert main(["collect", "raw", "-o", "docs", "--json"]) in (0, None)
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["counts"]["documents"] == 1 and manifest["facts"]["skipped"] == {"unsupported": 1}
    assert main(["collect", "raw", "-o", "pics", "--modality", "image", "--json"]) in (0, None)
    assert json.loads(capsys.readouterr().out)["facts"]["modality"] == "image"


def test_a_new_picture_alone_is_read_again(capsys):
    for i in range(4):
        put(f"raw/{i}.png", encoded())
    assert main(["collect", "raw", "-o", "docs"]) in (0, None)
    assert main(["collect", "raw", "-o", "docs"]) in (0, None)
    assert "up to date" in capsys.readouterr().err


def test_what_holds_no_pictures_when_pictures_are_wanted(capsys, monkeypatch):
    put("raw/a.txt", b"some words")
    assert main(["collect", "raw", "-o", "docs"]) in (0, None)
    assert main(["collect", "docs", "--modality", "image"]) == 3
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"words\n")))
    assert main(["collect", "-", "--modality", "image"]) == 3
    assert "no_picture" in capsys.readouterr().err
    assert main(["collect", "http://127.0.0.1:9/a.png", "--modality", "image"]) == 2
    assert "URLs" in capsys.readouterr().err


def test_the_next_command_is_one_for_pictures(capsys):
    put("raw/a.png", encoded())
    assert main(["collect", "raw", "-o", "docs"]) in (0, None)
    assert "aigc tokenize docs" in capsys.readouterr().err


def test_no_picture_at_all():
    put("raw/a.png", b"x")
    with pytest.raises(DataError, match="no_picture"):
        collect(["raw"], None, Common(output=Path("docs"), quiet=True))
