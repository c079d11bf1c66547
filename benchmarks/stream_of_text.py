"""A seeded endless-looking stream of documents as JSON Lines: mostly unique English and Chinese text, some copies.

    python benchmarks/stream_of_text.py --megabytes N [--seed S] > stream.jsonl

Each document draws its own topic from a large vocabulary and its sentences from the topic, between real function
words: the text has what filters look at (stop words, lengths of words, lines and paragraphs) and does not repeat.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator

FUNCTION = (
    "the of and to a in that is was for it with as his on be at by had not are but from or have an they which one you "
    "were all her she there would their we him been has when who will no more if out so up said what its about than"
)
HAN = [chr(0x4E00 + n) for n in range(2500)]
COPIES = 0.05  # exact copies, and as many near-copies
RECENT = 2000  # documents of which copies are made
NEAR_SHARE = 0.01  # of the words of a near-copy that are others


def _vocabulary(rng: random.Random, size: int) -> list[str]:
    onsets = [*"bcdfghlmnprstvw", "br", "ch", "dr", "gr", "pl", "st", "tr"]
    vowels = [*"aeiou", "ea", "ou"]
    codas = ["", *"lmnrst", "ck", "nd", "st"]
    words = set()
    while len(words) < size:
        syllables = rng.choice([1, 2, 2, 2, 3])
        words.add("".join(rng.choice(onsets) + rng.choice(vowels) + rng.choice(codas) for _ in range(syllables)))
    return sorted(words)


class English:
    """Paragraphs of sentences of made-up nouns, each after a real function word."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.words, self.small = rng, _vocabulary(rng, 40_000), FUNCTION.split()

    def text(self) -> str:
        """One document."""
        rng = self.rng
        topic = rng.choices(self.words, k=300)
        paragraphs = []
        for _ in range(rng.randint(3, 9)):
            count = rng.randint(40, 120)
            words = [""] * (2 * count)
            words[::2], words[1::2] = rng.choices(self.small, k=count), rng.choices(topic, k=count)
            end = 0
            while end < 2 * count - 8:
                words[end] = words[end].capitalize()
                end += rng.randint(8, 24)
                words[min(end, 2 * count) - 1] += "."
            paragraphs.append(" ".join(words))
        return "\n\n".join(paragraphs)

    def changed(self, text: str) -> str:
        """A near-copy."""
        words = text.split(" ")
        for _ in range(max(int(len(words) * NEAR_SHARE), 1)):
            words[self.rng.randrange(len(words))] = self.rng.choice(self.words)
        return " ".join(words)


class Chinese:
    """Paragraphs of clauses of Han characters with pauses and stops."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def text(self) -> str:
        """One document."""
        rng = self.rng
        topic = rng.choices(HAN, k=400)
        paragraphs = []
        for _ in range(rng.randint(3, 8)):
            letters = rng.choices(topic, k=rng.randint(100, 250))
            end = 0
            while end < len(letters):
                end += rng.randint(7, 18)
                letters[min(end, len(letters)) - 1] = "。" if end % 3 == 0 or end >= len(letters) else "，"
            paragraphs.append("".join(letters))
        return "\n\n".join(paragraphs)

    def changed(self, text: str) -> str:
        """A near-copy."""
        letters = list(text)
        for _ in range(max(int(len(letters) * NEAR_SHARE / 2), 1)):
            letters[self.rng.randrange(len(letters))] = self.rng.choice(HAN)
        return "".join(letters)


def documents(size_bytes: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """(text, "new", "exact" or "near") until `size_bytes` of text are out; a fifth of the documents is Chinese."""
    rng = random.Random(seed)
    makers = [English(rng), Chinese(rng)]
    recent: list[tuple[int, str]] = []
    written = 0
    while written < size_bytes:
        draw = rng.random()
        if draw < 2 * COPIES and recent:
            language, text = rng.choice(recent)
            kind = "exact" if draw < COPIES else "near"
            text = text if kind == "exact" else makers[language].changed(text)
        else:
            language, kind = int(rng.random() < 0.2), "new"
            text = makers[language].text()
            recent.append((language, text))
            if len(recent) > RECENT:
                recent[rng.randrange(RECENT)] = recent.pop()
        written += len(text.encode())
        yield text, kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    counts: dict[str, int] = {}
    size = 0
    for text, kind in documents(int(arguments.megabytes * 1e6), arguments.seed):
        counts[kind] = counts.get(kind, 0) + 1
        size += len(text.encode())
        sys.stdout.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
    print(json.dumps({"documents": counts, "bytes": size}), file=sys.stderr)


if __name__ == "__main__":
    main()
