"""Handwritten digits in many hands: strokes, bent at random, on grey pictures of 16 x 16.

Only + - * / and square roots are used (no sines: their last bits differ between systems), so that the pixels are the
same everywhere.
"""

from __future__ import annotations

import io
import math
import random
import struct
import zipfile
import zlib

SIDE = 16
INK = 0.11  # width of a stroke in the unit square, on the mean
SOFT = 0.06  # over which its edge fades
Point = tuple[float, float]


def arc(cx: float, cy: float, rx: float, ry: float, begin: float, end: float, parts: int = 7) -> list[Point]:
    """Points of an ellipse; `begin` and `end` in quarter turns, 0 to the right, 1 down."""
    found = []
    for i in range(parts + 1):
        quarter = begin + (end - begin) * i / parts
        turns = math.floor(quarter)
        t = (quarter - turns) * 0.41421356237309503 * (1.21 - 0.21 * (quarter - turns))  # tan of an eighth, nearly even
        x, y = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
        for _ in range(turns % 4):
            x, y = -y, x
        found.append((cx + rx * x, cy + ry * y))
    return found


STROKES: dict[int, list[list[Point]]] = {
    0: [arc(0.5, 0.5, 0.27, 0.38, -1, 3, 14)],
    1: [[(0.34, 0.28), (0.52, 0.12), (0.52, 0.88)]],
    2: [[*arc(0.5, 0.33, 0.25, 0.21, -2, 0.6, 9), (0.25, 0.86), (0.77, 0.86)]],
    3: [arc(0.46, 0.31, 0.25, 0.19, -1.9, 1, 9), arc(0.46, 0.69, 0.28, 0.2, -1, 1.9, 9)],
    4: [[(0.6, 0.1), (0.22, 0.62), (0.8, 0.62)], [(0.62, 0.36), (0.62, 0.9)]],
    5: [[(0.74, 0.13), (0.33, 0.13), (0.3, 0.46)], arc(0.47, 0.65, 0.27, 0.22, -1.6, 1.8, 10)],
    6: [[(0.66, 0.1), (0.42, 0.3), (0.28, 0.58)], arc(0.5, 0.67, 0.23, 0.2, -2, 2, 12)],
    7: [[(0.22, 0.14), (0.77, 0.14), (0.43, 0.88)]],
    8: [arc(0.5, 0.3, 0.2, 0.18, 1, 5, 11), arc(0.5, 0.68, 0.25, 0.2, -1, 3, 11)],
    9: [arc(0.5, 0.33, 0.22, 0.21, 0, 4, 12), [(0.72, 0.34), (0.68, 0.62), (0.5, 0.9)]],
}


def draw(digit: int, hand: random.Random) -> bytes:
    """SIDE x SIDE grey bytes, white ink on black."""
    slant, lean = hand.uniform(-0.28, 0.28), hand.uniform(-0.12, 0.12)
    wide, high = hand.uniform(0.8, 1.08), hand.uniform(0.86, 1.06)
    dx, dy = hand.uniform(-0.06, 0.06), hand.uniform(-0.05, 0.05)
    ink, bright = INK * hand.uniform(0.75, 1.4), hand.uniform(0.8, 1.0)
    wobble = 0.022
    segments = []
    for stroke in STROKES[digit]:
        points = []
        for x, y in stroke:
            x, y = x - 0.5 + hand.uniform(-wobble, wobble), y - 0.5 + hand.uniform(-wobble, wobble)
            points.append((0.5 + dx + wide * (x - slant * y), 0.5 + dy + high * (y + lean * x)))
        segments += list(zip(points, points[1:], strict=False))
    grey = bytearray()
    for row in range(SIDE):
        for column in range(SIDE):
            x, y = (column + 0.5) / SIDE, (row + 0.5) / SIDE
            distance = math.sqrt(min(_squared(x, y, a, b) for a, b in segments))
            level = min(1.0, max(0.0, (ink / 2 - distance) / SOFT + 0.5))
            grey.append(round(255 * bright * level))
    return bytes(grey)


def _squared(x: float, y: float, a: Point, b: Point) -> float:
    """The squared distance of a point to a segment."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    along = 0.0 if not length else min(1.0, max(0.0, ((x - a[0]) * dx + (y - a[1]) * dy) / length))
    px, py = x - a[0] - along * dx, y - a[1] - along * dy
    return px * px + py * py


def png(grey: bytes) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + grey[start : start + SIDE] for start in range(0, len(grey), SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def pixels(data: bytes) -> bytes:
    """The rows of a PNG that `png` wrote, each after its filter's number."""
    start = data.index(b"IDAT")
    return zlib.decompress(data[start + 4 : start + 4 + struct.unpack(">I", data[start - 4 : start])[0]])


def archive(each: int, seed: int) -> bytes:
    """A zip of `each` pictures of every digit: digits/3/017.png."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for digit in STROKES:
            for number in range(each):
                hand = random.Random(seed * 1_000_003 + digit * 1009 + number)
                info = zipfile.ZipInfo(f"digits/{digit}/{number:03d}.png", (2020, 1, 1, 0, 0, 0))
                file.writestr(info, png(draw(digit, hand)))
    return buffer.getvalue()
