"""The rules one by one, against their definitions and published vectors."""

from __future__ import annotations

import pyarrow as pa
import pytest

from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.recipe import module, rules_of
from aigc_cli.clean.rules import GLOBAL, RULES
from aigc_cli.clean.rules.gopher_quality import Options as Quality
from aigc_cli.clean.rules.gopher_repetition import Options as Repetition
from aigc_cli.clean.rules.language import detect
from aigc_cli.clean.rules.pii import Options as Pii
from aigc_cli.clean.rules.pii import redact
from aigc_cli.core.errors import ConfigError

ENGLISH = (
    "The harbour was quiet when the last boat came home with its small catch of herring. An old man stood on the "
    "wall and counted the baskets, as he had done every evening since the war. Nobody asked him to do it, and nobody "
    "would have known what to say if he had stopped. Later that night the wind turned, and by morning the sea had "
    "taken a part of the lower path."
)
CHINESE = (
    "清晨的集市上人很多，卖菜的老人把青菜摆得整整齐齐。他说这些菜是昨天晚上从自己的地里摘来的，所以还带着露水。"
    "一个孩子蹲在旁边看了很久，后来问他为什么不多种一些西瓜。老人笑着回答，种瓜要等一个夏天，而青菜每个月都能收。"
)


def batch(*texts: str, lang: str | None = None) -> pa.RecordBatch:
    columns = [pa.array(texts, pa.large_string()), pa.array([lang] * len(texts), pa.string())]
    return pa.RecordBatch.from_arrays(columns, names=["text", "lang"])


def run(rule: str, *texts: str, lang: str | None = None, **options):
    rule_module = module(rule)
    return rule_module.apply(batch(*texts, lang=lang), rule_module.Options(**options))


def reasons(outcome, count: int) -> list[str | None]:
    return outcome.reasons.tolist() if outcome.reasons else [None] * count


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_has_options_and_says_what_it_records(rule):
    found = module(rule)
    assert found.__doc__ and found.Options() == found.Options()
    if rule not in GLOBAL:
        outcome = run(rule, ENGLISH, CHINESE, "")
        assert set(outcome.stats) == set(found.STATS)
        assert all(len(values) == 3 for values in outcome.stats.values())


# -- unicode and whitespace --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "right"),
    [("The cafÃ© is closed", "The café is closed"), ("donâ€™t", "don’t"), ("ä½\xa0å¥½", "你好"),
     ("РџСЂРёРІРµС‚", "Привет"), ("a\x07b\x1b[31mred\x1b[0m", "abred"), ("Tom &amp; Ann", "Tom & Ann"),
     ("e\u0301cole", "école"), ("\ufeffstart", "start")],
)  # fmt: skip
def test_unicode_repairs(broken, right):
    assert run("unicode", broken).text == {0: right}


@pytest.mark.parametrize(
    "fine",
    [ENGLISH, CHINESE, "“Quotes” – dashes… ﬁ ① ％，ＡＢＣ", "naïve façade; Сёстры", "AT&T &c; a < b &amp; <p>",
     "👩‍👩‍👧 می‌خواهم", "Ünïcödé\ttab\r\nline", "日本語のテキスト、ガギグ"],
)  # fmt: skip
def test_unicode_leaves_good_text_alone(fine):
    assert run("unicode", fine).text == {}


def test_nfkc_also_makes_compatible_characters_plain():
    assert run("unicode", "ＡＢＣ ①", normalization="NFKC").text == {0: "ABC 1"}


def test_whitespace_is_tidied_and_indentation_stays():
    text = "\n\n  def f():\r\n\treturn 1  \n\n\n\nx\u00a0y\u200b\u3000z \n"
    assert run("whitespace", text).text == {0: "  def f():\n\treturn 1\n\nx y z"}
    assert run("whitespace", ENGLISH, CHINESE, "a  b\n\n    c").text == {}
    assert run("whitespace", "a  b\n    c", collapse=True).text == {0: "a b\n    c"}


# -- language and length -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language"),
    [(ENGLISH, "en"), (CHINESE, "zh"), ("今日はとても天気がいい。", "ja"), ("오늘은 날씨가 좋습니다.", "ko"),
     ("Καλημέρα σας, τι κάνετε σήμερα;", "el"), ("Сегодня хорошая погода, мы идём в парк.", "ru"),
     ("Der Hund läuft durch den Garten.", "de"), ("用 pip install 命令装 numpy 包，再运行。", "zh"),
     ("Il fait beau aujourd'hui et nous allons à la plage.", "fr"), ("สวัสดีครับ วันนี้อากาศดีมาก", "th")],
)  # fmt: skip
def test_languages_are_told(text, language):
    found, score = detect(text)
    assert found == language and 0.5 < score <= 1


