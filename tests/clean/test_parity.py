"""--parity datatrove against datatrove: decisions, reasons and texts of each rule alone and of the chain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("spacy")
pytest.importorskip("jieba")

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter
from datatrove.pipeline.filters.c4_filters import C4ParagraphFilter
from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter

from aigc_cli.clean import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.parity import setting
from aigc_cli.clean.recipe import rules_of
from aigc_cli.clean.step import CleanStep, document_schema
from aigc_cli.core.errors import ConfigError, DataError, MissingExtra
from aigc_cli.core.options import Common
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards

SAMPLES = Path(__file__).parents[2] / "sample_data/text"
CODES = {"en": "eng_Latn", "zh": "cmn_Hani"}
# rule -> (the recipe's entry, datatrove's filter with the same options)
RULES: dict[str, tuple[Any, Any]] = {
    "repetition": ("gopher_repetition", lambda code: GopherRepetitionFilter(language=code)),
    "quality": ("gopher_quality", lambda code: GopherQualityFilter(language=code)),
    "c4": ({"c4_quality": {"terminal_punctuation": False}},
           lambda code: C4QualityFilter(filter_no_terminal_punct=False, language=code)),
    "c4_terminal": ("c4_quality", lambda code: C4QualityFilter(language=code)),
    "c4_paragraphs": ("c4_paragraphs", lambda code: C4ParagraphFilter()),
    "fineweb": ("fineweb", lambda code: FineWebQualityFilter(language=code)),
    "lenient_quality": (
        {"gopher_quality": {"min_words": 3, "max_words": None, "max_mean_word_length": 0, "min_stop_words": 0,
                            "max_symbol_ratio": 0.3, "max_bullet_lines": 0.4, "min_alpha_words": 0.6}},
        lambda code: GopherQualityFilter(
            min_doc_words=3, max_doc_words=None, max_avg_word_length=0, min_stop_words=0, max_symbol_word_ratio=0.3,
            max_bullet_lines_ratio=0.4, max_non_alpha_words_ratio=0.6, language=code)),
    "lenient_repetition": (
        {"gopher_repetition": {"dup_lines": 0, "dup_paragraphs": 0.6, "dup_line_chars": 0, "dup_paragraph_chars": 0.5,
                               "top_2gram": 0.5, "top_3gram": 0.4, "top_4gram": 0.4}},
        lambda code: GopherRepetitionFilter(
            dup_line_frac=0, dup_para_frac=0.6, dup_line_char_frac=0, dup_para_char_frac=0.5,
            top_n_grams=((2, 0.5), (3, 0.4), (4, 0.4)), language=code)),
    "lenient_c4": (
        {"c4_quality": {"min_words_per_line": 0, "max_word_length": 12, "javascript": False, "policy": [],
                        "citations": False, "lorem_ipsum": False, "curly_bracket": False, "min_sentences": 2}},
        lambda code: C4QualityFilter(
            min_words_per_line=0, max_word_length=12, filter_javascript=False, filter_policy=False,
            remove_citations=False, filter_lorem_ipsum=False, filter_curly_bracket=False, min_num_sentences=2,
            language=code)),
    "lenient_fineweb": (
        {"fineweb": {"min_punctuated_lines": 0, "max_short_lines": 1, "max_repeated_line_chars": 0.9,
                     "max_new_lines": 0.15}},
        lambda code: FineWebQualityFilter(line_punct_thr=0, short_line_thr=1, char_duplicates_ratio=0.9,
                                          new_line_ratio=0.15, language=code)),
}  # fmt: skip
CHAIN = ("repetition", "quality", "c4", "fineweb")
PIECES = [
    "the river and the house of that man.",
    "It was so.",
    'He said: "Yes!"',
    "Is it? No! Then what.",
    "a",
    "",
    "don't we'll U.S.A. e.g. 5p.m.",
    "Enable JavaScript now please.",
    "See our Privacy Policy, it is long.",
    "they use coo\u212aies and the like.",
    "Lorem ipsum dolor sit.",
    "LOREM [1]IPSUM is cut.",
    "java[edit]script here we go.",
    "if (x) { y }",
    "- one point",
    "• two points",
    "\u3000- three",
    "wait for it...",
    "wait for it…",
    "... ",
    "# # #",
    "It was [12] cited [citation needed].",
    "end. [3]",
    "[٣] digits.",
    "\U0001f600 \U0001f468\u200d\U0001f469 fun!",
    "x" * 1001 + " is too long.",
    "北京大学生前来应聘。",
    "他说：“你好。”她笑了！",
    "我们在2020年去了US的New York。",
    "这是一个很长的句子，没有句号",
    "Что это? Да.",
    "İ K \u0130",
    "\u200b",
    "1 2 3",
    "A\u0301 e\u0301",
    "क्या है।",
    "(a)(b) [c]",
    "http://a.b.com/c?d=e",
    "\x00",
]
ENDS = [
    "\n",
    "\n",
    "\n",
    "\n\n",
    "\n\n\n",
    "\r\n",
    "\r",
    "\u2028",
    "\v",
    "\x1c",
    "\x85",
    " ",
    "\xa0",
    "\u3000",
    "\n \n",
    "",
]


@cache
def theirs(name: str, code: str) -> Any:
    return RULES[name][1](code)


def expected(names: Sequence[str], text: str, language: str) -> tuple[str | None, str]:
    """(reason, text) of one document after datatrove's filters."""
    document = Document(text=text, id="0")
    for name in names:
        answer = theirs(name, CODES[language]).filter(document)
        if isinstance(answer, tuple):
            return answer[1], text
        assert answer
    return None, document.text


