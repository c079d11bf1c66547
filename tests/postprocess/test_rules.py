import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_cli.core.errors import AigcError, ConfigError
from aigc_cli.postprocess.lines import words
from aigc_cli.postprocess.rules import (
    DEFAULT,
    RULES,
    build,
    copied,
    duplicates,
    language,
    length,
    pii,
    profanity,
    repetition,
)

SWEAR = profanity.make(profanity.Options())


def test_rules_come_from_the_yaml_list():
    assert tuple(build([], {}, [])) == DEFAULT
    checks = build(["repetition", {"length": {"min_words": 3}}], {"length": {"max_words": 4}}, ["repetition"])
    assert [checks["length"](t, 0).reason for t in ("a b", "a b c", "a b c d e")] == [
        "2 words, fewer than 3",
        "",
        "5 words, more than 4",
    ]


@pytest.mark.parametrize(
    ("rules", "skip", "hint"),
    [
        (["lenght"], [], "length"),
        ([{"length": {"min_wrds": 1}}], [], "min_words"),
        (["length", {"length": {}}], [], "once"),
        ([{"length": 5}], [], "write"),
        ([["length"]], [], "write"),
        (["length"], ["pii"], "length"),
        (["language"], [], "keep"),
        (["copied"], [], "shards"),
    ],
)
def test_wrong_recipes_are_explained(rules, skip, hint):
    with pytest.raises(ConfigError) as caught:
        build(rules, {}, skip)
    assert hint in caught.value.hint


def test_every_rule_of_the_table_has_options_and_make():
    for name in RULES:
        module = __import__(f"aigc_cli.postprocess.rules.{name}", fromlist=["Options"])
        assert module.Options() is not None and callable(module.make)


def test_length_counts_han_characters_as_words():
    assert length.make(length.Options())("你好 world", 0).value == 3
    assert length.make(length.Options())(" \n", 0).reason


@pytest.mark.parametrize("text", ["go on and on " * 5, "很好很好很好很好很好很好很好", "a" * 40, "x\n" * 30])
def test_loops_are_found(text):
    assert repetition.make(repetition.Options())(text, 0).reason


@pytest.mark.parametrize(
    "text", ["", "ha ha ha, he said", "-----", "A text that says each thing once and then ends.", "   " * 20]
)
def test_plain_texts_are_no_loops(text):
    assert not repetition.make(repetition.Options())(text, 0).reason


def test_repeated_phrases_apart_are_found():
    text = " ".join(f"the old king of the land said {n} words" for n in ["one", "two", "three", "four", "five", "six"])
    assert "repeated 5-grams" in repetition.make(repetition.Options())(text, 0).reason


@pytest.mark.parametrize(
    "text",
    [
        "fuck",
        "FUCKING hell",
        "f u c k you",
        "f.u.c.k",
        "fuuuck",
        "sh1t",
        "$hit",
        "ｆｕｃｋ",
        "f*ck",
        "fu\u200bck",
        "你这傻逼",
        "傻 逼",
        "操.你.妈",
        "motherfucker!",
    ],
)
def test_swear_words_are_found_in_disguise(text):
    assert SWEAR(text, 0).reason


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe",
        "first class",
        "assess",
        "assassin",
        "shiitake",
        "Matsushita",
        "他很傻，逼我走",
        "妈妈的手机",
        "cum laude",
        "Dick Cheney",
        "cockpit",
        "5417",
        "0x5417",
        "swanky",
        "shift",
        "shuttle",
        "",
    ],
)
def test_innocent_words_are_not(text):
    assert not SWEAR(text, 0).reason


def test_own_words_are_added_or_replace(tmp_path):
    (tmp_path / "w.txt").write_text("# mine\nblorb*\n甲乙\n", encoding="utf-8")
    check = profanity.make(profanity.Options(words=tmp_path / "w.txt"))
    assert check("blorbing", 0).value == ["blorbing"] and check("甲乙", 0).reason and check("shit", 0).reason
    only = profanity.make(profanity.Options(words=tmp_path / "w.txt", builtin=False))
    assert only("blorb", 0).reason and not only("shit", 0).reason
    with pytest.raises(ConfigError):
        profanity.make(profanity.Options(builtin=False))
    with pytest.raises(ConfigError):
        profanity.make(profanity.Options(words=tmp_path / "absent.txt"))


def test_personal_data_is_named_but_not_repeated():
    finding = pii.make(pii.Options())("Write to ann@mail.org, card 4111111111111111", 0)
    assert finding.value == {"card": 1, "email": 1} and "ann" not in finding.reason
    assert not pii.make(pii.Options())("card 4111111111111112 in 2024", 0).reason


def test_language():
    check = language.make(language.Options(keep=["en"]))
    assert not check("The cat sat on the mat and looked at the moon.", 0).reason
    assert check("我喜欢猫，也喜欢狗。", 0).reason and check("Le chat est assis sur le tapis rouge.", 0).reason


def jaccard(a, b, n=3):
    sets = []
    for text in (a, b):
        found = words(text)
        k = min(n, len(found))
        sets.append({tuple(found[i : i + k]) for i in range(len(found) - k + 1)} if k else {text})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join), max_size=12),
    st.sampled_from([0.3, 0.5, 0.8, 1.0]),
)
def test_duplicates_equal_the_pairwise_search(texts, threshold):
    check = duplicates.make(duplicates.Options(near=threshold))
    kept = []
    for number, text in enumerate(texts):
        dropped = any(jaccard(text, other) >= threshold for other in kept)
        assert bool(check(text, number).reason) == dropped
        if not dropped:
            kept.append(text)


def test_exact_duplicates_ignore_case_and_punctuation():
    check = duplicates.make(duplicates.Options())
    assert not check("The cat sat.", 0).reason
    assert check("the cat, sat", 1).reason == "the same as record 0"


def test_copied_spans_are_measured(tmp_path):
    import pyarrow as pa

    from aigc_cli.core.shard_writer import ShardWriter
    from aigc_cli.core.shards import DOCUMENT_SCHEMA

    rng = random.Random(1)
    training = [" ".join(rng.choice(["ka", "lo", "mi", "tu", "re", "so"]) for _ in range(200)) for _ in range(3)]
    rows = {name: [None] * 3 for name in DOCUMENT_SCHEMA.names} | {"text": training, "record": [0, 1, 2]}
    writer = ShardWriter(tmp_path / "shards", DOCUMENT_SCHEMA)
    writer.write(pa.record_batch([pa.array(rows[f.name], f.type) for f in DOCUMENT_SCHEMA], schema=DOCUMENT_SCHEMA))
    writer.close()
    check = copied.make(copied.Options(shards=tmp_path / "shards", max_words=20))
    span = training[1].split()[50:90]
    texts = ["Q " + " ".join(span) + " Z", "nothing of it", " ".join(itertools.chain(span[:10], ["Q"], span[:5]))]
    check.prepare(texts)
    found = [check(text, i) for i, text in enumerate(texts)]
    assert found[0].value["words"] == 40 and "document 1" in found[0].reason
    assert not found[1].reason and found[2].value["words"] >= 10 and not found[2].reason


def test_shards_without_text_are_refused(tmp_path):
    with pytest.raises(AigcError):
        copied.make(copied.Options(shards=tmp_path))
