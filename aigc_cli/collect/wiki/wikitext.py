"""Wikitext to plain text: what a reader of the article reads, without tables, boxes, notes and navigation."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping

from aigc_cli.collect.wiki.lines import joined
from aigc_cli.collect.wiki.templates import shown

MAX_NESTING = 40  # of templates: as deep as MediaWiki goes
MAX_LINK_NESTING = 8
# Tags whose content is not wikitext, by what becomes of it.
_LITERAL = frozenset({"nowiki", "pre", "syntaxhighlight", "source", "code"})
_FORMULA = frozenset({"math", "chem", "ce"})
_DROPPED = frozenset({
    "ref", "references", "gallery", "timeline", "imagemap", "score", "graph", "mapframe", "maplink", "templatedata",
    "hiero", "inputbox", "categorytree", "templatestyles", "section", "indicator", "table", "noinclude", "charinsert",
    "rss", "tabber", "dynamicpagelist", "phonos", "style", "script",
})  # fmt: skip
_RAW = re.compile(
    rf"<!--|<({'|'.join(sorted(_LITERAL | _FORMULA | _DROPPED))})\b((?:[^<>\"]|\"[^\"<>]*\")*)>", re.IGNORECASE
)
_SIMPLE_LINK = re.compile(r"\[\[([^\[\]{}|\n]*)(?:\|([^\[\]{}|]*))?\]\]")
_LINK = re.compile(r"\[\[((?:[^\[\]]|\[(?!\[)|\](?!\]))*)\]\]")
_TEMPLATE = re.compile(r"\{\{((?:[^{}]|\{(?!\{)|\}(?!\}))*)\}\}")
_PARAMETER = re.compile(r"\{\{\{([^{}|]*)(?:\|([^{}]*))?\}\}\}")
_EXTERNAL = re.compile(
    r"\[(?:https?:|ftp:|irc:)?//[^\s\[\]<>]+(?:[ \t]+([^\[\]\n]*))?\]|\[mailto:[^\s\[\]]+[ \t]+([^\[\]\n]*)\]"
)
_QUOTES = re.compile(r"'{2,5}")
_SWITCH = re.compile(r"__[A-ZÄÖÜ]{3,25}__")
_BREAK = re.compile(r"<br\s*/?\s*>|</?p\b[^<>]{0,200}>|</?div\b[^<>]{0,500}>", re.IGNORECASE)
_ITEM = re.compile(r"<li\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,1000})?/?>")
_VARIANT = re.compile(r"-\{((?:(?!-\{|\}-).)*)\}-", re.DOTALL)
_VARIANTS = ("zh-hans", "zh-cn", "zh-sg", "zh-my", "zh", "zh-hant", "zh-tw", "zh-hk", "zh-mo")
_CONVERTED = ("zh", "gan", "wuu", "yue", "lzh", "sr", "kk", "uz", "tg", "ku", "iu", "shi")
_INTERWIKI = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,8}){0,2}:")
_KEPT = re.compile("\0(\\d+)\0")
# Names of namespaces 6 and 14 that dumps do not list: those of the software, and older ones.
_MEDIA = {"file", "image", "media", "datei", "bild", "fichier", "archivo", "imagen", "immagine", "ficheiro", "imagem",
          "bestand", "afbeelding", "plik", "grafika", "файл", "изображение", "зображення", "ファイル", "画像", "파일",
          "그림", "文件", "檔案", "档案", "图像", "圖像", "图片", "圖片",
          "پرونده", "ملف", "fil", "tiedosto", "soubor"}  # fmt: skip
_CATEGORY = {"category", "kategorie", "catégorie", "categoría", "categoria", "categorie", "kategoria", "категория",
             "категорія", "カテゴリ", "분류", "分类", "分類", "رده", "تصنيف", "kategori", "luokka"}  # fmt: skip


class Converter:
    """Converts the pages of one wiki."""

    def __init__(self, lang: str | None = None, namespaces: Mapping[int, str] | None = None) -> None:
        names = namespaces or {}
        self._hidden = _MEDIA | _CATEGORY | {names[key].lower() for key in (-2, 6, 14) if key in names}
        self._variants = (lang or "").partition("-")[0] in _CONVERTED
        self._kept: list[str] = []

    def plain_text(self, text: str, title: str = "") -> str:
        """The text of one page.

        >>> Converter().plain_text("'''Tea''' is a [[drink]]{{citation needed}}.<ref>x</ref>")
        'Tea is a drink.'
        """
        self._kept = []
        text = self._without_raw(text.replace("\0", "").replace("\r\n", "\n"))
        if self._variants and "-{" in text:
            text = _repeat(_VARIANT, self._variant, text, MAX_LINK_NESTING)
        text = _SIMPLE_LINK.sub(self._simple_link, text)
        text = _repeat(_PARAMETER, lambda m: m[2] or "", text, MAX_LINK_NESTING)
        text = _repeat(_TEMPLATE, lambda m: shown(m[1], title), text, MAX_NESTING)
        text = _EXTERNAL.sub(lambda m: m[1] or m[2] or "", text)
        text = _repeat(_LINK, self._link, text, MAX_LINK_NESTING)
        text = _SWITCH.sub("", _QUOTES.sub("", text))
        if "<" in text:
            text = _TAG.sub("", _ITEM.sub("\n* ", _BREAK.sub("\n", text)))
        text = joined(text)
        if "&" in text:
            text = html.unescape(text).replace("\xa0", " ")
        return _KEPT.sub(lambda m: self._kept[int(m[1])], text).strip() if self._kept else text

    def _without_raw(self, text: str) -> str:
        """`text` with comments, notes and the like cut out, and literal content set aside under a number."""
        if "<" not in text:
            return text
        pieces: list[str] = []
        done = 0
        unclosed: set[str] = set()
        lower = ""
        while found := _RAW.search(text, done):
            pieces.append(text[done : found.start()])
            tag = (found[1] or "!--").lower()
            if tag != "!--" and found[2].rstrip().endswith("/"):
                done = found.end()
                continue
            if not lower:
                # str.lower() may change the length of other scripts' letters, and the places with it.
                lower = "".join(c.lower() if c.isascii() else c for c in text) if not text.isascii() else text.lower()
            close = "-->" if tag == "!--" else f"</{tag}"
            end = -1 if tag in unclosed else lower.find(close, found.end())
            if end < 0:
                unclosed.add(tag)  # and not looked for again: a page of open tags must not take quadratic time
                done = found.end()
                continue
            done = end + len(close)
            if tag != "!--":
                done = text.find(">", done) + 1 or len(text)
                pieces.append(self._raw(tag, text[found.end() : end]))
        pieces.append(text[done:])
        return "".join(pieces)

    def _raw(self, tag: str, content: str) -> str:
        if tag in _DROPPED:
            return ""
        if tag == "code" and ("[[" in content or "{{" in content):
            return content
        kept = content if tag == "nowiki" else content.strip("\n") if tag in _LITERAL else " ".join(content.split())
        if tag not in ("syntaxhighlight", "source"):
            kept = html.unescape(kept)
        if tag in _FORMULA and kept:
            kept = f"${kept}$" if tag == "math" else kept
        self._kept.append(kept)
        block = "\n" if tag in ("pre", "syntaxhighlight", "source") or (tag == "code" and "\n" in kept) else ""
        return f"{block}\0{len(self._kept) - 1}\0{block}"

    def _simple_link(self, found: re.Match[str]) -> str:
        return self._display(found[1], found[2])

    def _link(self, found: re.Match[str]) -> str:
        target, bar, rest = found[1].partition("|")
        return self._display(target, rest if bar else None)

    def _display(self, target: str, label: str | None) -> str:
        target = target.strip()
        if target.startswith(":"):
            return label or target[1:]
        prefix, colon, rest = target.partition(":")
        if colon:
            if prefix.replace("_", " ").strip().lower() in self._hidden:
                return ""
            if label is None and _INTERWIKI.match(target):
                return ""
        if label is None:
            return (target[1:] if target.startswith("#") else target).replace("_", " ")
        if not label:  # the pipe trick
            return re.sub(r"\s*(?:\([^()]*\)|,.*)$", "", rest if colon else target)
        return label

    def _variant(self, found: re.Match[str]) -> str:
        """What -{...}- shows: simplified Chinese where there is a choice, nothing for a rule or a title."""
        flags, bar, body = found[1].partition("|")
        if not bar:
            flags, body = "", found[1]
        marks = {flag.strip() for flag in flags.split(";")}
        if marks & {"H", "T", "-", "D"}:
            return ""
        choices: dict[str, str] = {}
        for rule in body.split(";"):
            name, colon, value = rule.partition("=>")[2].partition(":") if "=>" in rule else rule.partition(":")
            if colon and name.strip().lower().partition("-")[0] in _CONVERTED:
                choices.setdefault(name.strip().lower(), value.strip())
        if not choices:
            return body
        return next((choices[name] for name in _VARIANTS if name in choices), next(iter(choices.values())))


def _repeat(pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str], text: str, times: int) -> str:
    """`text` with what matches replaced from the inside outwards, `times` levels at most."""
    for _ in range(times):
        text, count = pattern.subn(replace, text)
        if not count:
            break
    return text
