"""Charts as inline SVG, drawn by hand: they follow the page's colours, and equal numbers give equal bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aigc_cli.report.markup import Html, h, join, number, short

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 14, 46
COLOURS = 8  # series colours that the style sheet defines: --c0 ... --c7
MOST_POINTS = 400  # of one line; more are averaged


@dataclass(frozen=True)
class Series:
    """A line: its name, its points, and whether it is dashed or faint."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 0
    dashed: bool = False
    faint: bool = False


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers from about low to high.

    >>> ticks(0, 103)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    largest = max(abs(low), abs(high))
    span = high - low if high - low > max(1e-9 * largest, 1e-290) else largest if largest > 1e-290 else 1.0
    base = 10.0 ** math.floor(math.log10(span / wanted))
    step = next(base * m for m in (1, 2, 2.5, 5, 10) if span / (base * m) <= wanted + 0.5)
    first = math.ceil(low / step - 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, math.floor(high / step + 1e-9) + 1)]


def thin(x: Sequence[float], y: Sequence[float], most: int = MOST_POINTS) -> tuple[list[float], list[float]]:
    """At most `most` points: means of equal stretches, the last point kept."""
    if len(x) <= most:
        return list(x), list(y)
    size = math.ceil(len(x) / most)
    groups = range(0, len(x), size)
    xs = [sum(x[i : i + size]) / len(x[i : i + size]) for i in groups]
    ys = [sum(y[i : i + size]) / len(y[i : i + size]) for i in groups]
    xs[-1], ys[-1] = x[-1], y[-1]
    return xs, ys


def lines(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    *,
    levels: Mapping[str, float] | None = None,
    caption: str = "",
) -> Html:
    """A line chart with axes, grid and legend; `levels` are dashed horizontal lines with a name."""
    shown = [s for s in series if any(map(math.isfinite, s.y))]
    if not shown:
        return Html("")
    levels = dict(levels or {})
    xs = [v for s in shown for v in s.x]
    ys = [v for s in shown for v in s.y if math.isfinite(v)] + list(levels.values())
    x0, x1 = min(xs), max(xs)
    y0, y1 = min(ys), max(ys)
    margin = (y1 - y0 or abs(y1) or 1.0) * 0.05
    area = _Area(x0, x1 if x1 > x0 else x0 + 1, y0 - margin, y1 + margin)
    parts = [area.frame(x_label, y_label)]
    for name, level in levels.items():
        parts.append(h(f'<path class="level" d="M{LEFT} {area.y(level)}H{WIDTH - RIGHT}"/>'))
        parts.append(
            h(
                f'<text x="{WIDTH - RIGHT - 4}" y="{area.y(level) - 5}" text-anchor="end">{{}}</text>',
                f"{name} {number(level)}",
            )
        )
    for s in shown:
        parts.append(_path(area, s))
    legend = join(_key(s) for s in shown if not s.faint)
    svg = h(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{{}}">{{}}</svg>',
        f"{y_label} against {x_label}",
        join(parts),
    )
    note = h("<figcaption>{}</figcaption>", caption) if caption else Html("")
    return h('<figure>{}<ul class="legend">{}</ul>{}</figure>', svg, legend, note)


def _key(s: Series) -> Html:
    """A line of the legend: the colour, the name and the last value."""
    kind, colour = "dash" if s.dashed else "", s.colour % COLOURS
    return h(
        f'<li><i class="{kind}" style="--c:var(--c{colour})"></i>{{}} <b>{{}}</b></li>', s.name, number(float(s.y[-1]))
    )


