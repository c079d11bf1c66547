"""A second, slow and plain implementation of what the kernels count, written from the definitions."""

from __future__ import annotations

import re
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import strategies as st

from aigc_cli.clean.kernels import marks as m
from aigc_cli.clean.kernels.text import DIGIT, HAN, LATIN, LETTER, MARK, SPACE, TABLE_SIZE, class_table

DIGITS = tuple("0123456789")
LETTERS_BITS = m.LOWER | m.UPPER
_LABEL = r"[A-Za-z0-9\x80-\U0010ffff][A-Za-z0-9\x80-\U0010ffff_-]*"
SCHEME = re.compile(rf"((?:{_LABEL}@)*(?:{_LABEL}(?<!-)\.)*(?:{_LABEL})?)://")
HOST = re.compile(rf"(?:{_LABEL}@)*(?:{_LABEL}(?<!-)\.)+[a-z]{{2,}}(?:(?::[0-9]|[/?#]).*)?", re.DOTALL)
ENDING = re.compile(r"(?<=[A-Za-z\x80-\U0010ffff])(?:['’](?:[smdSMD]|[lL][lL]|[rRvV][eE])|[nN]['’][tT])\Z"
                    r"|(?<=[0-9])['’][sS]\Z")  # fmt: skip
ALPHABET = "aAzé ßñ0127 \n\n\t.,-*•·#'’…。，的一是在人カナ가йЖ\u0301\u3000ก😀\U00020000"
TEXTS = st.one_of(st.text(alphabet=ALPHABET, max_size=120), st.text(max_size=60),
                  st.lists(st.sampled_from(["the ", "cat ", "sat. ", "a\n", "\n", "人", "山", "  "]), max_size=80)
                  .map("".join),
                  st.lists(st.sampled_from(["a", "B", "'s", "n't", "’ll", ".", "..", ",", "-", "--", "/", ":", "://",
                                            "@", "3", "+", "%", "(", '"', ")", "…", "é", "_", "=", " ", "\n", "人",
                                            "。", "€"]), max_size=24).map("".join))  # fmt: skip


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


def bits(character: str) -> int:
    """What a character may do: kernels.marks."""
    return int(m.mark_table()[ord(character)]) if ord(character) < TABLE_SIZE else m.LOWER


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


def space(text: str) -> list[str]:
    """The pieces between white space, Han and kana characters standing alone."""
    found, current = [], ""
    for character in text:
        kind = class_of(character)
        if kind == SPACE or kind >= HAN:
            found += [current, "" if kind == SPACE else character]
            current = ""
        else:
            current += character
    return [piece for piece in [*found, current] if piece]


def tail(piece: str) -> int:
    """Length of the last mark or ending of a piece, 0 where there is none."""
    last, rest = piece[-1], piece[:-1]
    if last == ".":
        run = len(piece) - len(piece.rstrip("."))
        if run > 1 or not rest:
            return run if run > 1 else 0
        stops = rest[-1] in "0123456789%+-" or bits(rest[-1]) & (m.LOWER | m.RIGHT)
        return int(bool(stops or (len(rest) > 1 and bits(rest[-1]) & m.UPPER and bits(rest[-2]) & m.UPPER)))
    if bits(last) & m.RIGHT:
        return 1
    if last in "+%$" or "\u20a0" <= last < "\u20d0":
        return int(rest[-1:].isascii() and rest[-1:].isdigit())
    found = ENDING.search(piece)
    return len(found[0]) if found else 0


def infix(piece: str, i: int) -> int:
    """Length of the mark at i that cuts its piece, 0 where none does."""
    mark, before = piece[i], piece[i - 1] if i else ""
    run = re.match(r"\.{2,}|-{1,3}|.", piece[i:], re.DOTALL)[0]
    if bits(mark) & LETTERS_BITS or mark in "0123456789":
        return 0
    if run.startswith("..") or mark == "…" or bits(mark) & m.CUT:
        return len(run) if run.startswith("..") else 1
    run = run if mark == "-" else mark
    after = piece[i + len(run) : i + len(run) + 1]
    if not before or not after:
        return 0
    if mark == ".":
        return int(bool(bits(before) & (m.LOWER | m.QUOTE) and bits(after) & (m.UPPER | m.QUOTE)))
    letters = bool(bits(before) & LETTERS_BITS), bool(bits(after) & LETTERS_BITS)
    if mark == ",":
        return int(all(letters))
    if mark in "+-*^" and before in "0123456789" and after in "0123456789-":
        return len(run)
    if bits(mark) & m.HYPHEN or mark in ":<>=/":
        return len(run) if (letters[0] or before in "0123456789") and letters[1] else 0
    return 0


