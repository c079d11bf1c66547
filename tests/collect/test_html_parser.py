"""The tables of a page against lexbor's tree: the same text is seen, in the same order, in whatever tag soup."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree, NodeType

from aigc_cli.collect.html import extract

UNSEEN = {"head", "script", "style", "iframe", "noembed", "noframes", "xmp", "title", "textarea", "template", "svg",
          "noscript", "audio", "video", "canvas", "datalist", "select"}  # fmt: skip
BLOCKS = ["p", "div", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h3", "section", "article", "blockquote", "pre", "form",
          "address", "figure"]  # fmt: skip
INLINE = ["a", "b", "i", "span", "font", "em", "code", "button", "label", "q", "x-own"]
VOID = ["br", "hr", "img", "input", "meta", "wbr"]
HIDING = ["script", "style", "svg", "noscript", "template", "textarea", "title", "iframe"]
TABLE = ["table", "tbody", "tr", "td", "th", "caption"]


def letters_by_lexbor(markup: str) -> str:
    """What is to be seen, by the tree that the HTML standard prescribes."""
    found: list[str] = []
    stack = [HTMLTree.parse(markup).document]
    while stack:
        node = stack.pop()
        if node.type == NodeType.TEXT:
            found.append(node.value)
        elif node.type in (NodeType.ELEMENT, NodeType.DOCUMENT):
            style = (node.getattr("style") or "") if node.type == NodeType.ELEMENT else ""
            if node.tag in UNSEEN or "none" in style or (node.type == NodeType.ELEMENT and node.hasattr("hidden")):
                continue
            stack += [child for child in node.child_nodes][::-1]
            found.append(" ")
    return "".join("".join(found).split())


def letters(markup: str) -> str:
    return "".join(extract(markup, "all").text.replace("- ", " ").split())


def tags(names: list[str], hidden: bool = False) -> st.SearchStrategy[str]:
    attributes = ["", "", "", ' class="a b"', " href=x", " id='>'", ' title="<p>"', "/"]
    attributes += [' style="color: red; display : none"', " hidden"] if hidden else []
    return st.builds(
        lambda name, end, attribute: f"</{name}>" if end else f"<{name}{attribute}>",
        st.sampled_from(names), st.booleans(), st.sampled_from(attributes),
    )  # fmt: skip


TEXT = st.sampled_from(
    ["one", "two", "three &amp; four", "five < six", " ", "&lt;p&gt;", "<!-- no -->", "<!doctype html>", "<?x?>"]
)


def soup(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.one_of(TEXT, *parts), max_size=30).map(lambda parts: "<body>" + "".join(parts))


@settings(max_examples=400, deadline=None)
@given(soup(tags(BLOCKS, hidden=True), tags(INLINE + VOID)))
@example("<p>one<div>two</p>three</div>four")
@example("<a href=x><div>one</a>two</div>")
@example("<ul><li>one<ul><li>two</ul>three<li>four")
def test_soup_of_blocks_and_inline_elements(markup):
    assert letters(markup) == letters_by_lexbor(markup)


@settings(max_examples=200, deadline=None)
@given(soup(tags(BLOCKS[:6] + INLINE[:3]), tags(HIDING)))
@example("<body><script>if (a < b) '</p>'</script>one<title>no")
@example("<body><svg><path/><p>one")
def test_soup_with_elements_that_are_not_shown(markup):
    assert letters(markup) == letters_by_lexbor(markup)


@settings(max_examples=200, deadline=None)
@given(soup(tags(BLOCKS[:4] + INLINE[:4]), tags(TABLE)))
@example("<body><table><tr><td>one<td>two<tr><th>three</table>four")
def test_soup_with_tables_has_the_same_letters(markup):
    """The order may differ: lexbor moves text that stands between cells before the table."""
    assert sorted(letters(markup)) == sorted(letters_by_lexbor(markup))
