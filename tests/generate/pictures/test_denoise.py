"""Drawing: the same picture in any batch, guidance by its formula, exact Gaussian data, grids and films."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aigc_cli.generate.pictures.denoise import PLACES, Drawing, frames_of, guided, states, to_bytes
from aigc_cli.generate.pictures.grid import grid, save_film
from aigc_cli.generate.pictures.noise import normal
from aigc_cli.models.unet.config import Config

MEAN, DEVIATION = 0.3, 0.2


def exact(config, steps):
    """The best possible network for pixels ~ N(MEAN, DEVIATION^2), each by itself."""
    at = {np.float32(place.t): place for place in PLACES[config.path](steps)}

    def network(x, t, classes):
        place = at[t[0]]
        variance = (place.alpha * DEVIATION) ** 2 + place.sigma**2
        data = MEAN + place.alpha * DEVIATION**2 / variance * (x - place.alpha * MEAN)
        rest = (x - place.alpha * data) / place.sigma
        return {"velocity": rest - data, "epsilon": rest}[config.prediction].astype(np.float32)

    return network


def last(config, numbers, start=None, steps=8, **drawing):
    return list(states(exact(config, steps), config, Drawing(steps=steps, **drawing), numbers, start=start))[-1]


@pytest.mark.parametrize(("path", "prediction"), [("flow", "velocity"), ("cosine", "epsilon"), ("linear", "epsilon")])
@pytest.mark.parametrize("sampler", ["ab2", "heun", "dpmpp_2m"])
def test_gaussian_pixels_come_out_as_they_are_distributed(path, prediction, sampler):
    config = Config(size=8, n_channel=1, widths=(8,), patch=1, path=path, prediction=prediction)
    x = last(config, range(64), sampler=sampler, clip=False, steps=100)
    assert x.shape == (64, 1, 8, 8)
    assert float(x.mean()) == pytest.approx(MEAN, abs=0.03) and float(x.std()) == pytest.approx(DEVIATION, rel=0.05)


@pytest.mark.parametrize("sampler", ["ab2", "ddpm"])
def test_a_picture_does_not_depend_on_its_batch(sampler):
    config = Config(size=4, n_channel=3, widths=(8,), patch=1)
    together, alone = last(config, [5, 6, 7], sampler=sampler), last(config, [6], sampler=sampler)
    np.testing.assert_array_equal(together[1], alone[0])
    assert not np.array_equal(together[0], together[1])
    assert not np.array_equal(alone, last(config, [6], sampler=sampler, seed=1))


def test_normal_numbers_are_normal_and_of_one_place():
    x = normal(3, range(500), 0, (8, 8))
    assert abs(x.mean()) < 0.02 and x.std() == pytest.approx(1, abs=0.01) and x.dtype == np.float32
    assert not np.array_equal(x[0], normal(3, [0], 1, (8, 8))[0])
    assert normal(0, [], 0, (2,)).shape == (0, 2)


def test_guidance_is_the_formula():
    def network(x, t, classes):
        return x * classes[:, None, None, None].astype(np.float32)

    x, t, classes = np.ones((2, 1, 2, 2), np.float32), np.ones(2, np.float32), np.array([0, 1])
    found = guided(network, 3.0, 4)(x, t, classes)[:, 0, 0, 0]
    np.testing.assert_allclose(found, [4 + 3 * (0 - 4), 4 + 3 * (1 - 4)])
    assert guided(network, 1.0, 4) is network


def test_image_to_image_keeps_more_the_less_it_is_sent_back():
    config = Config(size=4, n_channel=1, widths=(8,), patch=1)
    start = np.full((1, 1, 4, 4), 0.9, np.float32)
    moved = [float(np.abs(last(config, [0], start=start, strength=s) - start).mean()) for s in (0.125, 0.5, 1.0)]
    assert moved[0] < moved[1] < moved[2]


def test_frames_grids_and_films(tmp_path):
    frames = frames_of(iter(np.full((5, 1, 8, 8), i / 9, np.float32) for i in range(10)), 4, 10)
    assert len(frames) == 4 and frames[-1][0, 0, 0, 0] == 1
    pixels = to_bytes(frames[-1] * 2 - 1)
    sheet = grid(pixels, 3)
    assert sheet.mode == "L" and sheet.size == (3 * 64 + 2 * 2, 2 * 64 + 2)
    assert np.asarray(sheet)[0, 0] == 255 and grid(pixels.repeat(3, 1)).mode == "RGB"
    save_film([to_bytes(frame * 2 - 1) for frame in frames], tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 4
    assert [p.name for p in tmp_path.iterdir()] == ["film.gif"]