def test_language_drops_only_when_asked_and_respects_what_documents_say():
    assert run("language", ENGLISH, CHINESE).reasons is None
    assert run("language", ENGLISH, CHINESE, keep=["en"]).reasons.tolist() == [None, "language_zh"]
    assert run("language", ENGLISH, lang="de", keep=["en"]).reasons.tolist() == ["language_de"]
    assert run("language", ENGLISH, lang="de", keep=["en"], detect="all").reasons.tolist() == [None]
    assert run("language", "12 + 34 = 46").languages == ["und"]


def test_length_counts_words_of_english_and_characters_of_chinese():
    texts = ["", "one two three", "床前明月光，疑是地上霜。举头望明月，低头思故乡。", "春眠", ENGLISH]
    assert reasons(run("length", *texts), 5) == ["empty", "short", None, "short", None]
    assert reasons(run("length", *texts, min_words=3, min_characters=2, max_words=60), 5)[1:] == [
        None,
        None,
        None,
        "long",
    ]


# -- Gopher ------------------------------------------------------------------------------------------------------


def quality_by_the_paper(reference, text: str) -> bool:
    """Whether a document of letters passes, in the words of Rae et al. 2021, A.1.1; marks are words in the shares."""
    tokens = reference.tokens(text)
    words = [t for t in tokens if reference.kind(t) >= 2]
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    share = lambda hits: sum(hits) / len(lines)  # noqa: E731
    return (
        50 <= len(words) <= 100_000
        and 3 <= sum(map(len, words)) / len(words) <= 10
        and text.count("#") / len(tokens) <= 0.1
        and text.count("...") / len(tokens) <= 0.1
        and share(line.startswith("•") for line in lines) <= 0.9
        and share(line.endswith("...") for line in lines) <= 0.3
        and sum(any(c.isalpha() for c in w) for w in words) / len(tokens) >= 0.8
        and len({"the", "be", "to", "of", "and", "that", "have", "with"} & {w.lower() for w in words}) >= 2
    )


