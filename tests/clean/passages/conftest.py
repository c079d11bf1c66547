"""A second, slow and plain implementation of the rules that compare passages, and documents with planted repeats."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections import Counter
from types import SimpleNamespace

import pytest

from aigc_cli.clean.api import clean
from aigc_cli.clean.kernels.marks import LOWER, TERMINAL, UPPER, mark_table
from aigc_cli.clean.kernels.text import CYRILLIC, HAN, LATIN, SPACE, TABLE_SIZE, class_table
from aigc_cli.clean.options import CleanOptions
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards

# -- the plain implementation ------------------------------------------------------------------------------------


def class_of(character: str) -> int:
    code = ord(character)
    return int(class_table()[code]) if code < TABLE_SIZE else HAN if code < 0x40000 else 0


def is_space(character: str) -> bool:
    return class_of(character) == SPACE


def bits(character: str) -> int:
    return int(mark_table()[ord(character)]) if ord(character) < TABLE_SIZE else LOWER


def ends_sentence(text: str, begin: int, first: int, behind: int) -> bool:
    """Whether the marks text[first:behind] end the sentence that began at `begin`."""
    if behind == len(text):
        return True
    marks = [c for c in text[first:behind] if bits(c) & TERMINAL]
    stops, after = all(c in ".．․﹒" for c in marks), text[behind]
    full = ord(marks[-1]) >= 0x3000 and marks[-1] != "．"
    if not (full or is_space(after) or class_of(after) >= HAN):
        return False
    if not stops:
        return True
    before = text[begin:first]
    letter = before[-1:] and bits(before[-1]) & UPPER
    label = letter and not (before[-2:-1] and (bits(before[-2]) & (UPPER | LOWER) or before[-2] in "0123456789"))
    if len(marks) == 1 and (label or re.fullmatch("[0-9]+", before)):
        return False
    rest = "".join(" " if is_space(c) else c for c in text[behind:]).lstrip(" ")
    return not (rest and LATIN <= class_of(rest[0]) <= CYRILLIC and bits(rest[0]) & LOWER)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    begin, i = -1, 0
    while i < len(text):
        if is_space(text[i]):
            gap = i
            while i < len(text) and is_space(text[i]):
                i += 1
            if begin >= 0 and text[gap:i].count("\n") >= 2:
                spans.append((begin, gap))
                begin = -1
            continue
        begin = i if begin < 0 else begin
        first = i
        if bits(text[i]) & TERMINAL and ord(text[i]) < TABLE_SIZE:
            while i < len(text) and (
                (bits(text[i]) & TERMINAL and ord(text[i]) < TABLE_SIZE)
                or text[i] in "\"'"
                or unicodedata.category(text[i]) in ("Pe", "Pf")
            ):
                i += 1
            if ends_sentence(text, begin, first, i):
                spans.append((begin, i))
                begin = -1
        else:
            i += 1
    if begin >= 0:
        spans.append(
            (begin, len(text) - len(re.search(r"\s*\Z", "".join(" " if is_space(c) else "x" for c in text))[0]))
        )
    return spans


def line_spans(text: str, blocks: bool) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start, opened = 0, False
    for line in text.split("\n"):
        length = len(line)
        while length and is_space(line[length - 1]):
            length -= 1
        if not length:
            opened = False
        elif opened and blocks:
            spans[-1] = (spans[-1][0], start + length)
        else:
            spans.append((start, start + length))
            opened = True
        start += len(line) + 1
    return spans


def spans_of(text: str, kind: str) -> list[tuple[int, int]]:
    return sentence_spans(text) if kind == "sentences" else line_spans(text, kind == "blocks")


def left(text: str, spans: list[tuple[int, int]], gone: set[int]) -> str:
    """The text without some passages."""
    if not gone:
        return text
    out, behind, gaps = "", 0, []
    for i, (start, end) in enumerate(spans):
        gaps.append(text[behind:start])
        behind = end
        if i not in gone:
            most = max(gap.count("\n") for gap in gaps)
            gap = next(gap for gap in gaps if gap.count("\n") == most)
            out += (gap if out or i == len(gaps) - 1 == 0 else "") + text[start:end]
            gaps = []
            last = i
    return out + text[behind:] if out and last == len(spans) - 1 else out


def folded(text: str) -> bytes:
    return b" ".join(text.encode().lower().split())


def cut(texts: list[str], rule: str, words, **options) -> tuple[list[tuple[str, str | None]], list[int]]:
    """([text, reason] of each document: what the rule leaves of it and why it goes; how often the commonest went)."""
    values = {"split": "blocks", "min_words": 5, "min_characters": 10, "most": 1, "repeated": "later", "span": 3,
              "left_words": 50 if rule == "sentences" else 10, "left_characters": 50 if rule == "sentences" else 10,
              "left_share": 0.0, "min_sentences": 3 if rule == "sentences" else 0, **options}  # fmt: skip

    def size(text: str) -> tuple[int, bool]:
        found = words(text)
        return len(found), 2 * sum(len(w) == 1 and class_of(w) >= HAN for w in found) > len(found)

    compared: list[tuple[int, range, bytes | tuple[bytes, ...]]] = []
    all_spans = [spans_of(text, "sentences" if rule == "sentences" else values["split"]) for text in texts]
    for row, (text, spans) in enumerate(zip(texts, all_spans, strict=True)):
        parts = [text[a:b] for a, b in spans]
        if rule == "sentences":
            for i in range(len(parts) - values["span"] + 1):
                compared.append((row, range(i, i + values["span"]), tuple(map(folded, parts[i : i + values["span"]]))))
        else:
            for i, part in enumerate(parts):
                count, single = size(part)
                if count >= values["min_characters" if single else "min_words"]:
                    compared.append((row, range(i, i + 1), folded(part)))
    totals, seen, times = Counter(key for _, _, key in compared), Counter(), Counter()
    gone: list[set[int]] = [set() for _ in texts]
    for row, places, key in compared:
        seen[key] += 1
        if totals[key] > values["most"] and (values["repeated"] == "all" or seen[key] > values["most"]):
            gone[row].update(places)
            times[key] += 1
    found = []
    for text, spans, lost in zip(texts, all_spans, gone, strict=True):
        new, reason = left(text, spans, lost), None
        if lost:
            count, single = size(new)
            reason = ("empty" if len(lost) == len(spans)
                      else "min_sentences" if len(spans) - len(lost) < values["min_sentences"]
                      else "short" if count < values["left_characters" if single else "left_words"]
                      else "left_share" if len(new) / len(text) < values["left_share"] else None)  # fmt: skip
        found.append((text if reason else new, reason))
    return found, [number for _, number in times.most_common(10)]


# -- documents and runs

WORDS = ["river", "stone", "garden", "winter", "letter", "captain", "morning", "the", "of", "and", "to", "that", "with"]
HAN_CHARACTERS = "春夏秋冬山水花鸟风雨雪月江湖河海天地人心的一是不了在有我他"


def sentence(chance: random.Random, chinese: bool) -> str:
    if chinese:
        return "".join(chance.choices(HAN_CHARACTERS, k=chance.randint(4, 14))) + "。"
    return " ".join(chance.choices(WORDS, k=chance.randint(2, 9))).capitalize() + chance.choice([".", "?", "!", "..."])


def documents(seed: int, number: int = 120) -> list[str]:
    """English, Chinese and mixed documents with planted repeats of sentences, paragraphs and runs of them."""
    chance = random.Random(seed)
    pools: dict[bool, list[list[str]]] = {False: [], True: []}
    texts = []
    for _ in range(number):
        kind = chance.choice([False, True, None])
        blocks = []
        for _ in range(chance.randint(1, 6)):
            chinese = chance.random() < 0.5 if kind is None else kind
            parts = [sentence(chance, chinese) for _ in range(chance.randint(1, 6))]
            if pools[chinese] and chance.random() < 0.4:
                old = chance.choice(pools[chinese])
                parts = chance.choice([old, [*old, *parts], [*parts, *old[:3]]])
            pools[chinese].append(parts)
            space = "" if chinese else chance.choice([" ", "  ", "\n"])
            text = space.join(parts)
            blocks.append(text.upper() if chance.random() < 0.1 else text)
        texts.append(chance.choice(["\n\n", "\n", "\n \n\n"]).join(blocks) + chance.choice(["", "\n"]))
    return texts


def write_documents(path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": t, "id": f"{path.stem}{i:04}"}) + "\n" for i, t in enumerate(texts)))


def rows(path) -> dict[str, dict]:
    return {row["source_id"]: row for batch in Shards.open(path).batches() for row in batch.to_pylist()}


def run(path, output, *rules, **common):
    options = CleanOptions(rules=list(rules), keep_rejected=True)
    return clean([path], options, Common(output=output, **common))


@pytest.fixture(scope="session")
def plain() -> SimpleNamespace:
    """The plain implementation, and what the tests share."""
    return SimpleNamespace(spans_of=spans_of, left=left, cut=cut, sentence=sentence, documents=documents,
                           write_documents=write_documents, rows=rows, run=run)  # fmt: skip
