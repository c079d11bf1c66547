"""A second, slow and plain implementation of what the kernels count, written from the definitions."""

from __future__ import annotations

import re
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import strategies as st

from aigc_cli.clean.kernels.text import DIGIT, HAN, LATIN, LETTER, MARK, SPACE, TABLE_SIZE, class_table

ALPHABET = "aAzé ßñ0127 \n\n\t.,-*•·#'’…。，的一是在人カナ가йЖ\u0301\u3000ก😀\U00020000"
TEXTS = st.one_of(st.text(alphabet=ALPHABET, max_size=120), st.text(max_size=60),
                  st.lists(st.sampled_from(["the ", "cat ", "sat. ", "a\n", "\n", "人", "山", "  "]), max_size=80)
                  .map("".join))  # fmt: skip


def class_of(character: str) -> int:
    code = ord(character)
    return int(class_table()[code]) if code < TABLE_SIZE else HAN if code < 0x40000 else 0


def words(text: str) -> list[str]:
    """Words by the rule of kernels.words."""
    found: list[str] = []
    current, last = "", 0
    for i, character in enumerate(text):
        kind = class_of(character)
        if kind >= HAN:
            found += [current, character]
            current = ""
        elif LATIN <= kind <= DIGIT and (current or kind != MARK):
            current += character
            last = last if kind == MARK else kind
        elif (
            current
            and character in "'’"
            and max(last, class_of(text[i + 1 : i + 2] or "5")) <= LETTER
            and (class_of(text[i + 1]) >= LATIN)
        ):
            current += character
            last = LATIN
        else:
            found.append(current)
            current = ""
    return [word for word in [*found, current] if word]


def strip(text: str) -> str:
    start, end = 0, len(text)
    while start < end and class_of(text[start]) == SPACE:
        start += 1
    while end > start and class_of(text[end - 1]) == SPACE:
        end -= 1
    return text[start:end]


def scan(text: str) -> dict[str, int]:
    """The fields of kernels.scan."""
    lines = [strip(line) for line in text.split("\n") if strip(line)]
    spaced = ["".join(" " if class_of(c) == SPACE else c for c in strip(line) + " ") for line in text.split("\n")]
    space_after = [line for line, raw in zip(spaced, text.split("\n"), strict=True) if strip(raw)]
    listed = words(text)
    ends = ("...", "…", "。。。")
    runs = re.findall(r"[.。…]+", text)
    by_character = [w for w in listed if len(w) == 1 and class_of(w) >= HAN]
    bullets = 0
    for line, raw in zip(space_after, [r for r in text.split("\n") if strip(r)], strict=True):
        first = line[0]
        inside = raw[raw.index(first) + 1 :]
        if first in "•‣⁃∙·・▪▫■□▶►○●◆◇◦➢" or (first in "-*+" and inside and class_of(inside[0]) == SPACE):
            bullets += 1
    return {
        "chars": len(text), "words": len(listed), "word_chars": sum(map(len, listed)),
        "alpha_words": sum(any(LATIN <= class_of(c) <= LETTER or class_of(c) >= HAN for c in w) for w in listed),
        "character_words": len(by_character), "lines": len(lines), "bullet_lines": bullets,
        "ellipsis_lines": sum(line.endswith(ends) for line in lines), "hashes": text.count("#"),
        "ellipses": sum(any(e in run for e in ends) for run in runs),
    }  # fmt: skip


def repeated(parts: list[str]) -> tuple[int, int, int]:
    seen: set[str] = set()
    again = characters = 0
    for part in parts:
        if part in seen:
            again, characters = again + 1, characters + len(part)
        seen.add(part)
    return len(parts), again, characters


def top(listed: list[str], length: int, space: str) -> int:
    grams = [tuple(listed[i : i + length]) for i in range(len(listed) - length + 1)]
    if not grams:
        return 0
    gram, count = Counter(grams).most_common(1)[0]
    return len(space.join(gram)) * count if count > 1 else 0


def duplicated(listed: list[str], length: int) -> int:
    seen, total, i = set(), 0, 0
    while i + length <= len(listed):
        gram = tuple(listed[i : i + length])
        if gram in seen:
            total += len("".join(gram))
            i += length
        else:
            seen.add(gram)
            i += 1
    return total


def repetition(text: str) -> dict[str, int]:
    """The fields of kernels.repetition."""
    lines = text.split("\n")
    paragraphs, current = [], []
    for line in [*lines, ""]:
        if strip(line):
            current.append(line)
        elif current:
            paragraphs.append(strip("\n".join(current)))
            current = []
    listed = words(text)
    han = sum(len(w) == 1 and class_of(w) >= HAN for w in listed) * 2 > len(listed)
    scale, space = (2, "") if han else (1, " ")
    values = [len(text), *repeated([strip(x) for x in lines if strip(x)]), *repeated(paragraphs)]
    values += [top(listed, n * scale, space) for n in range(2, 5)]
    values += [duplicated(listed, n * scale) for n in range(5, 11)]
    from aigc_cli.clean.kernels.repetition import FIELDS

    return dict(zip(FIELDS, values, strict=True))


@pytest.fixture(scope="session")
def reference() -> SimpleNamespace:
    """The plain implementation."""
    return SimpleNamespace(words=words, scan=scan, repetition=repetition, texts=TEXTS, strip=strip)
