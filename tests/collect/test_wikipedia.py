"""MediaWiki dumps: which pages become documents, and what wikitext says once its markup is gone."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pytest

from aigc_cli.collect import collect, step
from aigc_cli.collect.dispatch import read_file
from aigc_cli.collect.readers import kind_of
from aigc_cli.collect.records import Context, Settings
from aigc_cli.collect.wiki.wikitext import Converter
from aigc_cli.core import engine
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de">
  <siteinfo><sitename>Wikipedia</sitename><base>https://de.wikipedia.org/wiki/Wikipedia:Hauptseite</base>
    <namespaces><namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">Ablage</namespace></namespaces></siteinfo>
"""


def page(number: int, text: str = "", title: str = "", ns: int = 0, extra: str = "", model: str = "wikitext") -> str:
    text = text or f"'''Seite {number}''' ist ein [[Artikel]] über die Zahl {number}. " * 3
    return f"""  <page>
    <title>{escape(title or f"Seite {number}")}</title><ns>{ns}</ns><id>{number}</id>{extra}
    <revision><id>9{number}</id><timestamp>2024-01-01T00:00:00Z</timestamp><model>{model}</model>
      <text bytes="3" xml:space="preserve">{escape(text)}</text></revision>
  </page>
"""


PAGES = [page(i) for i in range(1, 31)]
DUMP = (HEAD + "".join(PAGES) + "</mediawiki>\n").encode()
STREAMS = [HEAD.encode(), *("".join(PAGES[i : i + 5]).encode() for i in range(0, 30, 5)), b"</mediawiki>\n"]
MULTI = b"".join(map(bz2.compress, STREAMS))


def read(path: Path, start: int = 0, end: int | None = None, **options: Any) -> tuple[list[Any], dict[str, int]]:
    context = Context(Settings(**options))
    kind = kind_of(path.name)
    found = list(read_file(str(path), path.name, kind or "", context.settings, context, start, end))
    return found, dict(context.counts)


