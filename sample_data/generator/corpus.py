"""The generated documents of one language, varied enough that no long word sequence becomes common."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from generator.grammar import Grammar, Writer
from generator.language import finish, number_words, units

ORDER = 8  # words or Han characters in a sequence
MOST = 15  # times that a sequence may occur: below the 20 that the project allows, as planted copies come on top
ATTEMPTS = 60


@dataclass(frozen=True)
class Document:
    """One document before it is written to a file."""

    id: str
    text: str
    lang: str
    genre: str


def generate(
    grammar_dir: Path, lang: str, genres: dict[str, int], seed: int, bounds: tuple[int, int]
) -> list[Document]:
    """`genres[name]` documents of each genre, mixed evenly; lengths in words or Han characters are within `bounds`.

    Raises RuntimeError when a genre's grammar is too poor for the number of documents asked for.
    """
    grammars = {name: Grammar([grammar_dir / "common.txt", grammar_dir / f"{name}.txt"]) for name in genres}
    seen: Counter[tuple[str, ...]] = Counter()
    documents = []
    for genre, number in _schedule(genres):
        rng = random.Random(f"{seed}/{lang}/{genre}/{number}")
        text = _attempt(grammars[genre], rng, lang, genre, seen, bounds)
        seen.update(sequences(text, lang))
        documents.append(Document(f"{lang}-{genre}-{number:03d}", text, lang, genre))
    return documents


def sequences(text: str, lang: str) -> list[tuple[str, ...]]:
    """All runs of ORDER words or Han characters in a text."""
    words = units(text, lang)
    return [tuple(words[i : i + ORDER]) for i in range(len(words) - ORDER + 1)]


def _attempt(
    grammar: Grammar, rng: random.Random, lang: str, genre: str, seen: Counter[tuple[str, ...]], bounds: tuple[int, int]
) -> str:
    for _ in range(ATTEMPTS):
        writer = Writer(grammar, rng, number_words(lang))
        frame = grammar.entry(genre, rng, writer.used)
        text = finish(writer.expand(frame.text), lang)
        long_enough = bounds[0] <= len(units(text, lang)) <= bounds[1]
        if long_enough and all(seen[sequence] < MOST for sequence in sequences(text, lang)):
            return text
    raise RuntimeError(f"{lang}/{genre}: no fresh document in {ATTEMPTS} attempts; add alternatives to the grammar")


def _schedule(genres: dict[str, int]) -> list[tuple[str, int]]:
    """(genre, number) so that every genre is spread over the whole list."""
    slots = [((number + 0.5) / count, name, number) for name, count in genres.items() for number in range(count)]
    return [(name, number) for _, name, number in sorted(slots)]
