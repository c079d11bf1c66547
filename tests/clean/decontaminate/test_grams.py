"""Runs of words found by compiled tables against sets of tuples of words."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.clean.contamination import Lengths
from aigc_cli.clean.kernels import gram_table as k
from aigc_cli.clean.kernels.grams import Grams, find
from aigc_cli.clean.kernels.scan import scan
from aigc_cli.clean.kernels.sorting import sort_pairs
from aigc_cli.clean.kernels.text import buffers

VOCABULARY = ["river", "Stone", "a", "B", "é", "café's", "7", "x1", "grün", "山", "水", "人", "の", "don't", "한국"]
TEXTS = st.lists(st.sampled_from([*VOCABULARY, ", ", ". ", "\n", " ", "，"]), max_size=30).map(
    lambda parts: " ".join(parts)
)


def table(items, **lengths):
    """The table of the items, without a file."""
    items = [item.lower() for item in items]
    sizes = Lengths(**{"ngram": 3, "ngram_characters": 4, "min_words": 1, "min_characters": 1, **lengths})
    column = pa.array(items, pa.large_string())
    each = sizes.of(k.count_words(column), scan(column).by_character)
    keys, places = k.listed(column, each)
    keys, places = keys.copy(), places.copy()
    sort_pairs(keys, places)
    data, offsets = buffers(column)
    count = k.distinct(data, offsets, each, keys, places)
    keys = keys[:count]
    lengths = np.unique(each[each > 0])
    lengths = lengths if len(lengths) else np.array([1])
    bits = k.filter_bits(column, int(lengths[0]), count)
    return Grams(data, offsets, lengths, keys, places[:count].astype(np.uint32), bits)


@settings(max_examples=300, deadline=None)
@given(items=st.lists(TEXTS, min_size=1, max_size=5), texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_runs_are_those_of_sets_of_tuples(reference, plain_runs, items, texts):
    sizes = {"ngram": 3, "ngram_characters": 4, "min_words": 1, "min_characters": 1}
    plain = plain_runs(items, **sizes)
    grams = table(items, **sizes)
    assert len(grams.hashes) == len(plain.runs)
    found = find(pa.array([text.lower() for text in texts], pa.large_string()), grams)
    offsets = np.cumsum([0, *(len(text.encode()) for text in texts)])
    for row, text in enumerate(texts):
        places = plain.places(text)
        assert found.runs[row] == len(places)
        assert (found.texts[row] >= 0) == bool(places)
        covered = {i for first, n in places.items() for i in range(first, first + n)}
        raw, words = text.encode(), reference.words(text)
        inside: set[int] = set()
        for _, first, last in (span for span in found.spans.tolist() if span[0] == row):
            before = reference.words(raw[: first - offsets[row]].decode())
            part = reference.words(raw[first - offsets[row] : last - offsets[row]].decode())
            assert words[len(before) : len(before) + len(part)] == part
            inside |= set(range(len(before), len(before) + len(part)))
        assert inside == covered


def test_equal_hashes_of_other_words_are_no_match(here):
    items = ["one two three four", "five six seven eight"]
    grams = table(items)
    forged = grams._replace(places=grams.places[::-1].copy())  # every hash leads to other words
    column = pa.array([*items, "nothing of that"], pa.large_string())
    assert find(column, grams).runs.tolist() == [2, 2, 0]
    assert find(column, forged).runs.tolist() == [0, 0, 0]


BOUNDS = """
import numpy as np, pyarrow as pa, random
from aigc_cli.clean.kernels import gram_table as k
from aigc_cli.clean.kernels.grams import Grams, find
from aigc_cli.clean.kernels.sorting import sort_pairs
from aigc_cli.clean.kernels.text import buffers
np.seterr(over="ignore")
random.seed(0)
texts = ["".join(random.choices("ab 1.'\\u00e9\\u4eba\\U0001f600", k=n % 41)) for n in range(60)]
texts += ["a", "", "\\u4eba", "a b"]
for column in (pa.array(texts, pa.large_string()), pa.array(texts, pa.large_string())[7:30]):
    each = np.minimum(k.count_words(column), 2)
    keys, places = k.listed(column, each)
    keys, places = keys.copy(), places.copy()
    sort_pairs(keys, places)
    data, offsets = buffers(column)
    offsets = offsets - offsets[0]
    data = np.frombuffer("".join(column.to_pylist()).encode(), dtype=np.uint8)
    count = k.distinct(data, offsets, each, keys, places)
    keys, places, lengths = keys[:count], places[:count].astype(np.uint32), np.unique(each[each > 0])
    table = Grams(data, offsets, lengths, keys, places, k.filter_bits(column, int(lengths[0]), count))
    found = find(column, table)
    assert ((found.runs > 0) == (each > 0)).all()
"""


def test_kernels_stay_within_their_arrays():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}  # without compilation every index is checked
    done = subprocess.run([sys.executable, "-c", BOUNDS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
