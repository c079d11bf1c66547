"""Drawing with a denoiser: guidance, starts from a picture, every state on the way.

Shapes: B pictures, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from aigc_cli.generate.pictures.noise import normal
from aigc_cli.generate.samplers import load
from aigc_cli.generate.samplers.paths import (
    Place,
    cosine_log_alpha,
    diffusion,
    edm,
    flow,
    linear_log_alpha,
    straightened,
)

# The network as every engine offers it: (x [B, C, H, W], t [B], classes [B] or None) -> its prediction, float32.
Network = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray]

PLACES: dict[str, Callable[[int], list[Place]]] = {
    "flow": flow,
    "edm": edm,
    "linear": lambda steps: diffusion(steps, linear_log_alpha()),
    "cosine": lambda steps: diffusion(steps, cosine_log_alpha()),
}
PIXEL_SCALE = 127.5


@dataclass(frozen=True)
class Drawing:
    """How pictures are drawn. `guidance` 1: the class as it is; above: away from what the network says without it.

    `strength`: of image to image, the share of the way that a given picture is sent back to noise.
    """

    sampler: str = "ab2"
    steps: int = 16
    guidance: float = 1.0
    seed: int = 0
    clip: bool = True
    strength: float = 0.6


def guided(network: Network, scale: float, n_labels: int) -> Network:
    """The network with classifier-free guidance: out(none) + scale (out(class) - out(none)).

    Both are computed as one batch. Source: Ho and Salimans 2022, "Classifier-Free Diffusion Guidance", equation 6 with
    scale = 1 + w.
    """
    if scale == 1.0 or not n_labels:
        return network

    def run(x: np.ndarray, t: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
        known = classes if classes is not None else np.full(len(x), n_labels)
        both = np.concatenate((known, np.full(len(x), n_labels)))
        out = network(np.concatenate((x, x)), np.concatenate((t, t)), both)
        with_class, without = out[: len(x)], out[len(x) :]
        return without + np.float32(scale) * (with_class - without)

    return run


def states(
    network: Network,
    config: Any,
    drawing: Drawing,
    numbers: Sequence[int],
    classes: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """The pictures `numbers` of the seed after each step, float32 [B, C, H, W], data in [-1, 1] at the end.

    `start`: pictures in [-1, 1] to begin from instead of noise (see Drawing.strength).
    """
    shape = (config.n_channel, config.size, config.size)
    places = PLACES[config.path](drawing.steps)
    if start is not None:
        places = places[len(places) - 1 - max(1, round(drawing.strength * drawing.steps)) :]
    run = guided(network, drawing.guidance, len(config.labels))

    def told(x: np.ndarray, t: float) -> np.ndarray:
        return run(x.astype(np.float32), np.full(len(x), t, np.float32), classes)

    predict, taus, scale = straightened(told, places, config.prediction, 1.0 if drawing.clip else None)
    noise = normal(drawing.seed, numbers, 0, shape)
    first = places[0].tau
    z = noise * np.float32(scale) if start is None else start * np.float32(1 - first) + noise * np.float32(first)
    fresh = partial(normal, drawing.seed, numbers, shape=shape)
    yield from load(drawing.sampler)(predict, z, taus, lambda step: fresh(draw=step + 1))


def to_bytes(x: np.ndarray) -> np.ndarray:
    """uint8 of values in [-1, 1]; what lies outside is cut.

    >>> to_bytes(np.array([-2.0, -1.0, 0.0, 1.0])).tolist()
    [0, 0, 128, 255]
    """
    return np.clip(np.round((x + 1) * PIXEL_SCALE), 0, 255).astype(np.uint8)


def frames_of(states: Iterator[np.ndarray], count: int, steps: int) -> list[np.ndarray]:
    """About `count` of the states, spread evenly, the last among them."""
    wanted = {round((i + 1) * steps / count) for i in range(count)} | {steps}
    return [x for number, x in enumerate(states, 1) if number in wanted]
