"""Pictures into records: what pixels they have, which validate, what odd ones become."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from datasets import load_from_disk
from PIL import Image

from aigc_cli.cli import main
from aigc_cli.core.pictures import pixels
from aigc_cli.core.shards import Shards

RANDOM = np.random.default_rng(0)


def png(array, **save):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", **save)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_pixels_of_the_right_size_are_unchanged():
    grey, colour = RANDOM.integers(0, 256, (8, 8)).astype(np.uint8), RANDOM.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(pixels(png(grey), 8, 1, "crop")[0], grey)
    np.testing.assert_array_equal(pixels(png(colour), 8, 3, "pad"), np.moveaxis(colour, -1, 0))
    np.testing.assert_array_equal(pixels(png(grey), 8, 3, "stretch"), np.stack([grey] * 3))


def test_fits():
    wide = np.zeros((4, 12), np.uint8)
    wide[:, 4:8] = 200  # the middle third
    assert (pixels(png(wide), 4, 1, "crop") == 200).all()
    padded = pixels(png(wide), 12, 1, "pad")[0]
    assert (padded[:4] == 255).all() and (padded[8:] == 255).all() and (padded[4:8, :4] == 0).all()
    stretched = pixels(png(wide), 12, 1, "stretch")[0]
    assert stretched.shape == (12, 12) and stretched[:, 5:7].min() > 150 and stretched[:, :3].max() < 50


def test_odd_pictures():
    deep = (np.arange(64, dtype=np.uint16) * 1000).reshape(8, 8)
    np.testing.assert_allclose(pixels(png(deep), 8, 1, "crop")[0], deep / 257, atol=0.51)
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[:4] = (255, 0, 0, 255)
    found = pixels(png(clear), 8, 3, "crop")
    assert found[:, 0, 0].tolist() == [255, 0, 0] and found[:, 7, 7].tolist() == [255, 255, 255]
    buffer = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (8, 8, 3)).astype(np.uint8)).convert("CMYK").save(buffer, "JPEG")
    assert pixels(buffer.getvalue(), 4, 3, "crop").shape == (3, 4, 4)
    turned = io.BytesIO()
    picture = Image.fromarray(np.vstack([np.zeros((4, 8)), np.full((4, 8), 255)]).astype(np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 3  # upside down
    picture.save(turned, "JPEG", exif=exif)
    assert pixels(turned.getvalue(), 8, 1, "crop")[0, 0, 0] > 200
    assert pixels(png(np.full((1, 1), 7, np.uint8)), 5, 1, "crop").tolist() == [[[7] * 5] * 5]
    film = io.BytesIO()
    frames = [Image.fromarray(np.full((5, 5), v, np.uint8)) for v in (10, 200)]
    frames[0].save(film, "GIF", save_all=True, append_images=frames[1:])
    assert pixels(film.getvalue(), 5, 1, "crop").max() == 10


def raw_pictures(folder="raw", classes=("cat", "dog"), each=20, side=9):
    for label in classes:
        for i in range(each):
            path = Path(folder, label, f"{i}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(RANDOM.integers(0, 256, (side, side + 3)).astype(np.uint8)))


def tokenize(*words):
    assert main(["tokenize", *words]) in (0, None)


def test_a_folder_becomes_records(capsys):
    raw_pictures()
    tokenize("raw", "--size", "8", "--val-fraction", "0.2", "-o", "records", "--json")
    manifest = json.loads(capsys.readouterr().out)
    facts = manifest["facts"]
    assert facts["shape"] == [1, 8, 8] and facts["classes"] == ["cat", "dog"]
    assert sum(facts["records"].values()) == 40 and 2 <= facts["records"]["validation"] <= 16
    dataset = load_from_disk("records")
    assert np.asarray(dataset["train"][0]["pixels"]).shape == (64,)
    shards = Shards.open(Path("records"))
    view = np.concatenate(shards.fixed("pixels", "train"))
    assert view.dtype == np.uint8 and view.shape == (facts["records"]["train"], 64)
    labels = [row["label"] for name in shards.splits for batch in shards.batches(["label"], name)
              for row in batch.to_pylist()]  # fmt: skip
    assert sorted(labels) == [0] * 20 + [1] * 20
    assert main(["tokenize", "raw", "--size", "8", "--val-fraction", "0.2", "-o", "records"]) in (0, None)
    assert "up to date" in capsys.readouterr().err


def test_equal_pictures_stay_on_one_side_and_splits_do_not_move():
    raw_pictures(each=30)
    for i in range(10):
        Path(f"raw/cat/copy{i}.png").write_bytes(Path("raw/cat/0.png").read_bytes())
    tokenize("raw", "--size", "4", "--val-fraction", "0.3", "-o", "a")
    rows = {name: {row["pixels"] for row in _rows("a", name)} for name in ("train", "validation")}
    assert not rows["train"] & rows["validation"]
    Path("raw/dog/new.png").write_bytes(png(RANDOM.integers(0, 256, (9, 9)).astype(np.uint8)))
    tokenize("raw", "--size", "4", "--val-fraction", "0.3", "-o", "b")
    assert rows["train"] <= {row["pixels"] for row in _rows("b", "train")}


def _rows(path, split):
    return [{**row, "pixels": bytes(row["pixels"])} for batch in Shards.open(Path(path)).batches(None, split)
            for row in batch.to_pylist()]  # fmt: skip


def test_directories_that_say_what_validates(capsys):
    raw_pictures("raw/train", each=6)
    raw_pictures("raw/test", each=3)
    tokenize("raw", "--size", "4", "-o", "records", "--json")
    facts = json.loads(capsys.readouterr().out)["facts"]
    assert facts["records"] == {"train": 12, "validation": 6} and facts["split"] == "given"


def test_channels_by_what_the_pictures_are(capsys):
    raw_pictures(each=3)
    Path("raw/cat/red.png").write_bytes(png(np.full((9, 9, 3), (255, 0, 0), np.uint8)))
    tokenize("raw", "--size", "4", "-o", "colour", "--json")
    assert json.loads(capsys.readouterr().out)["facts"]["shape"] == [3, 4, 4]
    tokenize("raw", "--size", "4", "--channels", "grey", "-o", "grey", "--json")
    assert json.loads(capsys.readouterr().out)["facts"]["shape"] == [1, 4, 4]


def test_options_of_the_other_kind_are_errors(capsys):
    raw_pictures(each=2)
    Path("words.txt").write_text("some words")
    for words, said in (
        (["raw", "--vocab-size", "512"], "--vocab-size says nothing for pictures"),
        (["words.txt", "--size", "8"], "--size says nothing for text"),
    ):
        assert main(["tokenize", *words]) == 2
        assert said in capsys.readouterr().err


def test_one_picture_and_no_class(capsys):
    Path("raw").mkdir()
    Path("raw/a.png").write_bytes(png(np.zeros((5, 5), np.uint8)))
    tokenize("raw", "--size", "4", "-o", "records", "--json")
    facts = json.loads(capsys.readouterr().out)["facts"]
    assert facts["records"] == {"train": 1} and facts["classes"] == []


def test_bytes_do_not_depend_on_workers():
    raw_pictures(each=40)
    for n in ("1", "2"):
        tokenize("raw", "--size", "4", "--workers", n, "-o", f"out{n}")
    a, b = (sorted((p.name, p.read_bytes()) for p in Path(f"out{n}").rglob("data-*.arrow")) for n in "12")
    assert a == b


def test_numbers_as_classes_are_in_their_order(capsys):
    raw_pictures(classes=("10", "9", "0"), each=2)
    tokenize("raw", "--size", "4", "-o", "records", "--json")
    assert json.loads(capsys.readouterr().out)["facts"]["classes"] == ["0", "9", "10"]