@pytest.mark.parametrize(("name", "data"), [
    ("w.xml", DUMP), ("dewiki-pages-articles.xml.bz2", bz2.compress(DUMP)), ("dewiki-multistream.xml.bz2", MULTI),
    ("dewiki-pages-articles1.xml-p1p30.bz2", MULTI), ("w.xml.gz", gzip.compress(DUMP)),
    ("w.xml.zst", bytes(pa.Codec("zstd").compress(DUMP))),
])  # fmt: skip
def test_articles_and_their_provenance(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    found, counts = read(tmp_path / name)
    assert counts == {} and [r.number for r in found] == list(range(1, 31))
    assert found[0].text == "Seite 1\n\n" + " ".join(["Seite 1 ist ein Artikel über die Zahl 1."] * 3)
    assert found[0].url == "https://de.wikipedia.org/wiki/Seite_1"
    assert (found[0].lang, found[0].license, found[0].source_id) == ("de", "CC-BY-SA-4.0", "1")


def test_other_pages_are_passed_over(tmp_path):
    pages = [page(1), page(2, ns=1, title="Diskussion:X"), page(3, extra='<redirect title="Seite 1" />'),
             page(4, model="json"), page(5, text="{{Vorlage}}"), page(6, title="Größe & Maß (Ä/B)?")]  # fmt: skip
    (tmp_path / "w.xml").write_text(HEAD + "".join(pages) + "</mediawiki>", encoding="utf-8")
    found, counts = read(tmp_path / "w.xml")
    assert [r.number for r in found if r.text] == [1, 6]
    assert counts == {"skipped:other_namespace": 1, "skipped:redirect": 1, "skipped:not_wikitext": 1}
    assert found[-1].url == "https://de.wikipedia.org/wiki/Gr%C3%B6%C3%9Fe_%26_Ma%C3%9F_(%C3%84/B)%3F"


def test_damaged_pages_cost_themselves(tmp_path):
    pages = list(PAGES[:6])
    pages[1] = pages[1].replace("</title>", "")
    pages[3] = pages[3][: len(pages[3]) // 2]  # its end is lost
    (tmp_path / "w.xml").write_text(HEAD + "".join(pages)[:-40], encoding="utf-8")
    found, counts = read(tmp_path / "w.xml")
    assert [r.number for r in found] == [1, 3, 5]
    assert counts == {"rejected:invalid_xml": 1, "rejected:truncated": 2}


def test_a_page_above_the_limit(tmp_path):
    pages = [page(1), page(2, "lang " * 200_000), page(3)]
    (tmp_path / "w.xml").write_text(HEAD + "".join(pages) + "</mediawiki>", encoding="utf-8")
    found, counts = read(tmp_path / "w.xml", max_document_bytes=10_000)
    assert [r.number for r in found] == [1, 3] and counts == {"rejected:too_long": 1}


def test_entities_are_not_expanded(tmp_path):
    bomb = '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    pages = page(1, "gut") + page(2, "X").replace(">X<", ">&b;<") + page(3, "X").replace(">X<", ">&c;<")
    (tmp_path / "w.xml").write_text(bomb + HEAD + pages + "</mediawiki>", encoding="utf-8")
    found, counts = read(tmp_path / "w.xml")
    assert [r.text for r in found] == ["Seite 1\n\ngut"] and counts == {"rejected:invalid_xml": 2}


def test_a_damaged_stream_of_a_multistream_dump(tmp_path):
    packed = [bz2.compress(s) for s in STREAMS]
    packed[2] = packed[2][:60] + bytes(20) + packed[2][80:]
    (tmp_path / "w.xml.bz2").write_bytes(b"".join(packed))
    found, counts = read(tmp_path / "w.xml.bz2")
    assert [r.number for r in found] == [*range(1, 6), *range(11, 31)]
    assert counts == {"rejected:corrupt": 1}
    (tmp_path / "w.xml.bz2").write_bytes(MULTI[:-200])
    found, counts = read(tmp_path / "w.xml.bz2")
    assert len(found) == 25 and counts == {"rejected:truncated": 1}


def test_other_xml_is_as_before(here):
    Path("raw").mkdir()
    Path("raw/feed.xml").write_text("<rss>words</rss>")
    Path("raw/w.xml").write_bytes(DUMP)
    collect(["raw"], common=Common(output=Path("docs")))
    assert Shards.open("docs").manifest["facts"]["skipped"] == {"unsupported": 1}
    collect(["raw/feed.xml"], common=Common(output=Path("one")))  # named by itself: plain text
    assert next(Shards.open("one").batches()).to_pylist()[0]["text"] == "<rss>words</rss>"


@pytest.mark.parametrize("name", ["w.xml", "m.xml.bz2", "p.xml.bz2"])
@pytest.mark.parametrize("size", [97, 500, 3000])
def test_ranges_give_every_page_once(tmp_path, name, size):
    split = b"".join(bz2.compress(DUMP[i : i + 700]) for i in range(0, len(DUMP), 700))  # as pbzip2 cuts: anywhere
    data = {"w.xml": DUMP, "m.xml.bz2": MULTI, "p.xml.bz2": split}[name]
    if name == "p.xml.bz2":
        data = bz2.compress(DUMP[:700]) + split[len(bz2.compress(DUMP[:700])) :]
    (tmp_path / name).write_bytes(data)
    whole = read(tmp_path / name)[0]
    parts = [r for start in range(0, len(data), size) for r in read(tmp_path / name, start, start + size)[0]]
    assert parts == whole and len(whole) == 30


def test_bytes_do_not_depend_on_workers(here, monkeypatch):
    monkeypatch.setattr(step, "RANGE_BYTES", 600)
    monkeypatch.setattr(engine, "INLINE_BYTES", 0)  # so that two workers are two processes
    Path("raw").mkdir()
    Path("raw/a.xml").write_bytes(DUMP)
    Path("raw/b.xml.bz2").write_bytes(MULTI)
    made = []
    for workers in (1, 2):
        collect(["raw"], common=Common(output=Path(f"docs{workers}"), workers=workers))
        made.append([f.read_bytes() for f in sorted(Path(f"docs{workers}").glob("*.arrow"))])
    assert made[0] == made[1]
    assert Shards.open("docs1").num_rows() == 60


PLAIN = [
    ("'''Fett''' und ''kursiv''", "Fett und kursiv"),
    ("a [[b]] [[c|d]]s", "a b ds"),
    ("[[Datei:x.jpg|mini|a [[b]] c]]t", "t"),
    ("[[Ablage:x.jpg]]t", "t"),
    ("[[Kategorie:X]]t", "t"),
    ("[[:Kategorie:X]]", "Kategorie:X"),
    ("[[fr:Titre]]t", "t"),
    ("[[wikt:Wort|Wort]]", "Wort"),
    ("[[A (B)|]]", "A"),
    ("[[#Teil]]", "Teil"),
    ("[[A#B|C]]", "C"),
    ("x<ref>note</ref> y<ref name='a' /> z<ref name=\"a/b\">n {{v|[[x]]}}</ref>.", "x y z."),
    ("a<!-- b -->c", "ac"),
    ("a{{b|c={{d|e}}}}f", "af"),
    ("{{{1|vorgabe}}}", "vorgabe"),
    ("{{lang|fr|mot}}", "mot"),
    ("{{lang|fr|[[a|mot]]}}", "mot"),
    ("{{nowrap|5 kg}}", "5 kg"),
    ("{{convert|5|to|7|km}}", "5 to 7 km"),
    ("a {{circa|1900}}", "a c. 1900"),
    ("{{frac|1|2}}", "1/2"),
    ("{{formatnum:1234}}", "1234"),
    ("{{DEFAULTSORT:x}}a", "a"),
    ("__TOC__a", "a"),
    ("[http://x.org Name]", "Name"),
    ("a [http://x.org]", "a"),
    ("http://x.org", "http://x.org"),
    ("[[File:a|b [http://c d]]]e", "e"),
    ("== A ==\ntext", "A\n\ntext"),
    ("== A ==\n\n== B ==\nb", "B\n\nb"),
    ("== A ==\n=== B ===\nb\n=== C ===\n== D ==", "A\n\nB\n\nb"),
    ("a\n\n\n\nb", "a\n\nb"),
    ("a\nb", "a\nb"),
    ("* a\n** b\n* c", "- a\n  - b\n- c"),
    ("# a\n# b\n## c\n# d", "1. a\n2. b\n  1. c\n3. d"),
    ("; a : b", "a\nb"),
    (": a", "a"),
    ("a\n{|\n|x\n{|\n|y\n|}\n|}\nb", "a\nb"),
    ("a\n{|\n|x never closed\nb", "a\n|x never closed\nb"),
    ("a<br>b<br/>c", "a\nb\nc"),
    ("<div class='x'>a</div>", "a"),
    ("H<sub>2</sub>O", "H2O"),
    ("a &amp; b&nbsp;c", "a & b c"),
    ("&lt;b&gt;", "<b>"),
    ("a < b > c", "a < b > c"),
    ("<math>\\frac{{a}}{b}</math>", "$\\frac{{a}}{b}$"),
    ("<nowiki>[[a]] {{b}}</nowiki>", "[[a]] {{b}}"),
    ("<pre>\n* a\n</pre>", "* a"),
    ("<syntaxhighlight lang=c>\nint a[[1]];\n</syntaxhighlight>", "int a[[1]];"),
    ("<gallery>\nx.jpg|y\n</gallery>a", "a"),
    ("a ({{x}}) b", "a b"),
    ("a (; {{lang|fr|b}}) c", "a (b) c"),
    ("(a{{x}}, )", "(a)"),
    ("a {{x}}, b", "a, b"),
    ("{{unclosed a", "{{unclosed a"),
    ("[[unclosed a", "[[unclosed a"),
    ("a <ref> b", "a b"),
    ("l'''homme'''", "lhomme"),
    ("{{Infobox\n| a = b\n|}}\nText", "Text"),
    ("{{PAGENAME}}", "Titel"),
    ("a{{snd}}b", "a – b"),
    ("", ""),
]


@pytest.mark.parametrize(("wikitext", "plain"), PLAIN)
def test_wikitext(wikitext, plain):
    assert Converter("de", {6: "Ablage"}).plain_text(wikitext, "Titel") == plain


CHINESE = [
    ("-{zh-hans:计算机;zh-hant:電腦}-", "计算机"),
    ("-{zh-hant:電腦}-", "電腦"),
    ("-{原文}-", "原文"),
    ("-{H|zh-cn:a;zh-tw:b}-c", "c"),
    ("-{T|zh-cn:a;zh-tw:b}-c", "c"),
    ("-{A|zh-cn:信息;zh-tw:資訊}-", "信息"),
    ("-{R|原文}-", "原文"),
    ("[[-{zh-cn:甲;zh-tw:乙}-]]", "甲"),
    ("-{zh-cn:a{{b}};zh-tw:c}-", "a"),
    ("甲（{{lang-en|x}}）", "甲（x）"),
    ("甲（{{IPA|x}}，）乙", "甲乙"),
    ("[[文件:a.png|缩略图]]甲", "甲"),
    ("[[分类:甲]]乙", "乙"),
    ("{{tsl|en|Tea|茶}}", "茶"),
    ("{{link-en|茶|Tea}}", "茶"),
    ("-{未闭合", "-{未闭合"),
]


@pytest.mark.parametrize(("wikitext", "plain"), CHINESE)
def test_chinese_wikitext(wikitext, plain):
    assert Converter("zh").plain_text(wikitext) == plain


@pytest.mark.parametrize("piece", [
    "{{", "[[", "{|\n", "<ref>", "-{", "<", "'", "[http://", "(", "{{{", "<ref ", '<ref "', "|}\n", "{{a}", " ,",
    "( , ", "(,", "__A", "<div ", "=", "= ", "{{a|[[b|", "<li ", "&", "\0", "[[a|", "{{a|",
])  # fmt: skip
def test_hostile_markup_ends(piece):
    """Each of these would take minutes if the work grew with the square of the length."""
    text = Converter("zh").plain_text(piece * 100_000)
    assert len(text) <= len(piece) * 100_000
