"""C4's and FineWeb's rules: datatrove's decisions and texts where words are plain, and our own rule for Chinese."""

from __future__ import annotations

import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter
from datatrove.pipeline.filters.c4_filters import C4ParagraphFilter
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.recipe import described, rules_of
from aigc_cli.clean.step import CleanStep, document_schema
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.shards import DOCUMENT_SCHEMA

WORDS = ("the", "an", "river", "house", "of", "walked", "slowly", "and", "mountain", "because", "yellow", "it", "was")
ENDS = ("", ".", ".", "!", "?", '."', ";", " ...")
ODD = (
    "uses javascript here",
    "see our privacy policy",
    "lorem ipsum dolor sit",
    "if (x) { return",
    "cited [12] in it.",
)


def decided(rule, texts, lang="en"):
    """(reason or None, text) of each document."""
    columns = {field.name: [None] * len(texts) for field in DOCUMENT_SCHEMA}
    columns |= {"id": [str(i) for i in range(len(texts))], "text": texts, "lang": [lang] * len(texts)}
    batch = pa.RecordBatch.from_pydict(columns, schema=DOCUMENT_SCHEMA)
    step = CleanStep(tuple(rules_of(CleanOptions(rules=[rule]))), document_schema(DOCUMENT_SCHEMA), keep_rejected=True)
    found, _ = step.clean(batch)
    return list(zip(found.column("reason").to_pylist(), found.column("text").to_pylist(), strict=True))


@st.composite
def documents(draw):
    lines = []
    for _ in range(draw(st.integers(1, 14))):
        if draw(st.integers(0, 9)) == 0:
            lines.append(draw(st.sampled_from(ODD)))
            continue
        words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=draw(st.sampled_from([3, 12, 60]))))
        lines.append(" ".join(words) + draw(st.sampled_from(ENDS)))
    return draw(st.sampled_from(["\n", "\n\n"])).join(lines)


def kept(answer):
    return answer[0] if isinstance(answer, tuple) else answer


@pytest.fixture(scope="module")
def theirs():
    return {
        "terminal": C4QualityFilter(), "any": C4QualityFilter(filter_no_terminal_punct=False),
        "paragraphs": C4ParagraphFilter(), "fineweb": FineWebQualityFilter(),
    }  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(text=documents())
def test_c4_lines_and_decisions_are_datatroves(theirs, text):
    for name, rule in (("terminal", "c4_quality"), ("any", {"c4_quality": {"terminal_punctuation": False}})):
        document = Document(text=text, id="0")
        expected = kept(theirs[name].filter(document))
        ((reason, found),) = decided(rule, [text])
        assert (reason is None) == expected, reason
        if expected:
            assert found == document.text


@settings(max_examples=120, deadline=None)
@given(text=documents())
def test_fineweb_and_paragraph_decisions_are_datatroves(theirs, text):
    for rule, name in (("fineweb", "fineweb"), ("c4_paragraphs", "paragraphs")):
        ((reason, _),) = decided(rule, [text])
        assert (reason is None) == kept(theirs[name].filter(Document(text=text, id="0"))), (rule, reason)


def test_chinese_lines_end_with_full_width_marks():
    text = (
        "今天天气很好，我们去公园散步。\n首页 登录\n孩子们在湖边放风筝，老人在树下下棋！\n" + "他说：“明天再来。”\n" * 4
    )
    ((reason, found),) = decided("c4_quality", [text.strip()], "zh")
    assert reason is None and "首页" not in found and found.count("\n") == 5


def test_chinese_prose_passes_fineweb_and_a_menu_does_not():
    prose = "\n".join(f"第{i}天，我们沿着河走了很久，看见许多从来没有见过的鸟和花。" for i in "一二三四五六七八")
    menu = "首页\n新闻\n体育\n财经\n娱乐\n科技\n登录\n注册"
    (good, _), (bad, _) = decided("fineweb", [prose, menu], "zh")
    assert good is None and bad is not None


@pytest.mark.parametrize("rule", ["c4_quality", "c4_paragraphs", "fineweb"])
@pytest.mark.parametrize("text", ["", "\n\n", "\r\n", "。", "\0", "a" * 100_000, "😀" * 50, "x\n" * 3000])
def test_odd_documents_are_decided(rule, text):
    assert len(decided(rule, [text])) == 1


def test_thresholds_of_the_documents_language(tmp_path):
    table = tmp_path / "limits.yaml"
    table.write_text("de: {max_new_lines: 0.0}\n", encoding="utf-8")
    text = "\n".join(["This is a line that is long enough to be no short line at all."] * 1 + [
        f"Another sentence number {w}, quite different from all the other ones." for w in WORDS])  # fmt: skip
    rule = {"fineweb": {"by_language": str(table)}}
    assert decided(rule, [text], "en")[0][0] is None
    assert decided(rule, [text], "de-AT")[0][0] == "max_new_lines"
    before = described(rules_of(CleanOptions(rules=[rule])))
    table.write_text("de: {max_new_lines: 0.5}\n", encoding="utf-8")
    assert described(rules_of(CleanOptions(rules=[rule]))) != before
    assert decided(rule, [text], "de")[0][0] is None
    with pytest.raises(ConfigError, match="there is no file"):
        described(rules_of(CleanOptions(rules=[{"fineweb": {"by_language": "nowhere.yaml"}}])))
