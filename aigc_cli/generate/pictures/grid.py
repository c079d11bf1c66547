"""Many pictures as one, and a film of how they came to be.

Shapes: N pictures, C channels (1 grey, 3 RGB), H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigc_cli.core.files import atomic_path

if TYPE_CHECKING:
    from PIL.Image import Image

GAP, BACKGROUND = 2, 255
SMALLEST_SIDE = 64  # pixels to which tiny pictures are enlarged, so that one can see them


def picture(pixels_CHW: np.ndarray) -> Image:
    """A Pillow image of uint8 pixels."""
    from PIL import Image

    return Image.fromarray(pixels_CHW[0] if pixels_CHW.shape[0] == 1 else np.moveaxis(pixels_CHW, 0, -1))


def grid(pixels_NCHW: np.ndarray, columns: int | None = None) -> Image:
    """All pictures in rows of `columns` (default: about a square), enlarged by a whole factor where they are tiny."""
    n, channels, height, width = pixels_NCHW.shape
    columns = columns or max(1, math.ceil(math.sqrt(n)))
    factor = max(1, SMALLEST_SIDE // max(height, width))
    rows = -(-n // columns)
    step_y, step_x = height * factor + GAP, width * factor + GAP
    sheet = np.full((channels, rows * step_y - GAP, columns * step_x - GAP), BACKGROUND, np.uint8)
    for number, one in enumerate(pixels_NCHW):
        y, x = number // columns * step_y, number % columns * step_x
        sheet[:, y : y + height * factor, x : x + width * factor] = one.repeat(factor, 1).repeat(factor, 2)
    return picture(sheet)


def save_film(frames: Sequence[np.ndarray], path: Path, columns: int | None = None, frame_ms: int = 120) -> None:
    """A GIF of grids, one for each entry uint8 [N, C, H, W]; the last one stays for a second and a half."""
    sheets = [grid(frame, columns) for frame in frames]
    times = [frame_ms] * (len(sheets) - 1) + [1500]
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        sheets[0].save(file, format="GIF", save_all=True, append_images=sheets[1:], duration=times, loop=0)
