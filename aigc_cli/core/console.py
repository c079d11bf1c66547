"""What people see: text and progress on stderr, results on stdout."""

from __future__ import annotations

import json as json_module
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLAIN_INTERVAL_S = 10.0  # seconds between progress lines when stderr is not a terminal
REFRESH_S = 0.1


@dataclass
class _State:
    quiet: bool = False
    verbose: bool = False
    debug: bool = False


_state = _State()


def setup(*, quiet: bool = False, verbose: bool = False, debug: bool = False) -> None:
    """Set how much is said on stderr, and whether errors show a traceback."""
    _state.quiet, _state.verbose, _state.debug = quiet, verbose, debug


def debugging() -> bool:
    """Whether --debug was given."""
    return _state.debug


def say(text: str) -> None:
    """One line for people on stderr; -q hides it."""
    if not _state.quiet:
        print(text, file=sys.stderr, flush=True)


def detail(text: str) -> None:
    """One line that only -v shows."""
    if _state.verbose and not _state.quiet:
        print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """A warning on stderr, shown even with -q."""
    print(f"warning: {text}", file=sys.stderr, flush=True)


@dataclass
class Result:
    """What a stage gives back: where it is, its manifest, and a summary of one to a few lines."""

    stage: str
    path: Path | None
    manifest: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    next: str = ""


def finish(result: Result, *, json: bool = False) -> None:
    """Print a Result: one JSON object or its lines on stdout, the next command on stderr."""
    if json:
        path = str(result.path) if result.path is not None else None
        print(json_module.dumps({"stage": result.stage, "path": path, **result.manifest}, ensure_ascii=False))
    else:
        for line in result.lines:
            print(line)
    if result.next:
        say(f"next: {result.next}")


class Bar:
    """A progress line; `advance` adds to the count and shows numbers such as the loss."""

    def __init__(self, label: str, total: float | None, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0.0
        self.numbers: dict[str, float] = {}
        self._start = self._shown = time.monotonic()
        self._live = sys.stderr.isatty() and not _state.quiet

    def advance(self, n: float = 1, **numbers: float) -> None:
        """Add `n` units; numbers are shown beside the rate."""
        self.done += n
        self.numbers.update(numbers)
        now = time.monotonic()
        if not _state.quiet and now - self._shown >= (REFRESH_S if self._live else PLAIN_INTERVAL_S):
            self._shown = now
            self._print(now)

    def close(self) -> None:
        """Wipe a live line."""
        if self._live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def line(self, now: float) -> str:
        """The text of the progress line at the monotonic time `now`."""
        elapsed = max(now - self._start, 1e-9)
        rate = self.done / elapsed
        parts = [f"{self.label}  {human(self.done)}" + (f"/{human(self.total)}" if self.total else "")]
        parts[0] += f" {self.unit}"
        parts.append(f"{human(rate)} {self.unit}/s")
        if self.total and rate > 0:
            parts.append(f"{duration(max(self.total - self.done, 0) / rate)} left")
        parts += [f"{name} {value:.4g}" for name, value in self.numbers.items()]
        return "  ".join(parts)

    def _print(self, now: float) -> None:
        text = self.line(now)
        sys.stderr.write(f"\r\x1b[2K{text}" if self._live else text + "\n")
        sys.stderr.flush()


@contextmanager
def progress(label: str, total: float | None = None, unit: str = "items") -> Iterator[Bar]:
    """A live progress line on a terminal, a plain line every ten seconds elsewhere."""
    bar = Bar(label, total, unit)
    try:
        yield bar
    finally:
        bar.close()


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain-text table; columns of numbers are aligned to the right.

    >>> print(table("sizes", ["name", "MB"], [["fp32", 12.5], ["int8", 3.25]]))
    sizes
      name    MB
      fp32  12.5
      int8  3.25
    """
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max([width(name)] + [width(row[i]) for row in cells]) for i, name in enumerate(columns)]
    numeric = [all(row[i] is None or isinstance(row[i], int | float) for row in rows) for i in range(len(columns))]

    def line(values: Sequence[str]) -> str:
        padded = []
        for value, size, right in zip(values, widths, numeric, strict=True):
            space = " " * (size - width(value))
            padded.append(space + value if right else value + space)
        return "  " + "  ".join(padded).rstrip()

    return "\n".join([title, line(list(columns)), *[line(row) for row in cells]])


def cell(value: object) -> str:
    """A table cell: four significant digits for floats, thousands separators for whole numbers."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)


def width(text: str) -> int:
    """Terminal columns that `text` takes (Han characters take two)."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def human(value: float) -> str:
    """A short number: 1234567 -> 1.23M.

    >>> human(1234567), human(12), human(0.5)
    ('1.23M', '12', '0.5')
    """
    for factor, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= factor:
            return f"{value / (1e3 if suffix == 'k' else factor):.3g}{suffix}"
    return f"{value:.3g}" if value != int(value) else str(int(value))


def human_bytes(value: float) -> str:
    """A short size in decimal units: 29100000 -> 29.1 MB."""
    for factor, suffix in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= factor:
            return f"{value / factor:.3g} {suffix}"
    return f"{int(value)} B"


def duration(seconds: float) -> str:
    """A short duration: 75 -> 1m15s."""
    seconds = int(seconds + 0.5)
    if seconds < 60:
        return f"{seconds}s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


def spark(values: Sequence[float]) -> str:
    """A sparkline of eight levels."""
    if not values:
        return ""
    low, high = min(values), max(values)
    scale = 7 / (high - low) if high > low else 0.0
    return "".join("▁▂▃▄▅▆▇█"[int((v - low) * scale)] for v in values)
