"""Faults planted on purpose: duplicates, personal data, broken encodings and junk, each recorded with its document."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field, replace
from typing import Any

from generator import checks
from generator.corpus import Document
from generator.junk import junk

# Of the documents of a genre, those whose number leaves this remainder by this divisor get the fault.
PII = {"letter": (9, 4), "notice": (9, 4), "news": (14, 4)}
MOJIBAKE = {"talk": (12, 5), "fable": (15, 5)}
EXACT, NEAR = {"en": 12, "zh": 8}, {"en": 18, "zh": 12}
FILLERS = {
    "en": ["rather", "indeed", "truly", "perhaps", "certainly", "surely"],
    "zh": ["其实", "果然", "大概", "恐怕", "真的", "想必"],
}
CONTACT = {
    "en": [
        "Write to {email} or call {phone}.",
        "The new address is {email}, and the telephone number is {phone}.",
        "Payments go to {iban}; questions are answered at {email}.",
        "The card number {card} and the number {id} were found with it.",
        "The list is kept on the machine {ip}, as {email} can confirm.",
        "Call {phone} after six, or look at the machine {ip}.",
    ],
    "zh": [
        "来信请寄{email}，电话{phone}。",
        "身份证号码{id}，银行卡号{card}，请失主认领。",
        "名单放在{ip}这台机器上，有事写信到{email}。",
        "手机{phone}，晚上六点以后有人接。",
        "证件上的号码是{id}，联系邮箱是{email}。",
    ],
}


@dataclass
class Record:
    """What was planted, for tests and for the reader: the content of planted.json."""

    exact_duplicates: list[list[str]] = field(default_factory=list)
    near_duplicates: list[list[str]] = field(default_factory=list)
    pii: list[dict[str, str]] = field(default_factory=list)
    mojibake: list[dict[str, str]] = field(default_factory=list)
    junk: list[dict[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values under the names of the faults."""
        return dict(vars(self))


def spoil(documents: list[Document], record: Record, seed: int) -> list[Document]:
    """The documents, some of them with personal data or a broken encoding."""
    return [_spoiled(document, record, random.Random(f"{seed}/spoil/{document.id}")) for document in documents]


def extras(documents: list[Document], lang: str, record: Record, seed: int) -> list[Document]:
    """Documents to add: exact and near copies of some of `documents`, and junk; mixed."""
    rng = random.Random(f"{seed}/extras/{lang}")
    faulty = {item["id"] for item in record.pii + record.mojibake}
    sound = [document for document in documents if document.id not in faulty]
    originals = _sample(sound, EXACT[lang] + NEAR[lang], rng)
    added = []
    for number, original in enumerate(originals):
        name = f"{lang}-web-{number:03d}"
        if number < EXACT[lang]:
            record.exact_duplicates.append([original.id, name])
            added.append(replace(original, id=name, genre="web"))
        else:
            record.near_duplicates.append([original.id, name])
            added.append(replace(original, id=name, genre="web", text=_edited(original.text, lang, rng)))
    for number, (kind, text) in enumerate(junk(lang, rng)):
        name = f"{lang}-junk-{number:03d}"
        record.junk.append({"id": name, "kind": kind})
        added.append(Document(name, text, lang, "web"))
    return _sample(added, len(added), rng)


def _spoiled(document: Document, record: Record, rng: random.Random) -> Document:
    number = int(document.id.rpartition("-")[2])
    divisor, remainder = PII.get(document.genre, (1, 1))
    if number % divisor == remainder:
        sentence = CONTACT[document.lang][number // divisor % len(CONTACT[document.lang])]
        values = checks.values(document.lang, rng)
        for kind in re.findall(r"{(\w+)}", sentence):
            record.pii.append({"id": document.id, "kind": kind, "value": values[kind]})
        space = " " if document.lang == "en" else ""
        head, _, last = document.text.rpartition("\n\n")
        return replace(document, text=f"{head}{space}{sentence.format(**values)}\n\n{last}")
    divisor, remainder = MOJIBAKE.get(document.genre, (1, 1))
    if number % divisor == remainder:
        right = document.text if document.lang == "zh" else _curly(document.text)
        broken = re.search(r"[^ -~\n]\S*", right)
        if broken:
            record.mojibake.append({"id": document.id, "wrong": mojibake(broken[0]), "right": broken[0]})
        return replace(document, text=mojibake(right))
    return document


def mojibake(text: str) -> str:
    """The text as UTF-8 bytes that were read as Windows-1252.

    >>> mojibake("it’s")
    'itâ€™s'
    """
    parts = []
    for byte in text.encode():
        raw = bytes([byte])
        try:
            parts.append(raw.decode("cp1252"))
        except UnicodeDecodeError:  # five bytes have no character there; programs keep them as control characters
            parts.append(raw.decode("latin-1"))
    return "".join(parts)


def _curly(text: str) -> str:
    text = re.sub(r'(^|[\s(])"', "\\1\u201c", text, flags=re.MULTILINE).replace('"', "\u201d")
    return text.replace("'", "\u2019")


def _edited(text: str, lang: str, rng: random.Random) -> str:
    """The text with one or two words put in, or without its last sentence: still the same document."""
    mark, gap = ("，", "") if lang == "zh" else (", ", " ")
    places = [match.end() for match in re.finditer(re.escape(mark), text)]
    if not places or rng.random() < 0.4:
        shorter = re.sub(r"[^.!?。！？]+[.!?。！？][\"”]?\s*$", "", text).rstrip()
        return shorter if shorter != text else text.rpartition("\n")[0].rstrip()  # a letter ends with a name
    for place in sorted(_sample(places, 2, rng), reverse=True):
        text = text[:place] + _sample(FILLERS[lang], 1, rng)[0] + gap + text[place:]
    return text


def _sample(items: list[Any], number: int, rng: random.Random) -> list[Any]:
    """`number` different items, in random order."""
    # Only random.random() is used in this package: its values are the same in all releases of Python.
    left = list(items)
    return [left.pop(int(rng.random() * len(left))) for _ in range(min(number, len(left)))]
