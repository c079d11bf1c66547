"""HTML in which every value is escaped unless it is already Html."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


class Html(str):
    """Text that is HTML already."""


def h(template: str, *values: Any, **named: Any) -> Html:
    """`template` with each {} filled by an escaped value.

    >>> h("<p>{}</p>", "<script>")
    '<p>&lt;script&gt;</p>'
    """
    return Html(template.format(*map(safe, values), **{name: safe(value) for name, value in named.items()}))


def safe(value: Any) -> Html:
    """The value as HTML: Html unchanged, all else escaped. Control characters become visible."""
    if isinstance(value, Html):
        return value
    text = "".join(c if c >= " " or c in "\n\t" else chr(0x2400 + ord(c)) for c in str(value))
    return Html(escape(text.encode("utf-8", "replace").decode()))


def join(parts: Iterable[Html], between: str = "") -> Html:
    """Pieces of HTML in a row."""
    return Html(safe(between).join(parts))


def number(value: Any) -> str:
    """A number for people: 1,234 and four significant digits; other values as text.

    >>> number(1234567), number(0.123456), number(12.0), number(1e-6)
    ('1,234,567', '0.1235', '12', '1e-06')
    """
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
    return str(value)


def short(value: float) -> str:
    """A short number for tiles and axes: 1234567 -> 1.23M."""
    for factor, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor and not (suffix == "k" and abs(value) < 1e4):
            return f"{value / factor:.3g}{suffix}"
    return number(value)


def size(n_bytes: float) -> str:
    """A size in decimal units: 29100000 -> 29.1 MB."""
    for factor, suffix in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {suffix}"
    return f"{int(n_bytes)} B"


# The order in which counts are told, since manifests sort their keys; other names follow as they come.
FIRST = (
    "files",
    "documents_in",
    "documents",
    "texts",
    "kept",
    "corrected",
    "changed",
    "edits",
    "rejected",
    "dropped",
    "bytes_in",
    "bytes",
)


def counted(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and numbers of a manifest's counts, in an order that people expect."""
    items = [(k, v) for k, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)]
    items.sort(key=lambda item: FIRST.index(item[0]) if item[0] in FIRST else len(FIRST))
    return [(k.replace("_", " "), size(v) if k in ("bytes", "bytes_in") else v) for k, v in items]


def tiles(values: Iterable[tuple[str, Any]]) -> Html:
    """Big numbers with small labels."""
    made = [
        h('<div class="tile"><b>{}</b><span>{}</span></div>', value if isinstance(value, str) else short(value), label)
        for label, value in values
        if value is not None
    ]
    return h('<div class="tiles">{}</div>', join(made)) if made else Html("")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> Html:
    """A table; columns whose values are all numbers are aligned to the right."""
    rows = [list(row) for row in rows]
    right = [
        bool(rows) and all(isinstance(row[i], int | float) or row[i] is None for row in rows)
        for i in range(len(columns))
    ]

    def cells(row: Sequence[Any], tag: str) -> Html:
        return join(
            h(f"<{tag}{' class=n' if right[i] else ''}>{{}}</{tag}>", v if isinstance(v, Html) else number(v))
            for i, v in enumerate(row)
        )

    head = h("<tr>{}</tr>", cells(columns, "th"))
    body = join(h("<tr>{}</tr>", cells(row, "td")) for row in rows)
    title = h("<caption>{}</caption>", caption) if caption else ""
    return h(
        '<div class="scroll"><table>{}<thead>{}</thead><tbody>{}</tbody></table></div>', title or Html(""), head, body
    )


def details(summary: Any, body: Html, *, opened: bool = False) -> Html:
    """A fold."""
    return h(f"<details{' open' if opened else ''}><summary>{{}}</summary>{{}}</details>", summary, body)


def pairs(values: Mapping[str, Any]) -> Html:
    """Names and values as a two-column table; nested values are shown as compact text."""
    return table(["name", "value"], [[name, plain(value)] for name, value in values.items()])


def plain(value: Any, limit: int = 200) -> Any:
    """A value for a table cell: numbers as they are, lists and mappings as short text."""
    if isinstance(value, Mapping):
        value = ", ".join(f"{k} {number(v)}" for k, v in value.items())
    elif isinstance(value, list | tuple):
        value = ", ".join(str(plain(v, 60)) for v in value)
    return clip(value, limit) if isinstance(value, str) else value


def clip(text: str, limit: int) -> str:
    """The beginning of a text, with an ellipsis when something is cut.

    >>> clip("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"
