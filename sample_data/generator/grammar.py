"""A small text grammar: rules with alternatives, entities with attributes, numbers that can be reckoned with.

A grammar file holds rules; `#` starts a comment line:

    = person : he=she; his=her        <- a rule's name, then attributes that all its entries have
    Mara                              <- one alternative a line
    Ines :: he=she; town=Saltby       <- an entity with attributes of its own
    +sailor                           <- all alternatives of another rule

and inside an alternative

    {rule}         a fresh expansion of a rule, or the text of a variable of that name
    {a=rule}       the same, remembered as `a`; {!a=rule} remembers without writing
    {a.he}         an attribute of `a`
    {n=3..9}       a number, remembered; {m=n*2}, {m=n+k}, {m=n-2} reckon with it; {n.word} spells it
    (x|y|)         one of several, nested as needed
    / and //       a line break and a paragraph break (between spaces)
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

_SLOT = re.compile(r"\{(!?)([\w.]+)(?:=([^{}]+))?\}")
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_SUM = re.compile(r"(\w+)([-+*])(\w+)")


@dataclass(frozen=True)
class Entry:
    """One alternative of a rule: its text and its attributes."""

    text: str
    attributes: dict[str, str] = field(default_factory=dict, hash=False)


class Grammar:
    """The rules of one genre and the words common to its language, and how often each alternative was used so far."""

    def __init__(self, paths: list[Path]) -> None:
        self.rules: dict[str, list[Entry]] = {}
        self.uses: Counter[tuple[str, str]] = Counter()
        includes: list[tuple[str, str]] = []
        for path in paths:
            self._read(path, includes)
        for rule, other in includes:
            self.rules[rule].extend(self.rules[other])

    def _read(self, path: Path, includes: list[tuple[str, str]]) -> None:
        name, shared = "", {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("= "):
                name, _, attributes = line[2:].partition(" : ")
                name, shared = name.strip(), _attributes(attributes)
                if name in self.rules:
                    raise ValueError(f"{path.name}:{number}: rule '{name}' is defined twice")
                self.rules[name] = []
            elif line.startswith("+"):
                includes.append((name, line[1:].strip()))
            else:
                text, _, attributes = line.partition(" :: ")
                self.rules[name].append(Entry(text.strip(), shared | _attributes(attributes)))

    def entry(self, rule: str, rng: random.Random, used: set[tuple[str, str]]) -> Entry:
        """An alternative of `rule`, not in `used` while others are left; of two candidates the rarer one."""
        entries = self.rules[rule]
        fresh = [entry for entry in entries if (rule, entry.text) not in used] or entries
        first, second = (fresh[int(rng.random() * len(fresh))] for _ in range(2))
        chosen = min(first, second, key=lambda entry: self.uses[rule, entry.text])
        self.uses[rule, chosen.text] += 1
        used.add((rule, chosen.text))
        return chosen


class Writer:
    """Expands one document: variables and used alternatives live as long as the document."""

    def __init__(self, grammar: Grammar, rng: random.Random, number_words: list[str]) -> None:
        self.grammar, self.rng, self.number_words = grammar, rng, number_words
        self.values: dict[str, Entry] = {}
        self.used: set[tuple[str, str]] = set()

    def expand(self, text: str) -> str:
        """The text with every choice made and every slot filled."""
        while match := _CHOICE.search(text):
            options = match[1].split("|")
            text = text[: match.start()] + options[int(self.rng.random() * len(options))] + text[match.end() :]
        parts, end = [], 0
        for match in _SLOT.finditer(text):
            parts.append(text[end : match.start()])
            parts.append(self._slot(match[1] == "!", match[2], match[3]))
            end = match.end()
        return "".join([*parts, text[end:]])

    def _slot(self, silent: bool, name: str, source: str | None) -> str:
        if source is not None:
            self.values[name] = self._value(source)
            return "" if silent else self.values[name].text
        name, _, attribute = name.partition(".")
        if name in self.values:
            value = self.values[name]
            if attribute == "word":
                return self.number_words[int(value.text)]
            return self.expand(value.attributes[attribute]) if attribute else value.text
        entry = self.grammar.entry(name, self.rng, self.used)
        return self.expand(entry.attributes[attribute] if attribute else entry.text)

    def _value(self, source: str) -> Entry:
        if match := _RANGE.fullmatch(source):
            low, high = int(match[1]), int(match[2])
            return Entry(str(low + int(self.rng.random() * (high - low + 1))))
        if match := _SUM.fullmatch(source):
            left, right = self._number(match[1]), self._number(match[3])
            return Entry(str({"+": left + right, "-": left - right, "*": left * right}[match[2]]))
        entry = self.grammar.entry(source, self.rng, self.used)
        # The entry's own slots are filled once, so that every later mention is the same.
        return Entry(self.expand(entry.text), {key: self.expand(text) for key, text in entry.attributes.items()})

    def _number(self, word: str) -> int:
        return int(word) if word.isdigit() else int(self.values[word].text)


def _attributes(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}
