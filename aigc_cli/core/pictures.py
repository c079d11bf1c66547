"""Picture files: which formats are ever opened, and one of them as pixels of a fixed shape.

Shapes: C channels, H height, W width.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

# Pillow knows dozens of formats, some of them rarely tried decoders; only these are ever opened.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
BACKGROUND = 255  # behind transparent pixels and around padded pictures: white


def pixels(data: bytes, size: int, channels: int, fit: str) -> np.ndarray:
    """uint8 [C, size, size] of the bytes of a picture file; of an animation the first frame.

    The camera's orientation is undone, 16-bit pixels are divided by 257, transparent ones are laid on white. fit: crop
    (the shorter side becomes `size`, the middle stays), pad (the longer side does, white around) or stretch.
    """
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            image.seek(0)
            image.load()
            plain: Picture = _eight_bits(ImageOps.exif_transpose(image))
    if plain.mode in ("RGBA", "LA", "PA") or "transparency" in plain.info:
        layer = plain.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (BACKGROUND,) * 3 + (255,))
        plain = Image.alpha_composite(paper, layer)
    plain = plain.convert("L" if channels == 1 else "RGB")
    if plain.size != (size, size):
        filter_ = Image.Resampling.LANCZOS
        if fit == "crop":
            plain = ImageOps.fit(plain, (size, size), filter_)
        elif fit == "pad":
            background = BACKGROUND if channels == 1 else (BACKGROUND,) * 3
            plain = ImageOps.pad(plain, (size, size), filter_, color=background)
        else:
            plain = plain.resize((size, size), filter_)
    found = np.asarray(plain)
    return found[None] if channels == 1 else np.ascontiguousarray(np.moveaxis(found, -1, 0))


def _eight_bits(image: Picture) -> Picture:
    """The picture with 8 bits a channel; others as they are."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode == "I":  # Pillow reads 16-bit PNGs as either
        wide = np.asarray(image).astype(np.int64)
        return Image.fromarray(np.clip(np.round(wide / 257), 0, 255).astype(np.uint8))
    if image.mode == "F":  # of TIFF: 0 ... 1 or 0 ... 255
        values = np.nan_to_num(np.asarray(image))
        scale = 255.0 if values.size and values.max() <= 1 else 1.0
        return Image.fromarray(np.clip(np.round(values * scale), 0, 255).astype(np.uint8))
    return image
