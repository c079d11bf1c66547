"""The lines of a page whose inline markup is gone: headings, lists, tables, paragraphs."""

from __future__ import annotations

import re

_HEADING = re.compile(r"(={1,6})\s*(.+?)\s*\1\s*$")
_LIST = re.compile(r"([*#:;]+)\s*(.*)", re.DOTALL)
_TABLE = re.compile(r"[ \t:*#;]*(?:\{\||(\|\}))")
_SPACES = re.compile(r"[ \t\u00a0\u2009\u200a]{2,}")
_EMPTY = re.compile(r"[ \t]*[(（\[]\s*(?:[,;:，；、：]\s*)*[)）\]]")
_LEADING = re.compile(r"([(（])\s*(?:[,;:，；、：]\s*)+")
_TRAILING = re.compile(r"\s*(?:[,;，；、]\s*)+([)）])")
_BEFORE = re.compile(r"[ \t]+([,.;:!?)](?:\s|$))")


def joined(text: str) -> str:
    """Paragraphs and headings with an empty line between, list items on lines of their own.

    Tables are left out, and headings under which nothing is left.
    """
    blocks: list[tuple[int, str]] = []  # (level of a heading, 0: text, 7: list item), text
    numbers: list[int] = []
    lines = text.split("\n")
    in_table = _tables(lines)
    for index, line in enumerate(lines):
        if in_table[index]:
            continue
        line = _tidy(line)
        if not line:
            blocks.append((-1, ""))
            numbers.clear()
        elif found := _HEADING.match(line):
            blocks.append((len(found[1]), found[2]))
        elif line[0] in "*#:;":
            _item(line, blocks, numbers)
        elif not line.startswith(("{|", "|}", "|-", "----")):
            blocks.append((0, line))
            numbers.clear()
    return _rendered(blocks)


def _tidy(line: str) -> str:
    line = line.strip()
    if "  " in line or "\u00a0" in line:
        line = _SPACES.sub(" ", line)
    if "(" in line or "（" in line:  # what left-out templates leave behind
        line = _TRAILING.sub(r"\1", _LEADING.sub(r"\1", _EMPTY.sub("", line)))
    return _BEFORE.sub(r"\1", line).strip() if " ," in line or " ." in line or " ;" in line or " )" in line else line


def _item(line: str, blocks: list[tuple[int, str]], numbers: list[int]) -> None:
    found = _LIST.match(line)
    assert found
    marks, text = found[1], found[2].strip()
    if not text:
        return
    depth = len(marks)
    del numbers[depth:]
    numbers += [0] * (depth - len(numbers))
    indent = "  " * sum(mark in "*#" for mark in marks[:-1])
    if marks[-1] == "#":
        numbers[-1] += 1
        blocks.append((7, f"{indent}{numbers[-1]}. {text}"))
    elif marks[-1] == "*":
        blocks.append((7, f"{indent}- {text}"))
    elif marks[-1] == ";":
        term, colon, definition = text.partition(" : ")
        blocks.append((7, term))
        if colon:
            blocks.append((7, definition.strip()))
    else:
        blocks.append((7 if depth > 1 else 0, text))


def _tables(lines: list[str]) -> list[bool]:
    """Which lines belong to a table; one that does not end is no table."""
    inside = [False] * len(lines)
    opened: list[int] = []
    for index, line in enumerate(lines):
        if "{|" not in line and "|}" not in line:
            continue
        found = _TABLE.match(line)
        if not found:
            continue
        if found[1] is None:
            opened.append(index)
        elif opened:
            start = opened.pop()
            if not opened:
                inside[start : index + 1] = [True] * (index + 1 - start)
                lines[index] = line[found.end() :]
                inside[index] = not lines[index].strip()
    return inside


def _rendered(blocks: list[tuple[int, str]]) -> str:
    # From the end: a heading stays where text follows before a heading of its own or a higher level.
    kept: list[tuple[int, str]] = []
    filled = 0  # headings of a higher level than this one have text below them
    for level, text in reversed(blocks):
        if 1 <= level <= 6:
            if level >= filled:
                continue
            filled = level
        elif level >= 0:
            filled = 8
        kept.append((level, text))
    pieces: list[str] = []
    before = -1
    for level, text in reversed(kept):
        if level >= 0:
            if pieces:
                pieces.append("\n" if level == before and level in (0, 7) else "\n\n")
            pieces.append(text)
        if level >= 0 or before != 7:  # items with an empty line between are one list
            before = level
    return "".join(pieces)
