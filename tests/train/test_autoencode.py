"""`train vae` on the digits of sample_data, and drawing with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_cli.cli import main
from aigc_cli.models.bundle import Bundle
from aigc_cli.train.batches.pictures import open_pictures

DIGITS = Path(__file__).parents[2] / "sample_data/pictures/digits.zip"
FLAGS = ["--batch-size", "64", "--evals", "1", "--kl-warmup", "20"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("vae"))
        assert main(["tokenize", str(DIGITS), "--size", "16", "-o", "records"]) in (0, None)
        yield


def train(out, *flags):
    return main(["train", "vae", "--shards", "records", *FLAGS, *flags, "-o", out])


def test_the_bound_beats_single_pixels(place, capsys):
    """-ELBO of unseen digits below the cross-entropy of each pixel's own mean, which knows no digit."""
    assert train("model", "--width", "128", "--steps", "200") in (0, None)
    final = json.loads(Path("model/manifest.json").read_text())["facts"]["final"]
    records = open_pictures(Path("records"))
    train_x, valid_x = (
        split.take(np.arange(len(split)))[0].double() / 255 for split in (records.train, records.validation)
    )
    mean = train_x.mean(0).clamp(1e-3, 1 - 1e-3)
    single = -(valid_x * mean.log() + (1 - valid_x) * (1 - mean).log()).flatten(1).sum(1).mean()
    assert final["val/loss_nats"] < float(single) - 5 and final["val/kl_nats"] > 3
    assert final["val/loss_nats"] == pytest.approx(final["val/reconstruction_nats"] + final["val/kl_nats"])
    assert main(["generate", "model", "--n", "30", "--film", "-o", "drawn"]) in (0, None)
    drawn = np.stack([np.asarray(Image.open(p)) for p in sorted(Path("drawn").glob("0*.png"))]).astype(float)
    assert drawn.shape == (30, 16, 16) and drawn.std(0).mean() > 20  # not one and the same
    assert Image.open("drawn/process.gif").n_frames > 6
    assert main(["generate", "model", "--n", "2", "--steps", "4"]) == 2
    assert "one step" in capsys.readouterr().err
    assert main(["generate", "model", "--label", "3"]) == 2


def test_a_picture_of_a_seed_is_the_same_however_many_are_drawn(place):
    assert train("small", "--width", "16", "--steps", "5") in (0, None)
    for name, n in (("many", "70"), ("few", "3")):
        assert main(["generate", "small", "--n", n, "-o", name]) in (0, None)
    for number in range(3):
        a, b = (np.asarray(Image.open(Path(name, f"{number:05d}.png"))).astype(int) for name in ("many", "few"))
        assert np.abs(a - b).max() <= 1


def test_convolutions_codecs_and_going_on(place, capsys):
    conv = ["--trunk", "conv", "--width", "8", "--scales", "2", "--steps", "6"]
    assert train("conv", *conv, "--likelihood", "gaussian") in (0, None)
    assert Bundle.open("conv").config.latent_shape == (4, 8, 8)
    assert train("codec", *conv, "--levels", "5", "--levels", "4") in (0, None)
    config = Bundle.open("codec").config
    assert config.levels == (5, 4) and config.codebook_size == 20
    final = json.loads(Path("codec/manifest.json").read_text())["facts"]["final"]
    assert "val/codes_used" in final
    assert main(["generate", "codec"]) == 2
    assert "codec" in capsys.readouterr().err
    assert train("again", "--init-from", "conv", "--steps", "3") in (0, None)
    assert main(["train", "vae", "--shards", str(DIGITS), "--size", "8", "--init-from", "conv", "--steps", "3"]) == 2
    model = Bundle.open("conv").model().eval()
    with torch.no_grad():
        assert model.pictures(model.encode(torch.zeros(1, 1, 16, 16))).shape == (1, 1, 16, 16)