CASES = {
    "prose": ENGLISH,
    "short": " ".join(ENGLISH.split()[:40]),
    "hashes": ENGLISH + " #" * 8,
    "few hashes": ENGLISH + " #" * 6,
    "ellipses": ENGLISH.replace(". ", "... ") + " ..." * 6,
    "bullets": "\n".join("• " + " ".join(ENGLISH.split()[i : i + 6]) for i in range(0, 60, 6)),
    "bullets but one": "Ten facts:\n" + "\n".join("• " + " ".join(ENGLISH.split()[i : i + 6]) for i in range(0, 54, 6)),
    "ellipsis lines": "\n".join(" ".join(ENGLISH.split()[i : i + 6]) + "..." * (i < 24) for i in range(0, 60, 6)),
    "numbers": ENGLISH + " 12 34 56" * 8,
    "no stop words": " ".join(f"{a}{b}" for a in ("gull", "reed", "clay") for b in ("ock", "ane", "ist", "ern") * 5),
    "long words": " ".join(["the of", *["characteristically"] * 60]),
    "short words": " ".join(["the of", *["ab"] * 60]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_gopher_quality_decides_as_the_paper_says(reference, name):
    outcome = run("gopher_quality", CASES[name], lang="en")
    assert (reasons(outcome, 1)[0] is None) == quality_by_the_paper(reference, CASES[name])


def test_the_cases_cover_every_reason_of_gopher_quality():
    found = {reasons(run("gopher_quality", text, lang="en"), 1)[0] for text in CASES.values()}
    assert found >= {None, "min_words", "min_mean_word_length", "max_mean_word_length", "max_symbol_ratio",
                     "max_bullet_lines", "max_ellipsis_lines", "min_alpha_words", "min_stop_words"}  # fmt: skip


def test_published_thresholds_are_the_defaults():
    assert vars(Quality()) | {"min_characters": 0, "max_characters": 0} == {
        "min_words": 50, "max_words": 100_000, "min_characters": 0, "max_characters": 0, "min_mean_word_length": 3,
        "max_mean_word_length": 10, "max_symbol_ratio": 0.1, "max_bullet_lines": 0.9, "max_ellipsis_lines": 0.3,
        "min_lines": 1, "min_alpha_words": 0.8, "min_stop_words": 2, "stop_words_from": 50, "count_marks": True,
        "by_language": None,
    }  # fmt: skip
    assert vars(Repetition()) == {
        "min_words": 0, "dup_lines": 0.3, "dup_paragraphs": 0.3, "dup_line_chars": 0.2, "dup_paragraph_chars": 0.2,
        "top_2gram": 0.2, "top_3gram": 0.18, "top_4gram": 0.16, "dup_5gram": 0.15, "dup_6gram": 0.14, "dup_7gram": 0.13,
        "dup_8gram": 0.12, "dup_9gram": 0.11, "dup_10gram": 0.1, "count_marks": True, "by_language": None,
    }  # fmt: skip


def test_chinese_is_not_measured_by_english_words():
    assert run("gopher_quality", CHINESE).reasons is None
    assert run("gopher_quality", CHINESE, lang="zh").reasons is None
    silent = (
        "".join(
            c for c in CHINESE if c not in "的一是不了在人有我他这个们来到时大地为子中说和要她出也得之其以而于无就着"
        )
        * 2
    )
    assert reasons(run("gopher_quality", silent), 1) == ["min_stop_words"]
    assert reasons(run("gopher_quality", CHINESE.replace("，", "……") + "……好" * 20), 1) == ["max_symbol_ratio"]
    listed = "\n".join("·" + CHINESE[i : i + 12].lstrip("，。") for i in range(0, 96, 12))
    assert reasons(run("gopher_quality", listed), 1) == ["max_bullet_lines"]


def test_english_in_a_document_that_says_it_is_chinese_is_asked_for_english_stop_words():
    assert run("gopher_quality", ENGLISH, lang="zh").reasons is None


def repetition_by_the_paper(reference, text: str) -> str | None:
    """The first limit of table A1 that a text exceeds."""
    counts, chars = reference.repetition(text), len(text)
    limits = {
        "dup_lines": (counts["dup_lines"] / counts["lines"], 0.3),
        "dup_paragraphs": (counts["dup_paragraphs"] / counts["paragraphs"], 0.3),
        "dup_line_chars": (counts["dup_line_chars"] / chars, 0.2),
        "dup_paragraph_chars": (counts["dup_paragraph_chars"] / chars, 0.2),
    }
    for n, limit in zip(range(2, 11), (0.2, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.1), strict=True):
        name = f"{'top' if n < 5 else 'dup'}_{n}gram"
        limits[name] = (counts[f"{name}_chars"] / chars, limit)
    return next((name for name, (value, limit) in limits.items() if value > limit), None)


LINES = ENGLISH.replace(". ", ".\n")
REPETITIVE = {
    ENGLISH: False,
    CHINESE: False,
    "Same line here\n" * 5 + LINES: True,
    f"{ENGLISH}\n\n{ENGLISH}": True,
    f"{LINES}\n\n{LINES.splitlines()[0]}": True,
    f"A\n\nB\n\n{ENGLISH}\n\nA\n\nB": True,
    "of the " * 14 + ENGLISH: True,
    "New York " * 8 + ENGLISH: True,
    ENGLISH + " " + " ".join(ENGLISH.split()[:14]): True,
    ENGLISH + " " + " ".join(ENGLISH.split()[:5]): False,
    CHINESE + CHINESE[:26]: True,
    CHINESE + CHINESE[:14]: False,
}


@pytest.mark.parametrize("text", REPETITIVE, ids=range(len(REPETITIVE)))
def test_gopher_repetition_decides_as_the_paper_says(reference, text):
    expected = repetition_by_the_paper(reference, text)
    assert (expected is not None) == REPETITIVE[text]
    assert reasons(run("gopher_repetition", text), 1) == [expected]
    assert run("gopher_repetition", text, min_words=500).reasons is None


# -- personal data -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Mail ann.lee+x@mail.example.co.uk.", "Mail [EMAIL]."),
        ("请写信给zhang@example.com联系", "请写信给[EMAIL]联系"),
        ("Server 8.8.4.4 answered", "Server [IP] answered"),
        ("服务器8.8.4.4已停", "服务器[IP]已停"),
        ("from 2a00:1450:4001:81b::200e at 12:30:45", "from [IP] at 12:30:45"),
        ("身份证号11010519491231002X。", "身份证号[ID]。"),
        ("SSN 219-09-9999", "SSN [ID]"),
        ("card 4111 1111 1111 1111 ok", "card [CARD] ok"),
        ("5500-0000-0000-0004", "[CARD]"),
        ("378282246310005", "[CARD]"),
        ("IBAN GB82 WEST 1234 5698 7654 32 please", "IBAN [IBAN] please"),
        ("DE89370400440532013000", "[IBAN]"),
        ("Call (650) 253-0000 or +44 20 7031 3000.", "Call [PHONE] or [PHONE]."),
        ("手机13800138000，或 010-62781234", "手机[PHONE]，或 [PHONE]"),
        ("电话：+86 138 0013 8000", "电话：[PHONE]"),
    ],
)
def test_personal_data_is_replaced(text, redacted):
    assert redact(text)[0] == redacted