def ours(names: Sequence[str], texts: Sequence[str], language: str | None) -> list[tuple[str | None, str]]:
    """(reason, text) of each document."""
    columns: dict[str, Any] = {field.name: [None] * len(texts) for field in DOCUMENT_SCHEMA}
    columns |= {"id": [str(i) for i in range(len(texts))], "text": list(texts), "lang": [language] * len(texts)}
    batch = pa.RecordBatch.from_pydict(columns, schema=DOCUMENT_SCHEMA)
    rules = rules_of(CleanOptions(rules=[RULES[name][0] for name in names], parity="datatrove"))
    step = CleanStep(tuple(rules), document_schema(DOCUMENT_SCHEMA), keep_rejected=True, parity="datatrove")
    found, _ = step.clean(batch)
    return list(zip(found.column("reason").to_pylist(), found.column("text").to_pylist(), strict=True))


def compare(names: Sequence[str], texts: Sequence[str], language: str) -> list[str | None]:
    """The reasons, which are datatrove's, and so are the texts that stay."""
    found = ours(names, texts, language)
    for text, (reason, after) in zip(texts, found, strict=True):
        wanted, kept = expected(names, text, language)
        assert (reason, after if reason is None else None) == (wanted, kept if wanted is None else None), text
    return [reason for reason, _ in found]


@cache
def samples(language: str) -> list[str]:
    texts = []
    for path in sorted((SAMPLES / language).glob("**/*.jsonl")):
        rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        texts += [row["text"] for row in rows if row.get("text")][:60]
    return [*texts, "\n\n".join(texts[:12]), "\n".join(texts[:5] * 3), " ".join(texts[5:9] * 2)]


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("name", RULES)
def test_each_rule_alone_on_sample_data(name: str, language: str) -> None:
    reasons = compare([name], samples(language), language)
    assert len(reasons) > 20


