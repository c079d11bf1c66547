"""Punctuation and spacing in English and Chinese lines: each rule is a function that yields edits.

A rule reads one Line and yields (start, end, replacement) within it. Which convention holds in a line is
decided by its letters only (see lines.script), never by its punctuation, so that two rules cannot undo each other.
Source: W3C, Requirements for Chinese Text Layout (clreq), sections 3.1 (punctuation) and 3.2 (mixed text).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from aigc_cli.postprocess.lines import HAN, IS_HAN, Line

Span = tuple[int, int, str]
TO_FULL = dict(zip(",!?;:", "，！？；：", strict=True))
TO_HALF = {"，": ",", "。": ".", "！": "!", "？": "?", "；": ";", "：": ":", "、": ","}
SKIPPED = " \"'“”‘’（）()《》「」"
FACES = (":)", ":(", ";)", ":-", ";-", ":D", ":P")
COLUMNS = re.compile(r"\S {3,}(?=\S)")


def width(line: Line) -> Iterator[Span]:
    """Full-width letters and digits become ASCII."""
    for m in re.finditer("[Ａ-Ｚａ-ｚ０-９]+", line.text):
        yield m.start(), m.end(), "".join(chr(ord(c) - 0xFEE0) for c in m[0])


def ellipsis(line: Line) -> Iterator[Span]:
    """Six dots (……) beside Han text, three (...) elsewhere."""
    if line.script == "zh":
        for m in re.finditer(r"\.{3,}|。{2,}|…+", line.text):
            if "H" in (_kind(line.text, m.start() - 1, -1), _kind(line.text, m.end(), 1)):
                yield m.start(), m.end(), "。" if m[0] == "。。" else "……"
    elif line.script == "latin":
        for m in re.finditer(r"\.{5,}|(?<!\S)\.(?: \.){2,}(?=\s|$)|…{2,}", line.text):
            yield m.start(), m.end(), "..."


def marks(line: Line) -> Iterator[Span]:
    """Full-width marks in Chinese lines, half-width marks in lines without Han."""
    text = line.text
    if line.script == "zh":
        for m in re.finditer(r"[,!?;:]|(?<!\.)\.(?!\.)", text):
            before, after = _kind(text, m.start() - 1, -1), _kind(text, m.end(), 1)
            if m[0] == ".":
                near = text[m.start() - 1 : m.start()] or " "
                if (before == "H" and near != " ") or (before == "L" and not text[m.end() :].strip(" ”’」）)")):
                    yield m.start(), m.end(), "。"
            elif "H" in (before, after) and before and not text.startswith(FACES, m.start()):
                yield m.start(), m.end(), TO_FULL[m[0]]
    elif line.script in ("latin", "mixed"):
        for m in re.finditer("[，。！？；：、]", text):
            before, after = _kind(text, m.start() - 1, -1), _kind(text, m.end(), 1)
            if before == "L" and after in ("L", ""):
                tight = text[m.end() : m.end() + 1]
                number = text[m.start() - 1].isdigit() and tight.isdigit()
                space = " " if tight.isalnum() and not number else ""
                yield m.start(), m.end(), TO_HALF[m[0]] + space


def brackets(line: Line) -> Iterator[Span]:
    """Full-width brackets around or beside Han text, half-width ones in lines without Han."""
    text = line.text
    for m in re.finditer(r"[(（]([^()（）]+)[)）]", text):
        before, after = text[m.start() - 1 : m.start()], text[m.end() : m.end() + 1]
        if line.script == "zh":
            call = m[0][0] == "(" and before.isascii() and (before.isalnum() or before in "_])") and before
            near = [_kind(text, m.start() - 1, -1), _kind(text, m.end(), 1)]
            if _has_han(m[1]) or ("H" in near and not call):
                yield m.start(), m.start() + 1, "（"
                yield m.end() - 1, m.end(), "）"
        elif line.script == "latin" and ("（" in m[0] or "）" in m[0]):
            yield m.start(), m.start() + 1, (" " if m[0][0] == "（" and before.isalnum() else "") + "("
            yield m.end() - 1, m.end(), ")" + (" " if m[0][-1] == "）" and after.isalnum() else "")


def quotes(line: Line) -> Iterator[Span]:
    """Curly quotation marks around or beside Han text; straight ones elsewhere are left alone."""
    if line.script != "zh" or line.text.count('"') % 2:
        return
    for m in re.finditer(r'"([^"]*)"', line.text):
        near = line.text[max(m.start() - 1, 0) : m.start()] + line.text[m.end() : m.end() + 1]
        if _has_han(m[1]) or _has_han(near):
            yield m.start(), m.start() + 1, "“"
            yield m.end() - 1, m.end(), "”"


def space(line: Line) -> Iterator[Span]:
    """No doubled space, no space before a mark, one after a comma; none beside a full-width mark."""
    text = line.text
    if not COLUMNS.search(text.lstrip()):
        for m in re.finditer(r"(?<=\S) {2,}(?=\S)", text):
            yield m.start(), m.end(), " "
    if line.script in ("latin", "mixed"):
        for m in re.finditer(r"""(?<=[\w)\]"'”’%]) +(?=[,;:!?.](?:[\s"”’)\]]|$))""", text):
            if not text.startswith(("...", *FACES), m.end()):
                yield m.start(), m.end(), ""
        for m in re.finditer(r"(?<=[A-Za-z]{2}[,;])(?=[A-Za-z]{2})|(?<=[a-z]{2}[!?])(?=[A-Z][a-z])", text):
            yield m.start(), m.end(), " "
        for m in re.finditer(r"(?<=\w),{2,}(?=\s|$)", text):
            yield m.start(), m.end(), ","
        for m in re.finditer(r"(?<=\() +(?=\w)|(?<=\w) +(?=\))", text):
            yield m.start(), m.end(), ""
    if line.script == "zh":
        for m in re.finditer("(?<=\\S) +(?=[，。！？；：、）】》」』])|(?<=[，。！？；：、（【《「『]) +(?=\\S)", text):
            yield m.start(), m.end(), ""


def pangu(line: Line) -> Iterator[Span]:
    """One space between Han and Latin letters or digits."""
    for m in re.finditer(f"(?<=[{HAN}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?=[{HAN}])", line.text):
        yield m.start(), m.end(), " "


def repeat(line: Line) -> Iterator[Span]:
    """A doubled article or preposition loses its second copy: "of the the" becomes "of the"."""
    pattern = r"(?<![\w'’-])(the|a|an|of|to|and|for|with|from|at|by|or)( \1)+(?![\w'’-])"
    for m in re.finditer(pattern, line.text, re.IGNORECASE):
        yield m.end(1), m.end(), ""


def pronoun(line: Line) -> Iterator[Span]:
    """The pronoun i before a verb becomes I: "i'm", "i think"."""
    verbs = "am|was|have|had|will|would|can|could|do|did|don['’]t|think|know|like|want|believe|agree|hope"
    for m in re.finditer(rf"(?<![\w'’.\-])i(?=['’](?:m|ve|ll|d)\b| (?:{verbs})\b)", line.text):
        yield m.start(), m.end(), "I"


RULES: dict[str, Callable[[Line], Iterator[Span]]] = {
    "width": width,
    "ellipsis": ellipsis,
    "marks": marks,
    "brackets": brackets,
    "quotes": quotes,
    "space": space,
    "repeat": repeat,
    "pronoun": pronoun,
    "pangu": pangu,
}


def _kind(text: str, position: int, step: int) -> str:
    """The nearest character from `position` on: "H" Han, "L" letter or digit, "?" other, "" end of line.

    Spaces, quotation marks and brackets are passed over.
    """
    while 0 <= position < len(text):
        c = text[position]
        if c not in SKIPPED:
            return "H" if _has_han(c) else "L" if c.isalnum() else "?"
        position += step
    return ""


def _has_han(text: str) -> bool:
    return IS_HAN.search(text) is not None
