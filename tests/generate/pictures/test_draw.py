"""`aigc generate` with a model of pictures: files, classes, seeds, a picture to begin with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_cli.cli import main
from aigc_cli.models.bundle import save_bundle
from aigc_cli.models.unet.config import Config
from aigc_cli.models.unet.model import build


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    for name, labels, channels in (("model", ("cat", "dog"), 1), ("plain", (), 3)):
        config = Config(size=8, n_channel=channels, widths=(8,), patch=1, labels=labels)
        model = build(config)
        for parameter in model.parameters():
            if parameter.ndim > 1 and not parameter.any():
                torch.nn.init.normal_(parameter, std=0.3)
        save_bundle(Path(name), "diffusion", config, model.state_dict(), None, "# tiny")


def generate(*words):
    return main(["generate", *words, "--steps", "4"])


def pixels(path):
    return np.asarray(Image.open(path))


def test_what_is_written(capsys):
    assert generate("model", "--n", "5", "--film", "-o", "out", "--json") in (0, None)
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["counts"] == {"pictures": 5} and manifest["facts"]["evaluations"] == 4
    records = [json.loads(line) for line in Path("out/pictures.jsonl").read_text().splitlines()]
    assert [record["label"] for record in records] == ["cat", "dog", "cat", "dog", "cat"]
    assert all(pixels(Path("out", record["file"])).shape == (8, 8) for record in records)
    assert Image.open("out/process.gif").n_frames == 4 and Image.open("out/grid.png").width == 3 * 64 + 4
    assert generate("model", "--n", "5", "--film", "-o", "out") in (0, None)
    assert "up to date" in capsys.readouterr().err


def test_a_picture_of_a_seed_is_the_same_however_many_are_drawn():
    assert generate("plain", "--n", "70", "-o", "many") in (0, None)
    assert generate("plain", "--n", "3", "-o", "few") in (0, None)
    assert generate("plain", "--n", "3", "--seed", "1", "-o", "other") in (0, None)
    for number in range(3):
        name = f"{number:05d}.png"
        difference = pixels(Path("many", name)).astype(int) - pixels(Path("few", name))
        assert np.abs(difference).max() <= 1  # the size of a batch may turn a last bit
    assert not np.array_equal(pixels("few/00000.png"), pixels("other/00000.png"))
    assert pixels("few/00000.png").shape == (8, 8, 3)


@pytest.mark.parametrize("sampler", ["euler", "heun", "dpmpp_2m", "ddim", "ddpm"])
def test_samplers_and_guidance(sampler, capsys):
    assert generate("model", "--label", "dog", "--sampler", sampler, "--guidance", "2", "-o", "out", "--json") in (
        0,
        None,
    )
    assert json.loads(capsys.readouterr().out)["facts"]["evaluations"] == (14 if sampler == "heun" else 8)


def test_a_start_leaves_its_mark():
    Image.fromarray(np.full((20, 30, 3), 255, np.uint8)).save("white.png")
    for name, strength in (("near", "0.25"), ("far", "1.0")):
        assert generate("model", "--start", "white.png", "--strength", strength, "-o", name) in (0, None)
    assert pixels("near/00000.png").mean() > pixels("far/00000.png").mean()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["model", "--label", "cow"], 2, "knows no class 'cow'"),
        (["plain", "--label", "cat"], 2, "knows no classes"),
        (["model", "--start", "absent.png"], 2, "no file absent.png"),
        (["model", "--start", "model/config.json"], 3, "no picture"),
        (["model", "--n", "0"], 2, "--n"),
        (["model", "--top-p", "0.9"], 2, "--top-p says nothing"),
        (["model", "--sampler", "best"], 2, "sampler"),
    ],
)
def test_wrong_words(words, code, said, capsys):
    assert generate(*words) == code
    assert said in capsys.readouterr().err