@pytest.mark.parametrize("language", CODES)
def test_the_chain_on_sample_data(language: str) -> None:
    assert len(set(compare(CHAIN, samples(language), language))) > 2


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document of few different lines with odd ends; it has a word at least, for datatrove fails on none."""
    pool = draw(st.lists(st.sampled_from(PIECES) | st.text(max_size=12), min_size=1, max_size=8))
    end = draw(st.sampled_from(ENDS))
    lines = draw(st.lists(st.tuples(st.sampled_from(pool), st.just(end) | st.sampled_from(ENDS)), max_size=24))
    text = "".join(draw(st.integers(1, 3)) * line + end for line, end in lines).replace("IS_ALPHA", "")
    return text if text.strip() else text + "word"


@pytest.mark.parametrize("language", CODES)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(documents(), min_size=1, max_size=6))
def test_hard_documents(language: str, texts: list[str]) -> None:
    for name in RULES:
        compare([name], texts, language)
    compare(CHAIN, texts, language)


def test_limits_and_stop_words_by_language(tmp_path: Path) -> None:
    """A table of thresholds gives each language its own filter."""
    table = tmp_path / "limits.yaml"
    table.write_text(
        "zh: {min_words: 5, min_mean_word_length: 1, stop_words: [的, 是, 在], min_stop_words: 1}\n", encoding="utf-8"
    )
    chinese = GopherQualityFilter(
        min_doc_words=5, min_avg_word_length=1, stop_words=["的", "是", "在"], min_stop_words=1, language="cmn_Hani"
    )
    filters = {"en": GopherQualityFilter(language="eng_Latn"), "zh": chinese}
    texts = samples("en")[:15] + samples("zh")[:15]
    languages = ["en"] * 15 + ["zh"] * 15
    columns: dict[str, Any] = {field.name: [None] * 30 for field in DOCUMENT_SCHEMA}
    columns |= {"text": texts, "lang": languages}
    batch = pa.RecordBatch.from_pydict(columns, schema=DOCUMENT_SCHEMA)
    rules = rules_of(CleanOptions(rules=[{"gopher_quality": {"by_language": str(table)}}], parity="datatrove"))
    step = CleanStep(tuple(rules), document_schema(DOCUMENT_SCHEMA), parity="datatrove")
    answers = [filters[code].filter(Document(text=text, id="0"))
               for code, text in zip(languages, texts, strict=True)]  # fmt: skip
    wanted = [answer[1] if isinstance(answer, tuple) else None for answer in answers]
    assert step.clean(batch)[0].column("reason").to_pylist() == wanted
    assert None in wanted[15:]


def test_texts_on_which_datatrove_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        expected(["repetition"], "", "en")
    assert ours(["repetition"], [""], "en") == [("empty", "")]
    rule = {"gopher_quality": {"min_words": 0}}
    step = CleanStep(tuple(rules_of(CleanOptions(rules=[rule], parity="datatrove"))), document_schema(DOCUMENT_SCHEMA),
                     parity="datatrove")  # fmt: skip
    columns: dict[str, Any] = {field.name: [None] for field in DOCUMENT_SCHEMA} | {"text": [" \n "]}
    found = step.clean(pa.RecordBatch.from_pydict(columns, schema=DOCUMENT_SCHEMA))[0]
    assert found.column("reason").to_pylist() == ["empty"]


def test_languages() -> None:
    """A document that names no language is English, as for datatrove; another one's words are not guessed."""
    texts = samples("en")[:20]
    assert ours(["quality"], texts, None) == ours(["quality"], texts, "und") == ours(["quality"], texts, "en-GB")
    with pytest.raises(DataError, match="English and Chinese"):
        ours(["quality"], texts, "de")
    assert ours(["c4_paragraphs"], ["word"], "de") == [("< 3 paragraphs", "word")]


@pytest.mark.parametrize(
    ("rule", "option"),
    [
        ("gopher_quality", {"min_lines": 4}),
        ("gopher_quality", {"count_marks": False}),
        ("gopher_repetition", {"min_words": 50}),
        ("c4_quality", {"policy": ["a phrase"]}),
        ("c4_paragraphs", {"min_paragraphs": 2}),
        ("fineweb", {"short_line_characters": 3}),
    ],
)
def test_options_that_datatrove_lacks(rule: str, option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{rule}: datatrove's filter has no {next(iter(option))}"):
        rules_of(CleanOptions(rules=[{rule: option}], parity="datatrove"))
    rules_of(CleanOptions(rules=[{rule: option}]))


def test_a_table_with_a_threshold_that_datatrove_lacks(tmp_path: Path) -> None:
    table = tmp_path / "limits.yaml"
    table.write_text("en: {min_lines: 5}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no min_lines"):
        rules_of(CleanOptions(rules=[{"gopher_quality": {"by_language": str(table)}}], parity="datatrove"))


def test_another_tool_and_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no such set of rules"):
        rules_of(CleanOptions(parity="datatrov"))

    def missing(name: str) -> str:
        raise setting.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(setting.importlib.metadata, "version", missing)
    with pytest.raises(MissingExtra) as error:
        setting.settings("datatrove")
    assert error.value.exit_code == 4 and "aigc-cli[parity]" in error.value.hint


def test_a_run_says_so_and_is_another_one(tmp_path: Path) -> None:
    """Rejected documents show datatrove's reasons, the manifest the setting; without it nothing changes."""
    source = tmp_path / "docs.jsonl"
    rows = [{"text": text, "lang": "en"} for text in samples("en")[:40]]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    options = CleanOptions(rules=["gopher_repetition", "gopher_quality"], keep_rejected=True, parity="datatrove")
    common = Common(output=tmp_path / "clean", workers=1, quiet=True)
    result = clean([source], options, common)
    assert result.manifest["options"]["parity"]["tool"] == "datatrove 0.10"
    found = Shards.open(tmp_path / "clean" / "rejected")
    reasons = {row["text"]: row["reason"] for batch in found.batches() for row in batch.to_pylist()}
    assert reasons == {
        row["text"]: why for row in rows if (why := expected(["repetition", "quality"], row["text"], "en")[0])
    }
    plain = clean([source], CleanOptions(rules=options.rules), Common(output=tmp_path / "plain", workers=1, quiet=True))
    assert "parity" not in plain.manifest["options"]
