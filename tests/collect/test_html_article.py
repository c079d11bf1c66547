"""The article of a page: what is kept and what is left out, on pages in English and in Chinese made for these tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from resiliparse.parse.html import HTMLTree

from aigc_cli.collect.html import extract
from aigc_cli.collect.html.kernels.stack import MAX_DEPTH

ROOT = Path(__file__).parents[2]
FIRST = "The ferry was late again on Tuesday, and nobody on the pier seemed to mind, because the sun was out."
SECOND = "The captain, who has crossed the bay for thirty years, blamed the tide; the tide, as ever, said nothing."
THIRD = "By noon the first passengers had gone home, and the gulls had the benches to themselves, all of them."
NEWS = "记者昨日从市水务局获悉，今年汛期以来，全市已累计降雨三百二十毫米，比常年同期多两成，水库蓄水情况良好。"
MORE = "水务局负责人表示，目前各大水库均在汛限水位以下运行，下一步将加强巡查，及时发布预警，确保安全度汛。"
LAST = "据气象部门预测，未来三天仍有阵雨，局部地区雨势较大，请市民出行注意安全，尽量避开低洼路段。"


def page(*parts: str) -> str:
    return "<!doctype html><title>A page</title><body><main><article>" + "".join(parts) + "</article></main>"


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


@pytest.mark.parametrize("caption", ["newsCaption", "wp-caption", "photo-credit"])
def test_a_caption_in_an_inline_element_is_left_out(caption: str) -> None:
    """The element that hints at it breaks no lines; all of the block stands in it."""
    picture = f'<div><img src=a.jpg><span class="{caption}">The pier <i>at noon</i></span></div>'
    assert extract(page(paragraphs(FIRST), picture, paragraphs(SECOND))).text == f"{FIRST}\n\n{SECOND}"


def test_a_hint_within_a_sentence_costs_nothing() -> None:
    """Only part of the block stands in the element that hints at something."""
    sentence = FIRST.replace("nobody", '<span class="author">nobody</span>')
    assert extract(page(paragraphs(sentence, SECOND))).text == f"{FIRST}\n\n{SECOND}"


def test_a_paragraph_that_is_one_link_points_elsewhere() -> None:
    """A word or a name may be one, and a link in a sentence stays."""
    pointer = "<strong><a href=/x>GULLS HAVE TAKEN OVER THE WESTERN PIER</a></strong>"
    linked = SECOND.replace("the tide", "<a href=/tide>the tide</a>")
    found = extract(page(paragraphs(FIRST, pointer, linked, "<a href=/o>Ostend</a>", THIRD))).text
    assert found == "\n\n".join([FIRST, SECOND, "Ostend", THIRD])


@pytest.mark.parametrize("note", ["SEE MORE: Gulls on the pier", "Ann Lee contributed to this report.",
                                  "Updated at 1:23 p.m.", "责任编辑：王小明", "【编辑:李雷】", "延伸阅读"])  # fmt: skip
def test_notes_of_the_editors_are_left_out(note: str) -> None:
    """Short blocks by what they say, in both languages."""
    assert extract(page(paragraphs(FIRST, SECOND, THIRD, note))).text == "\n\n".join([FIRST, SECOND, THIRD])


@pytest.mark.parametrize(
    "sentence",
    [
        "Updated at great cost, the pier was opened by the mayor on Friday.",
        "Rain contributed to this year's harvest.",
        "编辑部门前有一棵树，开花了。",
    ],
)
def test_sentences_that_begin_like_notes_stay(sentence: str) -> None:
    """A sentence of the article is none of these."""
    assert extract(page(paragraphs(FIRST, sentence, THIRD))).text == "\n\n".join([FIRST, sentence, THIRD])


def test_a_chinese_news_page_without_any_hint() -> None:
    """Classes that say nothing: length, sentence marks and links alone tell the article from what is around it."""
    links = "".join(
        f"<li><a href=/{k}>{name}</a></li>" for k, name in enumerate(["首页", "新闻", "财经", "体育", "视频"])
    )
    others = "".join(f"<li><a href=/n{k}>市民广场将于下月重新开放（图{k}）</a></li>" for k in range(8))
    markup = f"""<html lang=zh-CN><head><title>全市水库蓄水情况良好_某某网</title></head><body>
    <div class=w1><ul>{links}</ul></div><div class=w2><a href=/>首页</a> &gt; <a href=/n>新闻</a> &gt; 正文</div>
    <div class=w3><div class=c1><h1>全市水库蓄水情况良好</h1><div>2024-07-08 09:30　来源：某某晚报</div>
    <div class=c2><p>　　{NEWS}</p><p>　　{MORE}</p>
    <p>　　{LAST}</p><p>（责任编辑：赵敏）</p></div></div>
    <div class=c3><h3>热点新闻</h3><ul>{others}</ul></div></div>
    <div class=w4>关于我们 | 联系我们 | 京ICP备00000000号<br>版权所有 某某网</div></body></html>"""
    found = extract(markup)
    assert found.text == f"{NEWS}\n\n{MORE}\n\n{LAST}"
    assert (found.title, found.lang) == ("全市水库蓄水情况良好_某某网", "zh-CN")


def test_a_chinese_page_laid_out_in_tables_with_line_breaks() -> None:
    """Paragraphs of old pages are lines of one cell, never closed."""
    markup = f"""<title>旧事</title><body><table width=760><tr><td><a href=/>首页</a><td><a href=/bbs>论坛</a></table>
    <table><tr><td width=160><a href=a.htm>散文</a><br><a href=b.htm>诗歌</a><br><a href=c.htm>小说</a>
    <td><font size=4>{NEWS}<br><br>{MORE}<br><br>{LAST}</font></table>
    <table><tr><td align=center>版权所有</table>"""
    assert extract(markup).text == "\n\n".join([NEWS, MORE, LAST])


def test_a_chinese_post_with_its_comments() -> None:
    """Comments hold whole sentences, too, and are told by the name of what they stand in."""
    comments = "".join(
        f'<div class="comment-item"><p>写得真好，我家那边也下了很大的雨，第{k}楼。</p></div>' for k in range(6)
    )
    markup = page(paragraphs(NEWS, MORE), "<p>下面是引用：</p><blockquote>", LAST, "</blockquote>") + (
        f'<div id="comments"><h3>全部评论</h3>{comments}</div><div class="share">分享到：<a href=x>微博</a></div>'
    )
    assert extract(markup).text == "\n\n".join([NEWS, MORE, "下面是引用：", LAST])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sample_pages_against_their_paragraphs(language: str) -> None:
    """Each page's article is its paragraphs, as lexbor's tree has them."""
    pages = sorted((ROOT / f"sample_data/text/{language}/pages").glob("*.html"))
    assert pages
    for path in pages:
        markup = path.read_text(encoding="utf-8")
        nodes = HTMLTree.parse(markup).document.query_selector_all("article p, article li")
        assert extract(markup).text.replace("- ", "").split() == " ".join(node.text for node in nodes).split()


N = 50_000
TEXT = "one two"


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("<div>" * N + TEXT + "</div>" * N, TEXT),
        ("<div>" * N + TEXT, TEXT),
        ("<p>" + TEXT + "<!--" + "-" * N, TEXT),
        ("<p>" + TEXT + "<script>" + "</scrip " * N, TEXT),
        ("<p>" + TEXT + '<a href="' + "a" * N, TEXT),
        ("<p " + " ".join(f"a{k}=b" for k in range(N)) + f">{TEXT}", TEXT),
        ("<b><div></b>" * N + TEXT, TEXT),
        ("<svg><g>" * N + "</g></svg>" * N + TEXT, TEXT),
        ("<table><tr><td>" * N + TEXT, TEXT),
        ("</p>" * N + TEXT, TEXT),
        ("<" * N, "<" * N),
        ("&" * N, "&" * N),
    ],
    ids=["closed", "open", "comment", "script", "value", "attributes", "inline", "drawing", "tables", "ends", "<", "&"],
)
def test_pages_that_are_bad_on_purpose_keep_their_text(markup: str, seen: str) -> None:
    """Nothing is lost to depth, and what is never closed ends with the page."""
    assert N > MAX_DEPTH
    assert extract(markup, "all").text == seen
