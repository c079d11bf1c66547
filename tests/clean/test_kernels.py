"""Kernels against plain Python."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.clean.kernels import flags, lines, marks, repetition, scan, shingles, text, tokens
from aigc_cli.core import jit

STOP = ["the", "a", "的", "一"]


def column(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def batches(reference):
    return st.lists(reference.texts, min_size=1, max_size=4)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_scan_counts_what_the_definitions_say(reference, data):
    texts = data.draw(batches(reference))
    found = scan.scan(column(texts))
    listed, stop = scan.StopWords({"de": ["cat"], "en": STOP}).count(column(texts), ["en"] * len(texts))
    assert listed.all()
    for i, one in enumerate(texts):
        expected = reference.scan(one)
        folded = {"".join(c.lower() if c.isascii() else c for c in w) for w in reference.words(one)}
        assert stop[i] == len(folded & set(STOP))
        assert {name: int(getattr(found, name)[i]) for name in scan.FIELDS} == expected, repr(one)
    assert (found.classes.sum(axis=1) == found.chars).all()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_tokens_are_what_the_rule_says(reference, data):
    texts = data.draw(batches(reference))
    found = tokens.tokens(column(texts))
    seen: dict[int, str] = {}
    for i, one in enumerate(texts):
        part = slice(found.starts[i], found.starts[i + 1])
        expected = reference.tokens(one)
        assert found.sizes[part].tolist() == [len(token) for token in expected], repr(one)
        assert found.kinds[part].tolist() == [reference.kind(token) for token in expected], repr(one)
        for value, token in zip(found.hashes[part].tolist(), expected, strict=True):
            assert seen.setdefault(value, token) == token
        assert found.all[i] == len(expected) and found.chars[i].sum() == sum(map(len, expected))
    assert len(set(seen.values())) == len(seen)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, don't (see foo-bar.txt). He's U.S. \"I'll go.\"",
         "Hello|,|do|n't|(|see|foo-bar.txt|)|.|He|'s|U.S.|\"|I|'ll|go|.|\""),
        ("http://a.b/c-d?x=y well-known 3.14 1,000 10% $5", "http://a.b/c-d?x=y|well|-|known|3.14|1,000|10|%|$|5"),
        ("wait... what?! f(x) a/b --help ====", "wait|...|what|?|!|f(x|)|a|/|b|--help|=|=|=|="),
        ("我们，来。Hello世界3.5元", "我|们|，|来|。|Hello|世|界|3.5|元"),
        ("ann@mail.org, end.Next it's 1990's", "ann@mail.org|,|end|.|Next|it|'s|1990|'s"),
    ],
)  # fmt: skip
def test_tokens_of_plain_examples(reference, text, expected):
    assert "|".join(reference.tokens(text)) == expected
    assert len(tokens.tokens(column([text])).sizes) == len(expected.split("|"))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_repetition_counts_what_the_definitions_say(reference, data):
    texts = data.draw(batches(reference))
    rows, words = lines.lines(column(texts)), tokens.tokens(column(texts))
    for counted in (True, False):
        found = repetition.repetition(words if counted else words.without_marks(), words.by_character)
        for i, one in enumerate(texts):
            expected = reference.repetition(one, counted)
            mine = {
                "lines": rows.count[i], "dup_lines": rows.again[i], "dup_line_chars": rows.again_chars[i],
                "paragraphs": rows.paragraphs[i], "dup_paragraphs": rows.paragraphs_again[i],
                "dup_paragraph_chars": rows.paragraphs_again_chars[i],
                **{name: values[i] for name, values in found.items()},
            }  # fmt: skip
            assert mine == expected, repr(one)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_lines_are_those_of_the_text(reference, data):
    texts = data.draw(batches(reference))
    found = lines.lines(column(texts))
    raw = "".join(texts).encode()
    ends = {
        lines.ENDED: lambda s: bits(s[-1]) & marks.TERMINAL,
        lines.QUOTED: lambda s: bits(s[-1]) & marks.QUOTE and bits(strip(s[:-1])[-1:]) & marks.TERMINAL,
    }

    def bits(c):
        return marks.mark_table()[ord(c)] if c and ord(c) < len(marks.mark_table()) else 0

    strip = reference.right
    for i, one in enumerate(texts):
        table = found.table[found.starts[i] : found.starts[i + 1]]
        expected = reference.lines(one)
        assert [raw[a:b].decode() for a, b in table[:, :2].tolist()] == expected
        assert table[:, lines.CHARS].tolist() == [len(line) for line in expected]
        for bit, rule in ends.items():
            assert (table[:, lines.FLAGS] & bit != 0).tolist() == [bool(rule(line)) for line in expected]
        assert found.feeds[i] == one.count("\n")


@settings(max_examples=80, deadline=None)
@given(data=st.data(), length=st.integers(1, 5))
def test_shingles_are_the_runs_of_words(reference, data, length):
    texts = data.draw(batches(reference))
    hashes, starts = shingles.shingles(column(texts), length)
    seen: dict[int, tuple[str, ...]] = {}
    for i, one in enumerate(texts):
        folded = ["".join(c.lower() if c.isascii() else c for c in w) for w in reference.words(one)]
        runs = [tuple(folded[k : k + length]) for k in range(max(len(folded) - length + 1, min(len(folded), 1)))]
        mine = hashes[starts[i] : starts[i + 1]].tolist()
        assert len(mine) == len(runs)
        for value, run in zip(mine, runs, strict=True):
            assert seen.setdefault(value, run) == run
    assert len(set(seen.values())) == len(seen)


def test_a_slice_of_a_column_is_read_where_it_lies():
    whole = column(["one two", "three", "the the", "人人"])
    assert scan.scan(whole[1:3]).words.tolist() == [1, 2]
    assert scan.scan(whole[3:]).character_words.tolist() == [2]
    assert scan.scan(pa.array(["a b", None], pa.string())).words.tolist() == [2, 0]
    assert scan.scan(column([])).words.tolist() == []


def test_the_share_of_equal_minima_estimates_the_jaccard_similarity():
    rng = np.random.default_rng(0)
    common, left, right = (rng.integers(0, 2**64, n, dtype=np.uint64) for n in (600, 200, 200))
    sets = [np.unique(np.concatenate([common, part])) for part in (left, right)]
    starts = np.array([0, len(sets[0]), len(sets[0]) + len(sets[1])])
    joined = np.concatenate(sets)
    truth = shingles.jaccard(joined, starts, np.array([0]), np.array([1]))[0]
    assert truth == pytest.approx(0.6)
    keys = shingles.bands(joined, starts, bands=600, rows=1, seed=1)
    assert (keys[0] == keys[1]).mean() == pytest.approx(truth, abs=0.06)


def test_jaccard_equals_that_of_python_sets():
    sets = [np.array(sorted(s), dtype=np.uint64) for s in ({1, 2, 3}, {2, 3, 4, 5}, {9}, {1, 2, 3})]
    starts = np.cumsum([0, *map(len, sets)])
    left, right = np.array([0, 0, 0, 2]), np.array([1, 2, 3, 2])
    assert shingles.jaccard(np.concatenate(sets), starts, left, right).tolist() == [2 / 5, 0, 1, 1]


def test_documents_without_words_have_no_bands():
    hashes, starts = shingles.shingles(column(["...", "", "one word"]), 5)
    keys = shingles.bands(hashes, starts, bands=3, rows=2, seed=0)
    assert (keys[:2] == 0).all() and (keys[2] != 0).all()


@pytest.mark.parametrize(
    ("one", "bit"),
    [("cafÃ© now", flags.MOJIBAKE), ("Р°Р±", flags.MOJIBAKE), ("a\x07b", flags.CONTROL), ("\ufeffa", flags.CONTROL),
     ("a &amp; b", flags.ENTITY), ("e\u0301", flags.COMPOSABLE), ("a\r\nb", flags.CARRIAGE), ("a \nb", flags.TRAILING),
     ("a ", flags.TRAILING), ("a\n\n\nb", flags.BLANKS), ("a\u3000b", flags.ODD_SPACE), ("\na", flags.EDGE),
     ("a\u200bb", flags.INVISIBLE), ("a@b", flags.AT), ("1234 567", flags.DIGITS), ("fe80::1", flags.COLONS),
     ("ip 1.2.3.4", flags.QUAD)],
)  # fmt: skip
def test_each_flag_is_raised_by_its_cause(one, bit):
    clean = "Plain text, with “quotes” & é; 123, 4567 and 12345 of 中文，也没有问题。\n\nNext 12: 9:30.\n" + "end"
    raised = flags.flags(column([one, clean])).documents
    assert raised[0] & bit
    assert raised[1] == 0


def test_a_changed_kernel_gets_another_cache_folder_and_an_unwritable_one_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jit.cache_folder.cache_clear()
    try:
        first = jit.cache_folder()
        assert first is not None and first.is_dir() and tmp_path in first.parents
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        jit.cache_folder.cache_clear()
        assert jit.cache_folder() is None
        code = "from aigc_cli.core import jit\nprint(jit.kernel(jit.INT64, returns=jit.INT64)(lambda x: x + 1)(1))"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert out.stdout.strip() == "2"
    finally:
        monkeypatch.undo()
        jit.cache_folder.cache_clear()


BOUNDS = """
import random
import numpy as np, pyarrow as pa
from aigc_cli.clean.kernels import c4, cluster, flags, lines, phrases, repetition, scan, shingles, tokens
np.seterr(over="ignore")
random.seed(0)
texts = ["".join(random.choices("ab 1\\n.-@:&;\\u00e9\\u4eba\\u2026\\U0001f600", k=n % 41)) for n in range(123)]
for column in (pa.array(texts, pa.large_string()), *(pa.array([t], pa.large_string()) for t in texts[:41])):
    scan.scan(column), flags.flags(column), lines.lines(column)
    found = tokens.tokens(column)
    repetition.repetition(found, found.by_character)
    look_for = phrases.Phrases(["ab", "a.", "\\u4eba"])
    look_for.find(column, bounded=True)
    c4.c4(column, c4.Settings(True, True, True, True, 1, 1, 3), look_for, 0)
    scan.StopWords({"en": ["a"]}).count(column, ["en"] * len(column))
    hashes, starts = shingles.shingles(column, 3)
    shingles.bands(hashes, starts, bands=2, rows=2, seed=0)