def _path(area: _Area, s: Series) -> Html:
    x, y = thin(s.x, s.y)
    points = [(area.x(a), area.y(b), a, b) for a, b in zip(x, y, strict=True) if math.isfinite(b)]
    style = f'style="--c:var(--c{s.colour % COLOURS})"'
    kind = "line" + (" dash" if s.dashed else "") + (" faint" if s.faint else "")
    path = Html("M" + "L".join(f"{px} {py}" for px, py, _, _ in points))
    made = [h(f'<path class="{kind}" {style} d="{{}}"/>', path)]
    if not s.faint:
        every = max(1, len(points) // 60)
        for i, (px, py, a, b) in enumerate(points):
            if i % every == 0 or i == len(points) - 1:
                visible = " seen" if len(points) <= 30 else ""
                dot = f'<circle class="dot{visible}" {style} cx="{px}" cy="{py}" r="3"><title>{{}}</title></circle>'
                made.append(h(dot, f"{s.name}: {number(float(b))} at {number(float(a))}"))
    return join(made)


@dataclass(frozen=True)
class _Area:
    """The plotting area and its scales."""

    x0: float
    x1: float
    y0: float
    y1: float

    def x(self, value: float) -> float:
        return round(LEFT + (value - self.x0) / (self.x1 - self.x0) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - self.y0) / (self.y1 - self.y0) * (HEIGHT - TOP - BOTTOM), 1)

    def frame(self, x_label: str, y_label: str) -> Html:
        """Grid lines, tick labels and the two axis names."""
        parts = []
        for value in ticks(self.y0, self.y1):
            parts.append(h(f'<path class="grid" d="M{LEFT} {self.y(value)}H{WIDTH - RIGHT}"/>'))
            parts.append(h(f'<text x="{LEFT - 8}" y="{self.y(value) + 4}" text-anchor="end">{{}}</text>', short(value)))
        for value in ticks(self.x0, self.x1, 7):
            parts.append(h(f'<path class="tick" d="M{self.x(value)} {HEIGHT - BOTTOM}v5"/>'))
            parts.append(
                h(
                    f'<text x="{self.x(value)}" y="{HEIGHT - BOTTOM + 19}" text-anchor="middle">{{}}</text>',
                    short(value),
                )
            )
        parts.append(h(f'<path class="axis" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'))
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(h(f'<text class="name" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{{}}</text>', x_label))
        height = (TOP + HEIGHT - BOTTOM) / 2
        turned = f'<text class="name" transform="translate(14 {height}) rotate(-90)" text-anchor="middle">{{}}</text>'
        parts.append(h(turned, y_label))
        return join(parts)


def bars(values: Mapping[str, float], *, unit: str = "", colour: int = 0, most: int = 20, form: str = "") -> Html:
    """Horizontal bars with names and values, in the given order; at most `most`, the rest summed."""
    items = list(values.items())
    if len(items) > most:
        items = [*items[: most - 1], (f"{len(items) - most + 1} others", sum(v for _, v in items[most - 1 :]))]
    top = max((v for _, v in items), default=0) or 1
    rows = []
    for name, value in items:
        bar = h(f'<i style="width:{max(value, 0) / top * 100:.2f}%;--c:var(--c{colour})"></i>')
        told = (format(value, form) if form else number(value)) + (f" {unit}" if unit else "")
        rows.append(h('<tr><th>{}</th><td class="bar">{}</td><td class=n>{}</td></tr>', name, bar, told))
    return h('<table class="bars">{}</table>', join(rows)) if rows else Html("")


def histogram(
    edges: Sequence[float],
    counts: Sequence[int],
    x_label: str,
    *,
    behind: Sequence[int] | None = None,
    caption: str = "",
) -> Html:
    """Columns between `edges` (one more than `counts`), evenly wide whatever the edges' distances are.

    `behind` are counts drawn in grey behind the columns. Empty columns at both ends are left out.
    """
    behind = behind if behind is not None else counts
    used = [i for i, pair in enumerate(zip(counts, behind, strict=True)) if any(pair)]
    if used:
        edges = edges[used[0] : used[-1] + 2]
        counts, behind = counts[used[0] : used[-1] + 1], behind[used[0] : used[-1] + 1]
    if not counts or not any(counts):
        return Html("")
    height = 220
    top, step = max(*counts, *behind), (WIDTH - LEFT - RIGHT) / len(counts)
    scale = (height - TOP - BOTTOM) / top
    parts = []
    for value in ticks(0, top, 4):
        y = round(height - BOTTOM - value * scale, 1)
        parts.append(h(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'))
        parts.append(h(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{{}}</text>', short(value)))
    for i in range(len(counts)):
        for kind, count in (("column before", behind[i]), ("column", counts[i])):
            x, y = LEFT + i * step, height - BOTTOM - count * scale
            box = f'<rect class="{kind}" x="{x + 1:.1f}" y="{y:.1f}" width="{max(step - 2, 1):.1f}" '
            box += f'height="{count * scale:.1f}">'
            parts.append(h(box + "<title>{}</title></rect>", f"{short(edges[i])} to {short(edges[i + 1])}: {count:,}"))
    every = max(1, math.ceil(len(edges) / 10))
    for i in range(0, len(edges), every):
        parts.append(
            h(
                f'<text x="{LEFT + i * step:.1f}" y="{height - BOTTOM + 18}" text-anchor="middle">{{}}</text>',
                short(edges[i]),
            )
        )
    parts.append(h(f'<path class="axis" d="M{LEFT} {height - BOTTOM}H{WIDTH - RIGHT}"/>'))
    parts.append(h(f'<text class="name" x="{WIDTH / 2}" y="{height - 8}" text-anchor="middle">{{}}</text>', x_label))
    most = max(range(len(counts)), key=lambda i: counts[i])
    told = f"{x_label}: {sum(counts):,} in all, most from {short(edges[most])} to {short(edges[most + 1])}"
    svg = h(f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{{}}">{{}}</svg>', told, join(parts))
    return h('<figure class="columns">{}<figcaption>{}</figcaption></figure>', svg, caption)
