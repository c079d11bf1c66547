"""`train diffusion` from pictures to a model that draws them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_cli.cli import main
from aigc_cli.generate.pictures.denoise import Drawing, states
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.unet.config import Config
from aigc_cli.models.unet.model import build
from aigc_cli.train.batches.pictures import PictureData, Records, open_pictures


def draw_pictures(folder, count=40):
    """Two classes that a small network can tell apart: bright at the top, bright at the left."""
    random = np.random.default_rng(0)
    for label in ("top", "left"):
        for i in range(count):
            pixels = random.integers(0, 40, (8, 8)).astype(np.uint8)
            pixels[(slice(0, 4), slice(None)) if label == "top" else (slice(None), slice(0, 4))] += 200
            path = Path(folder, label, f"{i}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            path.write_bytes(buffer.getvalue())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("denoise")
    draw_pictures(folder / "raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["tokenize", "raw", "--size", "8", "-o", "records"]) in (0, None)
        yield folder


FLAGS = ["--width", "16", "--patch", "1", "--batch-size", "16", "--evals", "1", "--log-every", "5"]


def train(out, *flags):
    return main(["train", "diffusion", "--shards", "records", *FLAGS, *flags, "-o", out])


def test_it_learns_to_draw_what_it_saw(place, capsys):
    assert train("model", "--steps", "120", "--ema", "0.95") in (0, None)
    bundle = Bundle.open("model")
    assert bundle.family.name == "diffusion" and bundle.config.labels == ("left", "top")
    model = bundle.model().eval()

    def network(x, t, classes):
        with torch.no_grad():
            return model(torch.from_numpy(x), torch.from_numpy(t), torch.from_numpy(classes)).numpy()

    classes = np.array([0, 1] * 8)
    x = list(states(network, bundle.config, Drawing(steps=8), range(16), classes))[-1][:, 0]
    top, left = x[:, :4].mean((1, 2)) - x[:, 4:].mean((1, 2)), x[:, :, :4].mean((1, 2)) - x[:, :, 4:].mean((1, 2))
    assert (left[::2] > top[::2]).mean() > 0.8 and (top[1::2] > left[1::2]).mean() > 0.8
    log = [json.loads(line) for line in Path("model/metrics.jsonl").read_text().splitlines()]
    assert log[-1]["val/loss"] < log[0]["unet/loss"] and {f"val/loss_{i}" for i in range(4)} <= set(log[-1])


def test_a_resumed_run_ends_in_the_same_bytes(place, monkeypatch):
    assert train("whole", "--steps", "12") in (0, None)
    from aigc_cli.train.objectives.diffusion import Diffusion

    original = Diffusion.loss

    def loss(self, group, batch, rng):
        if rng.step == 7:
            raise KeyboardInterrupt
        return original(self, group, batch, rng)

    monkeypatch.setattr(Diffusion, "loss", loss)
    assert train("again", "--steps", "12", "--checkpoint-s", "0") == 130
    monkeypatch.setattr(Diffusion, "loss", original)
    assert train("again", "--steps", "12", "--checkpoint-s", "0") in (0, None)
    weights = [Path(name, "model.safetensors").read_bytes() for name in ("whole", "again")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    "flags",
    [
        ["--path", "cosine", "--prediction", "epsilon"],
        ["--path", "linear", "--prediction", "v"],
        ["--path", "edm"],
        ["--no-classes"],
        ["--optimizer", "adamw"],
    ],
)
def test_other_paths_and_predictions_train(place, flags):
    assert train("other", "--steps", "12", "--force", *flags) in (0, None)
    assert Bundle.open("other").config.labels == (() if flags == ["--no-classes"] else ("left", "top"))


def test_pictures_are_made_records_on_the_way_and_init_from_goes_on(place, capsys):
    assert main(["train", "diffusion", "--shards", "raw", "--size", "8", *FLAGS, "--steps", "12", "-o", "a"]) in (
        0,
        None,
    )
    assert main(["train", "diffusion", "--shards", "records", "--init-from", "a", "--steps", "10", "-o", "b"]) in (
        0,
        None,
    )
    assert main(["train", "diffusion", "--shards", "raw", "--size", "4", "--init-from", "a", "--steps", "3"]) == 2
    assert "draws 8 x 8" in capsys.readouterr().err
    assert main(["train", "diffusion", "--shards", "records", "--size", "16", "--steps", "3"]) == 3
    assert main(["generate", "a", "--prompt", "x"]) == 2
    assert "--prompt says nothing" in capsys.readouterr().err
    for words, said in (
        (["clean", "raw"], "clean is for text"), (["train", "gpt", "--shards", "records"], "aigc train diffusion"),
        (["train", "gpt", "--shards", "raw"], "holds pictures"),
    ):  # fmt: skip
        assert main(words) == 3
        assert said in capsys.readouterr().err
    Path("words.txt").write_text("some words")
    assert main(["train", "diffusion", "--shards", "words.txt"]) == 3
    assert "no picture" in capsys.readouterr().err
    assert main(["train", "diffusion", "--shards", "records", *FLAGS, "--dry-run"]) in (0, None)
    assert "pictures/s" in capsys.readouterr().out


def test_batches_visit_every_picture_once_an_epoch(place):
    records = open_pictures(Path("records")).train
    data = PictureData(records, batch_size=7, classes=True, seed=3)
    assert data.tokens == len(records)
    seen = [data._row(i) for i in range(2 * len(records))]
    assert sorted(seen[: len(records)]) == sorted(seen[len(records) :]) == list(range(len(records)))
    assert seen[: len(records)] != seen[len(records) :]
    (pictures, classes), rows = data.batch(2, 0)
    again = PictureData(records, batch_size=7, classes=True, seed=3).batch(2, 0)[0]
    assert pictures.shape == (7, 1, 8, 8) and rows == tuple(range(7))
    assert torch.equal(pictures, again[0]) and torch.equal(classes, again[1])


def test_rows_across_files():
    arrays = [np.arange(12, dtype=np.uint8).reshape(3, 4), np.arange(12, 20, dtype=np.uint8).reshape(2, 4)]
    records = Records(arrays, np.arange(5), (1, 2, 2))
    pictures, classes = records.take(np.array([4, 0, 3]))
    assert pictures.flatten(1)[:, 0].tolist() == [16, 0, 12] and classes.tolist() == [4, 0, 3]


@pytest.mark.parametrize("widths", [(16,), (16, 32), (8, 24, 24)])
@pytest.mark.parametrize("labels", [(), ("a", "b", "c")])
@pytest.mark.parametrize("attention", [0, 1, 2])
def test_parameters_are_counted_exactly(widths, labels, attention):
    config = Config(size=16, n_channel=3, widths=widths, n_block=2, labels=labels, attention=attention)
    with torch.device("meta"):
        assert config.parameters() == sum(p.numel() for p in build(config).parameters())


def test_the_recipe_draws_digits_that_one_recognises(tmp_path, monkeypatch):
    """Judged by the nearest mean of real digits, of which it knows 9 in 10."""
    root = Path(__file__).parents[2]
    monkeypatch.chdir(tmp_path)
    recipe, data = root / "pipelines/recipes/tiny/diffusion.yaml", root / "sample_data/pictures/digits.zip"
    assert main(["train", "diffusion", "--shards", str(data), "--config", str(recipe), "-o", "model"]) in (0, None)
    assert main(["generate", "model", "--n", "100", "--steps", "8", "--guidance", "2", "-o", "drawn"]) in (0, None)
    (records,) = Path(".aigc").glob("*/train")
    real = open_pictures(records.parent)
    pictures, classes = real.train.take(np.arange(len(real.train)))
    flat = pictures.flatten(1).double()
    means = torch.stack([flat[classes == label].mean(0) for label in range(10)])
    drawn = [json.loads(line) for line in Path("drawn/pictures.jsonl").read_text().splitlines()]
    pixels = np.stack([np.asarray(Image.open(Path("drawn", row["file"]))).ravel() for row in drawn])
    found = torch.cdist(torch.from_numpy(pixels).double(), means).argmin(1)
    wanted = torch.tensor([int(row["label"]) for row in drawn])
    known = (torch.cdist(flat, means).argmin(1) == classes).double().mean()
    assert float(known) > 0.85 and float((found == wanted).double().mean()) > 0.7
