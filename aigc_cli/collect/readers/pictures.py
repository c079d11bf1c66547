"""Pictures: files of the usual formats, and the IDX files of MNIST's kind."""

from __future__ import annotations

import gzip
import io
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from aigc_cli.collect.records import Context, Picture

IDX_IMAGES, IDX_LABELS = 0x00000803, 0x00000801  # uint8 of three axes and of one
MOST_SIDE, MOST_PICTURES = 1 << 16, 1 << 24


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Picture]:
    """The one picture of a file, its bytes as they are."""
    data = stream.read(context.settings.max_document_bytes + 1)
    if len(data) > context.settings.max_document_bytes:
        context.reject("too_long", label)
        return
    yield Picture(data, label, 0)


def read_idx(stream: BinaryIO, label: str, context: Context) -> Iterator[Picture]:
    """The pictures of an IDX file as PNGs, with the labels of its partner (idx1 for idx3, labels for images).

    Source of the format: the page of MNIST: big-endian magic number and sizes, then the bytes, row by row.
    """
    header = stream.read(16)
    if len(header) < 16 or struct.unpack(">I", header[:4])[0] != IDX_IMAGES:
        context.reject("corrupt", label)
        return
    count, height, width = struct.unpack(">III", header[4:])
    if count > MOST_PICTURES or not (0 < height <= MOST_SIDE and 0 < width <= MOST_SIDE):
        context.reject("corrupt", label)
        return
    if height * width > context.settings.max_pixels:
        context.reject("too_many_pixels", f"{label} ({width} x {height})")
        return
    labels = _partner(context.path, count)
    for number in range(count):
        pixels = stream.read(height * width)
        if len(pixels) < height * width:
            context.reject("truncated", f"{label}[{number}]")
            return
        name = None if labels is None else str(labels[number])
        yield Picture(_png(np.frombuffer(pixels, np.uint8).reshape(height, width)), label, number, name)


def partner_of(path: str) -> str | None:
    """The file with the labels of an IDX file of pictures, where there is one."""
    folder, name = os.path.split(path)
    wanted = name.replace("idx3", "idx1").replace("images", "labels")
    bare = wanted.removesuffix(".gz")
    places = [os.path.join(folder, other) for other in (wanted, bare, bare + ".gz")]
    return next((place for place in places if wanted != name and os.path.isfile(place)), None)


def _partner(path: str | None, count: int) -> np.ndarray | None:
    """`count` labels, or None where there are none or not so many."""
    place = partner_of(path) if path is not None else None
    if place is None:
        return None
    with gzip.open(place) if place.endswith(".gz") else open(place, "rb") as file:
        data = file.read(8 + count + 1)
    if len(data) != 8 + count or struct.unpack(">II", data[:8]) != (IDX_LABELS, count):
        return None
    return np.frombuffer(data, np.uint8, offset=8)


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
