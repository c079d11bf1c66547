"""Drawing with a VAE: latents from N(0, 1), decoded in one step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from aigc_cli.core.errors import ConfigError
from aigc_cli.generate.pictures.noise import normal
from aigc_cli.models.bundle import Bundle

Maker = Callable[[range, np.ndarray | None, int], list[np.ndarray]]


def decoder(bundle: Bundle, seed: int, device: str = "auto") -> Maker:
    """(numbers, classes, frames) -> float32 [B, C, H, W] in [-1, 1] a frame, the pictures of those numbers last.

    With several frames the others lie on the way to them: z turns from another draw into theirs. ConfigError for
    rounded latents, whose distribution nobody has learned.
    """
    import torch

    from aigc_cli.core.device import resolve

    if bundle.config.levels:
        raise ConfigError(
            f"{bundle.path} is a codec with rounded latents: it draws nothing by itself",
            "name a diffusion or a Gaussian vae",
        )
    place, _ = resolve(device, "float32")
    model: Any = bundle.model(place).eval()

    def make(numbers: range, classes: np.ndarray | None, frames: int) -> list[np.ndarray]:
        z, other = (normal(seed, numbers, draw, bundle.config.latent_shape) for draw in (0, 1))
        found = []
        for frame in range(frames):
            angle = 0.5 * math.pi * (frame + 1) / frames  # both draws keep the norm that N(0, 1) has
            mixed = z * np.float32(math.sin(angle)) + other * np.float32(math.cos(angle)) if frame + 1 < frames else z
            with torch.inference_mode():
                found.append(model.pictures(torch.from_numpy(mixed).to(place)).cpu().numpy())
        return found

    return make