"""


def test_kernels_stay_within_their_arrays():
    # Without compilation every index is checked.
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", BOUNDS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_character_classes():
    table = text.class_table()
    expected = {"a": text.LATIN, "é": text.LATIN, "я": text.CYRILLIC, "山": text.HAN, "の": text.KANA, "ー": text.KANA,
                "한": text.HANGUL, "5": text.DIGIT, "，": text.PUNCTUATION, "\u3000": text.SPACE, "ก": text.UNSPACED,
                "々": text.HAN, "〇": text.HAN, "😀": text.SYMBOL, "𝐀": text.LETTER}  # fmt: skip
    assert {c: int(table[ord(c)]) for c in expected} == expected


def test_flags_of_lines_say_where_to_look():
    texts = ["plain\na@b 1234567\n\nmore", "", "x 1.2.3.4", "first\nsecond\n"]
    found = flags.flags(column(texts))
    assert [(row, bits) for row, _, _, bits in found.lines.tolist()] == [(0, flags.AT | flags.DIGITS), (2, flags.QUAD)]
    assert found.rewrite(0, flags.AT, lambda line, bits: line.upper()) == "plain\nA@B 1234567\n\nmore"
    assert found.rewrite(2, flags.AT, lambda line, bits: "") is None and found.text(3) == texts[3]
    assert found.rows(flags.QUAD | flags.AT) == [0, 2]
