"""Pieces of a vocabulary: in turning colours, and the longest and unused ones."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from aigc_cli.report.charts import histogram
from aigc_cli.report.markup import Html, clip, details, h, join, table, tiles

BYTE = re.compile(r"<0x([0-9A-F]{2})>")
MOST_PIECES = 400  # of one passage


def coloured(tokens: list[Any]) -> Html:
    """Tokens [text, id, kind] (or texts alone) side by side in turning colours; the id shows on hovering."""
    spans, characters = [], _characters(tokens[:MOST_PIECES])
    for place, token in enumerate(tokens[:MOST_PIECES]):
        text, number, kind = [*token, "", ""][:3] if isinstance(token, list) else (token, "", "")
        title = f"id {number} · {visible(str(text))}" if number != "" else visible(str(text))
        if character := characters.get(place):
            title += f" of {character}"
        mark = Html(' class="byte"') if kind == "byte" else Html("")
        spans.append(h('<span{} title="{}">{}</span>', mark, title, str(text)))
    return join(spans)


def _characters(tokens: list[Any]) -> dict[int, str]:
    """The character that each token of a single byte is a part of, by the token's place."""
    found: dict[int, str] = {}
    waiting: list[int] = []
    data = b""
    for place, token in enumerate(tokens):
        byte = BYTE.fullmatch(str(token[0])) if isinstance(token, list) and token[2:] == ["byte"] else None
        if byte is None:
            waiting, data = [], b""
            continue
        waiting.append(place)
        data += bytes([int(byte[1], 16)])
        with contextlib.suppress(UnicodeDecodeError):
            found |= dict.fromkeys(waiting, data.decode())
            waiting, data = [], b""
    return found


def visible(piece: str) -> str:
    """A piece with its spaces and line breaks as signs."""
    return clip(piece.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥"), 40)


def vocabulary(found: Mapping[str, Any]) -> Html:
    """What the vocabulary is made of: lengths of its pieces, the longest, and those that the text does not use."""
    if not found:
        return Html("")
    learned, unused = found.get("learned", 0), found.get("unused", 0)
    chars = list(found.get("chars") or [])
    caption = "Learned pieces by their length."
    parts = [
        tiles([("learned pieces", learned), ("single bytes", found.get("bytes")),
               ("special tokens", found.get("special")),
               ("learned, but unused here", f"{unused:,} ({unused / max(learned, 1):.1%})")]),
        histogram(list(range(len(chars) + 1)), chars, "characters in a piece", caption=caption),
    ]  # fmt: skip
    if longest := found.get("longest"):
        rows = [[_piece(piece), number, count] for piece, number, count in longest]
        parts.append(details("Longest pieces", table(["piece", "id", "uses"], rows)))
    if names := found.get("unused_pieces"):
        listed = join((_piece(piece) for piece, _ in names), " ")
        more = f" and {unused - len(names):,} more" if unused > len(names) else ""
        parts.append(details("Unused pieces", h('<p class="listed">{}{}</p>', listed, more)))
    return join([h("<h3>The vocabulary</h3>"), *parts])


def _piece(text: str) -> Html:
    return h("<code>{}</code>", visible(str(text)))
