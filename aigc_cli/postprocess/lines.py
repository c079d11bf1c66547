"""Lines of a text with their script, and the spans that correction must not touch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Script = Literal["zh", "mixed", "latin", "other"]

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
IS_HAN = re.compile(f"[{HAN}]")
KANA_OR_HANGUL = re.compile("[\u3041-\u30fa\u30fc-\u30ff\uac00-\ud7af]")
LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")

WORDS = re.compile(f"[{HAN}]|[^\\W_{HAN}]+(?:['’][^\\W_{HAN}]+)*")

PROTECTED = re.compile(
    r"""
    ```.*?(?:```|\Z)                                     # fenced code
  | `[^`\n]+`                                            # code
  | (?:https?|ftp|file)://[^\s<>"'\u2018-\u201f\u3000-\ufaff\uff00-\uffef]+ | www\.[\w.-]+[^\s\u3000-\uffef]*  # links
  | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                         # e-mail
  | </?[A-Za-z][^<>\n]{0,200}> | &\#?\w+;                # HTML
  | (?<![\w/])(?:~|\.{1,2})?/[\w.-]+(?:/[\w.-]*)*        # paths
  | \b[A-Za-z]:\\[^\s]+
  | (?a:\b[\w-]+(?:\.[\w-]+)+)                           # file names, hosts, attribute access, versions
  | (?a:\b\w*_\w+\b|\b\w+\(\)|\b[a-z]+[A-Z]\w*)          # identifiers
  | (?<!\w)[@\#][\w-]+ | (?<![\w-])--?[A-Za-z][\w-]*     # names, tags, flags
  | \d+(?:[.,:/]\d+)+                                    # 1,000.5  12:30  1/2
    """,
    re.VERBOSE | re.DOTALL,
)
CODE_LINE = re.compile(r"^(?: {4,}|\t| *\|).*$", re.MULTILINE)


@dataclass(frozen=True)
class Line:
    """One line without its line break: its text, its offset in the whole text, and its script."""

    text: str
    start: int
    script: Script


def lines(text: str) -> Iterator[Line]:
    """The lines of `text`; a line break (LF, CRLF) belongs to none."""
    start = 0
    for part in text.split("\n"):
        line = part.removesuffix("\r")
        if line:
            yield Line(line, start, script(line))
        start += len(part) + 1


def script(line: str) -> Script:
    """Whose conventions hold in a line: "zh" when Han outweighs Latin, "mixed" for a few Han characters.

    A Han character counts for about two thirds of a Latin word. Japanese and Korean are "other".

    >>> script("我们用 PyTorch 训练模型"), script("It means 你好"), script("hello"), script("ありがとう")
    ('zh', 'mixed', 'latin', 'other')
    """
    if KANA_OR_HANGUL.search(line):
        return "other"
    han = len(IS_HAN.findall(line))
    words = len(LATIN_WORD.findall(line))
    if han:
        return "zh" if han > 1.5 * words else "mixed"
    return "latin" if words else "other"


def protected(text: str) -> list[tuple[int, int]]:
    """Spans of code, links, names of files and the like, sorted; they may overlap."""
    return sorted(m.span() for pattern in (PROTECTED, CODE_LINE) for m in pattern.finditer(text))


def touches(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether an edit of [start, end) would change a span; an insertion at its edge does not."""
    return any(a < end and start < b if end > start else a < start < b for a, b in spans)


def words(text: str) -> list[str]:
    """The words of `text` in lower case: runs of letters and digits, and each Han character by itself.

    >>> words("It's GPT 你好")
    ["it's", 'gpt', '你', '好']
    """
    return [m.lower() for m in WORDS.findall(text)]
