"""A second, plain implementation of decontamination: sets of tuples of words."""

from __future__ import annotations

import functools

import pytest


class Plain:
    """The rule with sets: the runs of each item as tuples of words."""

    def __init__(self, words, items, ngram=13, ngram_characters=26, min_words=8, min_characters=16):
        self.words = words
        self.runs = {}  # run -> first item
        for number, item in enumerate(items):
            listed = self.folded(item)
            single = sum(len(w) == 1 and self.by_character(w) for w in listed) * 2 > len(listed)
            if len(listed) < (min_characters if single else min_words):
                continue
            n = min(ngram_characters if single else ngram, len(listed))
            for i in range(len(listed) - n + 1):
                self.runs.setdefault(tuple(listed[i : i + n]), number)

    @staticmethod
    def by_character(word):
        return "\u3040" <= word <= "\u30ff" or "\u4e00" <= word <= "\u9fff"

    def folded(self, text):
        return [word.lower() for word in self.words(text)]

    def places(self, text):
        """{word at which a run of the items begins: its longest length}."""
        listed, found = self.folded(text), {}
        for n in {len(run) for run in self.runs}:
            for i in range(len(listed) - n + 1):
                if tuple(listed[i : i + n]) in self.runs:
                    found[i] = max(found.get(i, 0), n)
        return found


@pytest.fixture(scope="session")
def plain_runs(reference):
    """Plain with the words of the plain word rule."""
    return functools.partial(Plain, reference.words)