def cut(piece: str) -> list[str]:
    """The tokens of a piece."""
    front, back = [], []
    while piece:
        run = len(piece) - len(piece.lstrip("."))
        if run < 2 and not (piece[0] == "+" and piece[1:2] not in DIGITS) and not bits(piece[0]) & m.LEFT:
            break
        front.append(piece[: max(run, 1)])
        piece = piece[max(run, 1) :]
    while piece and tail(piece):
        back.insert(0, piece[-tail(piece) :])
        piece = piece[: -tail(piece)]
    scheme = SCHEME.match(piece)
    if HOST.fullmatch(piece) or (scheme and len(scheme[1].encode()) > 1):
        return [*front, piece, *back]
    begin = i = 0
    while i < len(piece):
        length = infix(piece, i)
        if length:
            front += [piece[begin:i], piece[i : i + length]]
            begin = i + length
        i += length or 1
    return [token for token in [*front, piece[begin:], *back] if token]


def tokens(text: str) -> list[str]:
    """Tokens by the rule of kernels.tokens."""
    return [token for piece in space(text) for token in ([piece] if class_of(piece[0]) >= HAN else cut(piece))]


def kind(token: str) -> int:
    """PLAIN, END, NUMBER, LETTERS or CHARACTER."""
    kinds = [class_of(c) for c in token]
    if max(kinds) >= HAN:
        return 4
    if any(LATIN <= k <= LETTER for k in kinds):
        return 3
    if max(kinds) >= LATIN:
        return 2
    return int(len(token) == 1 and ord(token) < TABLE_SIZE and bits(token) & m.TERMINAL > 0)


def right(text: str) -> str:
    """The text without space behind it."""
    end = len(text)
    while end and class_of(text[end - 1]) == SPACE:
        end -= 1
    return text[:end]


def lines(text: str) -> list[str]:
    """Lines with text: their indentation stays, space behind them goes."""
    return [right(line) for line in text.split("\n") if right(line)]


def paragraphs(text: str) -> list[str]:
    """Runs of lines with text."""
    found: list[list[str]] = [[]]
    for line in text.split("\n"):
        if right(line):
            found[-1].append(line)
        else:
            found.append([])
    return [right("\n".join(part)) for part in found if part]


def repetition(text: str, marks: bool = True) -> dict[str, int]:
    """The counts behind the shares of Gopher's repetition rules."""
    listed = [t for t in tokens(text) if marks or kind(t) >= 2]
    kinds = [kind(t) for t in tokens(text)]
    han = sum(k == 4 for k in kinds) * 2 > sum(k >= 2 for k in kinds)
    scale, gap = (2, "") if han else (1, " ")
    values = [*repeated(lines(text)), *repeated(paragraphs(text))]
    values += [top(listed, n * scale, gap) for n in range(2, 5)]
    values += [duplicated(listed, n * scale) for n in range(5, 11)]
    names = ("lines", "dup_lines", "dup_line_chars", "paragraphs", "dup_paragraphs", "dup_paragraph_chars")
    from aigc_cli.clean.kernels.repetition import FIELDS

    return dict(zip((*names, *FIELDS), values, strict=True))


@pytest.fixture(scope="session")
def reference() -> SimpleNamespace:
    """The plain implementation."""
    return SimpleNamespace(words=words, scan=scan, repetition=repetition, texts=TEXTS, strip=strip, tokens=tokens,
                           kind=kind, lines=lines, paragraphs=paragraphs, right=right)  # fmt: skip
