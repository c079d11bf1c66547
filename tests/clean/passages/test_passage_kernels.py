"""Kernels of the rules that compare passages, against plain implementations and published values."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.clean.kernels import passages as k
from aigc_cli.clean.kernels.hash128 import hashes
from aigc_cli.clean.kernels.repeats import mark

NUMBERS = {
    "lines": k.LINES,
    "blocks": k.BLOCKS,
    "sentences": k.SENTENCES,
}
ALPHABET = "aAbB 1 \n\n\t..!?…\"')(。！？”“」人山カйЖ,，😀\u3000"
PIECES = [
    "He left",
    "J",
    "e.g",
    ". ",
    ".",
    "?! ",
    "...",
    "。",
    "”",
    "\n",
    "\n\n",
    " ",
    "人山",
    "“",
    "(",
    ") ",
    "3",
    '" ',
    "Ж",
]
TEXTS = st.one_of(st.text(alphabet=ALPHABET, max_size=60), st.lists(st.sampled_from(PIECES), max_size=24).map("".join))


# -- kernels -----------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None, derandomize=True)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), seed=st.integers(0, 99))
def test_passages_and_what_is_left_without_some(texts, seed, plain):
    column = pa.array(["before", *texts], pa.large_string()).slice(1)
    for name, kind in NUMBERS.items():
        firsts, ends, starts = passages = k.split(column, np.ones(len(texts), np.uint8), kind)
        data = np.frombuffer(column.buffers()[2], np.uint8)
        found = [data[a:b].tobytes().decode() for a, b in zip(firsts, ends, strict=True)]
        expected = [plain.spans_of(text, name) for text in texts]
        assert np.diff(starts).tolist() == [len(spans) for spans in expected]
        assert found == [t[a:b] for t, spans in zip(texts, expected, strict=True) for a, b in spans]
        chance = random.Random(seed)
        gone = [{i for i in range(len(spans)) if chance.random() < 0.4} for spans in expected]
        flags = [i in lost for spans, lost in zip(expected, gone, strict=True) for i in range(len(spans))]
        result = k.without(column, passages, np.array(flags, dtype=np.uint8))
        assert result.to_pylist() == [plain.left(*each) for each in zip(texts, expected, gone, strict=True)]


@pytest.mark.parametrize(("text", "sentences"), [
    ('He left. "Why?" asked J. Smith, e.g. the man.', ["He left.", '"Why?"', "asked J. Smith, e.g. the man."]),
    ("It costs 3.14 at a.com! Yes?! (Fine.) And so...on it goes", ["It costs 3.14 at a.com!", "Yes?!", "(Fine.)",
                                                                   "And so...on it goes"]),
    ("1. Knead it\nwell. 2. Bake it", ["1. Knead it\nwell.", "2. Bake it"]),
    ("A title\n\nA text", ["A title", "A text"]),
    ("他走了。“为什么？”她问。好吗?他说：是。", ["他走了。", "“为什么？”", "她问。", "好吗?", "他说：是。"]),
])  # fmt: skip
def test_sentences(text, sentences):
    firsts, ends, _ = k.split(pa.array([text], pa.large_string()), np.ones(1, np.uint8), k.SENTENCES)
    assert [text.encode()[a:b].decode() for a, b in zip(firsts, ends, strict=True)] == sentences


@pytest.mark.parametrize(("text", "expected"), [
    ("hello", "cbd8a7b341bd9b025b1e906a48ae1d19"), ("hello, world", "342fac623a5ebc8e4cdcbc079642414d"), ("", "0" * 32),
    ("The quick brown fox jumps over the lazy dog.", "cd99481f9ee902c9695da1a38987b6e7"),
])  # fmt: skip
def test_hashes_are_those_of_murmur3(text, expected):
    data = np.frombuffer(b"xx" + text.encode() + b"yy", np.uint8)
    high, low = hashes(data, np.array([2]), np.array([len(data) - 2]))[0].tolist()
    assert f"{high:016x}{low:016x}" == expected


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=40), st.integers(1, 3), st.booleans())
def test_marks_where_halves_of_different_keys_are_equal(keys, most, everywhere):
    order = np.array(sorted(range(len(keys)), key=lambda i: (keys[i][0], i)), dtype=np.int64)
    high = np.array([keys[i][0] for i in order], dtype=np.uint64)
    marks, numbers, firsts = np.zeros(len(keys), np.uint8), np.zeros(3, np.int64), np.full(3, -1, np.int64)
    marked = mark(high, order, np.array([low for _, low in keys], np.uint64), most, everywhere, marks, numbers, firsts)
    totals, seen, expected = Counter(keys), Counter(), []
    for key in keys:
        seen[key] += 1
        expected.append(totals[key] > most and (everywhere or seen[key] > most))
    assert marks.tolist() == expected and marked == sum(expected)
    gone = Counter(key for key, flag in zip(keys, expected, strict=True) if flag)
    common = sorted((-number, keys.index(key)) for key, number in gone.items())[:3]
    assert [(-n, f) for n, f in zip(numbers.tolist(), firsts.tolist(), strict=True) if f >= 0] == common
