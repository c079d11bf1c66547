"""The bad word rule against a plain search with regular expressions, in English, Chinese and other languages."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.profanity import ENDINGS, builtin, spelled_out
from aigc_cli.clean.recipe import described, prepare, rules_of
from aigc_cli.clean.rules import c4_badwords
from aigc_cli.clean.rules.c4_badwords import Options, Words
from aigc_cli.core.errors import ConfigError

PIECES = ["mud", "MUD", "mudd", "bog", "big bog", "Schlamm", "грязь", "ГРЯЗЬ", "泥", "泥巴", "沼泽", " ", "_", ".", "7",
          "é", "不"]  # fmt: skip
LISTED = ["mud", "big bog", "schlamm", "Грязь", "泥巴", "沼"]


def batch(texts, lang=None):
    langs = lang if isinstance(lang, list) else [lang] * len(texts)
    return pa.RecordBatch.from_arrays(
        [pa.array(texts, pa.large_string()), pa.array(langs, pa.string())], names=["text", "lang"]
    )


def dropped(texts, lang=None, **options):
    outcome = c4_badwords.apply(batch(texts, lang), Options(**options))
    return [bool(reason) for reason in (outcome.reasons.tolist() if outcome.reasons else [None] * len(texts))]


def plain(text, listed):
    """What the rule says, by regular expressions: letters of scripts without spaces are no bounds."""
    open_ended = r"[\u4e00-\u9fff]"
    for word in listed:
        if re.search(open_ended, word):
            if word in text:
                return True
        else:
            for match in re.finditer(re.escape(word.lower()), text.lower()):
                beside = text[max(match.start() - 1, 0) : match.start()] + text[match.end() : match.end() + 1]
                if not re.search(r"\w", re.sub(open_ended, "", beside)):
                    return True
    return False


@settings(max_examples=300, deadline=None)
@given(text=st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_words_are_found_as_a_plain_search_finds_them(text):
    assert (Words(LISTED).first(pa.array([text], pa.large_string())) != {}) == plain(text, LISTED)


def test_the_projects_list_is_of_the_documents_language():
    swears = ["What bullshit this is.", "Such fuckers!", "他说你他妈的傻逼走开", "the word Scunthorpe is no swear word"]
    assert dropped(swears, "en") == [True, True, False, False]
    assert dropped(swears, "zh") == [False, False, True, False]
    assert dropped(swears, None) == dropped(swears, "und") == dropped(swears, "en-GB") == [True, True, False, False]
    assert dropped(["Filmen är slut."], "sv") == [False]  # the end, in Swedish
    assert dropped(["这个 fuck 不好", "说fuck的人"], None) == [True, True]  # Han characters part words


def test_a_star_stands_for_nothing_and_every_ending():
    assert spelled_out(["mud*", "bog"]) == ["mud", *("mud" + ending for ending in ENDINGS), "bog"]
    assert all(dropped([word], "en" if word.isascii() else "zh")[0] for word in spelled_out(builtin()))


def test_lists_of_ones_own(tmp_path):
    (tmp_path / "de.txt").write_text("# Wörter\nschlamm\nGÜLLE # und so\n", encoding="utf-8")
    (tmp_path / "any.txt").write_text("swamp\n", encoding="utf-8")
    files = {"de": str(tmp_path / "de.txt"), "all": [str(tmp_path / "any.txt")]}
    texts = ["der Schlamm", "die gülle", "a SWAMP", "shit"]
    assert dropped(texts, "de", files=files) == [True, True, True, False]
    assert dropped(texts, "fr", files=files) == [False, False, True, False]
    assert dropped(texts, None, files=files, builtin=False) == [False, False, True, False]
    before = described(rules_of(CleanOptions(rules=[{"c4_badwords": {"files": files}}])))
    (tmp_path / "any.txt").write_text("marsh\n", encoding="utf-8")
    assert described(rules_of(CleanOptions(rules=[{"c4_badwords": {"files": files}}]))) != before
    assert dropped(["a swamp", "a marsh"], "fr", files=files) == [False, True]


def test_a_fraction_stays_by_the_text_alone():
    texts = [f"bullshit number {i}" for i in range(2000)]
    decided = dropped(texts, "en", keep_fraction=0.3, seed=7)
    assert decided == [xxhash.xxh64_intdigest(t.encode(), seed=7) / 2**64 >= 0.3 for t in texts]
    assert 0.26 < 1 - sum(decided) / len(texts) < 0.34
    assert decided[::-1] == dropped(texts[::-1], "en", keep_fraction=0.3, seed=7)
    assert not any(dropped(texts, "en", keep_fraction=1.0)) and all(dropped(texts, "en"))


def test_the_words_that_decided_are_counted():
    outcome = c4_badwords.apply(batch(["shit happens", "shit, fuck", "fine"], "en"), Options())
    assert outcome.counts == {"word:shit": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is not there"), (b"", "is empty"), (b"# nothing\n", "is empty"), (b"ok\nw\xff\n", "line 2"),
     (b"a\n", "too short")],
)  # fmt: skip
def test_lists_that_cannot_be_used_are_refused(tmp_path, content, message):
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        prepare(rules_of(CleanOptions(rules=[{"c4_badwords": {"files": {"en": str(path)}}}])))


def test_wrong_options_are_refused(tmp_path):
    for values in ({"files": {"en": []}}, {"files": {"en": 3}}, {"builtin": False}, {"keep_fraction": 2}):
        with pytest.raises(ConfigError):
            rules_of(CleanOptions(rules=[{"c4_badwords": values}]))
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b\x08broken")
    with pytest.raises(ConfigError, match="cannot be read"):
        prepare(rules_of(CleanOptions(rules=[{"c4_badwords": {"files": {"en": str(tmp_path / "cut.gz")}}}])))
