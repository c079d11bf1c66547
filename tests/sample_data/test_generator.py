"""The generator's parts: grammar, spelling, check digits, broken encodings."""

from __future__ import annotations

import doctest
import ipaddress
import random

import ftfy
import phonenumbers
import pytest

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture
def write(module, tmp_path):
    """Expands a rule of a grammar given as text."""
    grammar, language = module("generator.grammar"), module("generator.language")

    def expand(text: str, rule: str = "start", lang: str = "en", seed: int = 1) -> str:
        path = tmp_path / "rules.txt"
        path.write_text(text, encoding="utf-8")
        writer = grammar.Writer(grammar.Grammar([path]), random.Random(seed), language.number_words(lang))
        return language.finish(writer.expand("{" + rule + "}"), lang)

    return expand


def test_variables_keep_their_attributes(write):
    start = "= start\n{a=who} said {a.he} saw {b=who}, and {b} saw {a.him}.\n"
    text = start + "= who : him=her\nMara :: he=she\nInes :: he=she"
    assert write(text) in ("Mara said she saw Ines, and Ines saw her.", "Ines said she saw Mara, and Mara saw her.")


def test_choices_may_nest_and_be_empty(write):
    seen = {write("= start\nx(a|(b|c)|)y", seed=seed) for seed in range(40)}
    assert seen == {"Xay", "Xby", "Xcy", "Xy"}


def test_numbers_add_up_and_are_spelled(write):
    for seed in range(20):
        n, m, s, word = write("= start\n{n=2..9} {m=n*2} {s=m-n} {s.word}", seed=seed).split()
        assert int(m) == 2 * int(n) and s == n and word in WORDS[2:]


def test_inclusion_and_choice_without_repetition(write):
    text = "= start\n{all} {all} {all}\n= few\none\ntwo\n= all\nthree\n+few"
    assert sorted(write(text).lower().split()) == ["one", "three", "two"]


def test_english_is_finished(write):
    text = '= start\na old man had a hat. he said, "and it rained." "why?" asked she. // a end'
    assert write(text) == 'An old man had a hat. He said, "and it rained." "Why?" asked she.\n\nAn end'


def test_chinese_is_finished(write):
    assert write("= start\n{n=23..23} {n.word} 人 / 1. 走", lang="zh") == "23二十三人\n1.走"


def test_a_rule_defined_twice_is_refused(write):
    with pytest.raises(ValueError, match="defined twice"):
        write("= start\nx\n= start\ny")


def test_too_poor_a_grammar_is_refused(module, tmp_path):
    (tmp_path / "common.txt").write_text("= nothing\nx")
    (tmp_path / "tale.txt").write_text("= tale\none two three four five six seven eight nine ten")
    with pytest.raises(RuntimeError, match="add alternatives"):
        module("generator.corpus").generate(tmp_path, "en", {"tale": 40}, 0, (5, 50))


def test_invented_values_are_valid_and_nobodys(module):
    checks, rng = module("generator.checks"), random.Random(3)
    for lang in ("en", "zh"):
        for _ in range(50):
            values = checks.values(lang, rng)
            address = ipaddress.ip_address(values["ip"])
            assert not address.is_global and not address.is_loopback
            region = "CN" if lang == "zh" else "US"
            assert phonenumbers.is_valid_number(phonenumbers.parse(values["phone"], region))
            assert int(values["id"][6:10]) < 1900
            assert values["email"].rpartition("@")[2].endswith(("example.com", "example.org", "example.net"))


def test_doctests_of_the_generator(module):
    for name in ("checks", "planted"):
        result = doctest.testmod(module(f"generator.{name}"))
        assert result.attempted and not result.failed


@pytest.mark.parametrize("text", ["“It’s late,” she said.", "春天来了，燕子飞回来了。"])
def test_broken_encodings_can_be_repaired(module, text):
    broken = module("generator.planted").mojibake(text)
    assert broken != text
    assert ftfy.fix_text(broken, uncurl_quotes=False, fix_character_width=False) == text
