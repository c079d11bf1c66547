"""The report's sections about data, from real runs with hostile text."""

from __future__ import annotations

import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aigc_cli.clean import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.collect import collect
from aigc_cli.core.options import Common
from aigc_cli.report import report
from aigc_cli.report.options import ReportOptions
from aigc_cli.report.sections.diff import excerpted, marked
from aigc_cli.report.sections.pieces import coloured
from aigc_cli.tokenize import tokenize
from aigc_cli.tokenize.options import TokenizeOptions

EVIL = "</p><script>alert(1)</script><img src=x onerror=alert(2)>{0} "
VOCABULARY = (
    "river stone garden winter letter captain morning silver market window engine harvest village summer bridge "
    "kitchen forest doctor candle island the of and to that with have be"
)
WORDS = VOCABULARY.split()
HAN = "春夏秋冬山水花鸟风雨雪月江湖河海天地人心的一是不了在有我他明清长短高低远近红白青黄"


def prose(seed: int) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) + ("." if k % 12 == 11 else "") for k in range(80))


def chinese_prose(seed: int) -> str:
    rng = random.Random(seed)
    return "".join(rng.choice(HAN) + ("，" if k % 9 == 8 else "") for k in range(120))


class Page(HTMLParser):
    """The page's tags, and the text of elements of some class."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def section(text: str, stage: str) -> str:
    return text[text.index(f'<section id="{stage}"') :].partition("</section>")[0]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, monkeypatch_module) -> Path:
    """tokens <- clean <- docs <- raw, with everything that a section shows."""
    root = tmp_path_factory.mktemp("report")
    monkeypatch_module.chdir(root)
    raw = root / "raw"
    raw.mkdir()
    english = [prose(n) for n in range(30)]
    chinese = [chinese_prose(n) for n in range(20)]
    near = " ".join("wagon" if k == 40 else word for k, word in enumerate(english[0].split()))
    others = [english[1], near, f"{prose(90)} {EVIL}", f"{prose(91)} Mail ann.lee@mail.org soon.",
              f"{prose(92)}\n\n\n\n\nThe cafÃ© opens.", f"rare 龘 {prose(93)}"]  # fmt: skip
    short = [f"too short {n}" for n in range(5)] + [EVIL]
    rows = [{"text": text, "license": EVIL if n == 3 else "MIT", "lang": "en"} for n, text in enumerate(english)]
    (raw / "a.jsonl").write_text("\n".join(map(json.dumps, rows)) + '\n{bad\n{"<b>": 1}\n')
    (raw / "b.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in [*others, *short]))
    (raw / "c.jsonl").write_bytes(
        "\n".join(json.dumps({"text": t, "lang": "zh"}, ensure_ascii=False) for t in chinese).encode("gb18030")
    )
    (raw / "<img src=x>.txt").write_bytes(bytes(range(256)) * 20)
    (raw / "photo.png").write_text("x")
    quiet = {"quiet": True, "workers": 1}
    collect([raw], common=Common(output=root / "docs", **quiet))
    clean([root / "docs"], CleanOptions(), Common(output=root / "clean", **quiet))
    tokenize(
        [root / "clean"],
        TokenizeOptions(vocab_size=700, kind="bpe", length=64),
        Common(output=root / "tokens", **quiet),
    )
    return root


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def text(runs) -> str:
    path = report(runs / "tokens", None, Common(output=runs / "page.html")).path
    return path.read_text(encoding="utf-8")


def test_nothing_runs_and_nothing_is_fetched(text):
    page = Page(text)
    assert not {"script", "iframe", "link", "img", "object"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#") and "src" not in attributes
    for stage in ("collect", "clean", "tokenize"):
        assert "alert(1)" in section(text, "clean")
        assert f'<section id="{stage}"' in text
    images = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(images) >= 4 and all(a.get("role") == "img" and a.get("aria-label") for a in images)
    assert len(text) < 200_000


def test_collect_tells_what_it_read_and_rejected(text):
    shown = section(text, "collect")
    for title in (
        "Could not be read",
        "Kinds of files",
        "Languages",
        "Licences",
        "Encodings",
        "Lengths",
        "Passed over",
    ):
        assert title in shown, title
    assert "<code>a.jsonl:31</code>" in shown and "a.jsonl:32 (has &lt;b&gt;)" in shown
    assert "<code>&lt;img src=x&gt;.txt</code>" in shown and "<code>photo.png</code>" in shown
    assert re.search(r"gb18030</th>.*?<td class=n>20</td>", shown) and "none declared" in shown
    assert "&lt;/p&gt;&lt;script&gt;" in shown, "a licence is text, too"


def test_clean_shows_three_examples_of_each_reason(runs, text):
    from aigc_cli.core.manifest import read_manifest

    shown = section(text, "clean")
    funnel = read_manifest(runs / "clean")["facts"]["funnel"]
    reasons = [(reason, n) for step in funnel for reason, n in step["reasons"].items()]
    assert {"short", "exact_duplicate", "near_duplicate"} <= {reason for reason, _ in reasons}
    for reason, n in reasons:
        found = re.search(
            rf"<h4>{reason.replace('_', ' ')} <small>{n}</small></h4>(.*?)(<h4>|</details>)", shown, re.DOTALL
        )
        assert found and found[1].count('<div class="text">') == min(n, 3), reason
    assert "too short 0" in shown and "too short 2" in shown and "too short 3" not in shown


def test_clean_shows_repairs_and_duplicates_as_differences(text):
    shown = section(text, "clean")
    assert "ann.lee" not in text and "[EMAIL]</ins>" in shown
    assert "<del" in shown and "café</ins>" in shown
    pair = shown[shown.index("Largest groups") :]
    assert ">wagon</del>" in pair and "<ins" in pair and "equal)" in pair and "alike)" in pair


def test_tokens_are_coloured_with_their_ids(runs, text):
    shown = section(text, "tokenize")
    assert '<div class="text tokens" lang="en">' in shown and '<div class="text tokens" lang="zh">' in shown
    assert re.search(r'<span title="id \d+ · ␣?\w+">', shown)
    for title in ("by language", "by size of document", "How documents differ", "Longest pieces", "Unused pieces",
                  "Packing", "Most frequent tokens"):  # fmt: skip
        assert title in shown, title
    assert "stream (this run)" in shown and ">none<" in shown


def test_bytes_are_marked_and_old_facts_are_still_shown():
    html = coloured([["a<b", 7, ""], ["<0xE9>", 233, "byte"], ["\n", 5, ""]])
    assert html == (
        '<span title="id 7 · a&lt;b">a&lt;b</span><span class="byte" title="id 233 · &lt;0xE9&gt;">&lt;0xE9&gt;</span>'
        '<span title="id 5 · ⏎">\n</span>'
    )
    assert coloured(["x y"]) == '<span title="x␣y">x y</span>'


def test_no_examples_where_none_are_wanted(runs):
    path = report(runs / "tokens", ReportOptions(examples=0), Common(output=runs / "none.html")).path
    shown = section(path.read_text(encoding="utf-8"), "clean")
    assert "<ins" not in shown and '<div class="text">' not in shown


def test_equal_runs_give_equal_pages(runs, text):
    again = report(runs / "tokens", None, Common(output=runs / "page.html")).path
    assert again.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("before", "after", "html"),
    [
        ("老师去河边看花", "老师去山上看花", '老师去<del title="">河边</del><ins title="">山上</ins>看花'),
        ("a red house", "a blue house", 'a <del title="">red</del><ins title="">blue</ins> house'),
        ("abc字def", "abc词def", 'abc<del title="">字</del><ins title="">词</ins>def'),
    ],
)
def test_differences_of_words_and_of_han_characters(before, after, html):
    assert marked(before, after) == html


def test_the_cut_of_an_excerpt_is_no_difference():
    html = excerpted("one old two three fo", "one new two three four fi")
    assert html.count("<del") == 1 and html.endswith("three  […]") and "fi" not in html
    assert "<ins" in excerpted("same", "same and more"), "a difference that is the only one stays"


def test_what_rules_count_and_match_is_shown(here):
    from aigc_cli.report.nodes import Node
    from aigc_cli.report.sections import documents

    facts = {"counted": {"urls": {EVIL: 3, "hosts": 9}}, "matched": {"items": 2, "most": {"benchmark/1": 4}}}
    shown = documents.one(Node(here, "clean", "0", {"facts": facts}), ReportOptions())
    assert "Counted by urls" in shown and "benchmark/1" in shown and "<script" not in shown
    assert shown.index("hosts") < shown.index("alert(1)"), "largest first"
    example = documents.example({"text": EVIL, "reason": "contaminated", "source": "a", "matched": EVIL})
    assert "matched &lt;/p&gt;" in example


def test_bytes_say_which_character_they_are_of():
    tokens = [["x", 1, ""], *([f"<0x{byte:02X}>", byte, "byte"] for byte in "龘𝄞".encode()), ["<0xE9>", 233, "byte"]]
    html = coloured(tokens)
    assert html.count(" of 龘") == 3 and html.count(" of 𝄞") == 4 and html.endswith('&lt;0xE9&gt;">&lt;0xE9&gt;</span>')