@pytest.mark.parametrize(
    "text",
    [
        "192.168.0.1, 127.0.0.1, 10.1.2.3, fe80::1, ::1 and 2001:db8::1 lead to no one",
        "version 1.2.3.4 and 1.2.3.4.5 and 300.1.1.1",
        "As of 2.6.8.1, see 36.2.1.3 First scan",
        "\n6.2.56.1. X Video\n4.1.3.2 Installing\n",
        "身份证号110105194912310021 错",
        "card 4111 1111 1111 1112, order 1234567890123456",
        "GB82 WEST 1234 5698 7654 31",
        "000-12-3456 and 666-12-3456 and 900-12-3456",
        "Timestamp: 17106715833, shmmax=17179869184, pi is 3.14159265358979",
        "std::vector<int> a::b face::bad 12:34:56 aa:bb:cc:dd:ee:ff",
        "a @ b, user@localhost, 3@4",
        "2023-10-11 12:13:14,150 took 1234567 ms; ISBN 978-0-306-40615-7",
        "telnet 127.0.0.1 8081",
    ],
)
def test_numbers_that_identify_nobody_stay(text):
    assert redact(text) == (text, {})


def test_personal_data_is_counted_by_kind_and_kinds_can_be_chosen():
    text = "a@b.org, c@d.org and 10.0.0.1"
    assert redact(text, Pii(private_ips=True))[1] == {"email": 2, "ip": 1}
    assert redact(text, Pii(kinds=["ip"], private_ips=True))[0] == "a@b.org, c@d.org and [IP]"
    outcome = run("pii", ENGLISH, text)
    assert outcome.counts == {"pii:email": 2} and outcome.stats["pii"].tolist() == [0, 2]


# -- recipes -----------------------------------------------------------------------------------------------------


def test_the_default_recipe_keeps_poems_and_questions():
    rules = [(n, o) for n, o in rules_of(CleanOptions()) if n not in GLOBAL]
    kept = ["床前明月光，疑是地上霜。举头望明月，低头思故乡。",
            "What is the capital of France? The capital of France is Paris.",
            "Tyger Tyger, burning bright,\nIn the forests of the night;",
            "- Who is there?\n- It is only the wind, said the old man."]  # fmt: skip
    for name, options in rules:
        assert reasons(module(name).apply(batch(*kept), options), len(kept)) == [None] * len(kept), name


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"rules": ["gopher_qualty"]}, "gopher_qualty", "did you mean 'gopher_quality'"),
        ({"rules": [{"length": {"min_word": 3}}]}, "min_word", "did you mean 'min_words'"),
        ({"rules": [{"length": {"min_words": "many"}}]}, "many", "whole number"),
        ({"rules": [{"length": {"min_words": -1}}]}, "-1", "0 or more"),
        ({"rules": [{"length": 5}]}, "length is 5", "option"),
        ({"rules": [7]}, "7 is no rule", "- name"),
        ({"rules": ["length", "length"]}, "twice", "once"),
        ({"rules": ["exact", "length"]}, "after 'exact'", "last"),
        ({"rules": ["minhash", "exact"]}, "after 'minhash'", "first"),
        ({"rules": ["exact"], "languages": "en"}, "--languages", "rules"),
        ({"rules": ["exact"], "min_words": 3}, "--min-words", "rules"),
        ({"rules": ["exact"], "dedup": False}, "--no-dedup", "rules"),
        ({"languages": "english"}, "english", "codes"),
        ({"languages": ","}, "--languages", "codes"),
        ({"rules": [{"pii": {"kinds": ["mail"]}}]}, "mail", "email"),
    ],
)
def test_wrong_recipes_are_refused_with_a_remedy(options, message, hint):
    with pytest.raises(ConfigError) as error:
        rules_of(CleanOptions(**options))
    assert message in error.value.message and hint in error.value.hint
