"""The pages of a MediaWiki dump, one at a time; the XML is never parsed as a whole, so no DTD of it is ever read."""

from __future__ import annotations

import bisect
import bz2
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple
from urllib.parse import quote, urlsplit

from aigc_cli.collect.streams import Budget

CHUNK_BYTES = 256 * 1024
HEAD_BYTES = 1 << 20  # siteinfo lies in it
_OPEN, _CLOSE = b"<page>", b"</page>"
_BZIP = re.compile(rb"BZh[1-9]1AY&SY")
_BZIP_BYTES = 10
_ROOT = re.compile(rb"<mediawiki\b([^>]{0,2000})>")
_LANG = re.compile(rb"""xml:lang\s*=\s*["']([A-Za-z-]{2,20})["']""")
_BASE = re.compile(r"<base>\s*(https?://[^<\s]{1,300})\s*</base>")
_NAMESPACE = re.compile(r'<namespace key="(-?\d+)"[^>]{0,100}>([^<]{1,80})</namespace>')
_NS = re.compile(rb"<ns>\s*(-?\d{1,6})\s*</ns>")
_SHARE_ALIKE = ("wikipedia", "wiktionary", "wikibooks", "wikiquote", "wikisource", "wikiversity", "wikivoyage")
# How addresses of pages leave these characters, as MediaWiki does.
_SAFE = "/:@!$*(),;~"


class InvalidPageError(ValueError):
    """A page whose XML is damaged, or that lacks a title or a number."""


@dataclass
class Site:
    """What a dump says of its wiki."""

    lang: str | None = None
    base: str | None = None
    license: str | None = None
    namespaces: dict[int, str] = field(default_factory=dict)

    def url(self, title: str) -> str | None:
        """The address of a page."""
        return f"{self.base}/{quote(title.replace(' ', '_'), safe=_SAFE)}" if self.base else None


class Page(NamedTuple):
    """One page of namespace 0; `text` is wikitext."""

    number: int
    title: str
    text: str


def site(head: bytes) -> Site | None:
    """The wiki that a dump's beginning names; None where it is no dump."""
    root = _ROOT.search(head)
    if root is None:
        return None
    text = head.partition(_OPEN)[0].decode("utf-8", "replace")
    found = Site(namespaces={int(key): name for key, name in _NAMESPACE.findall(text)})
    if lang := _LANG.search(root[1]):
        found.lang = lang[1].decode("ascii")
    if base := _BASE.search(text):
        found.base = base[1].rpartition("/")[0]
        host = (urlsplit(base[1]).hostname or "").split(".")
        # Their terms of use; other wikis do not say in the dump.
        found.license = "CC-BY-SA-4.0" if len(host) > 1 and host[-2] in _SHARE_ALIKE and host[-1] == "org" else None
    return found


def is_dump(path: str) -> bool:
    """Whether the XML file at `path` is a MediaWiki dump."""
    try:
        with open(path, "rb") as file:
            return site(file.read(CHUNK_BYTES)) is not None
    except OSError:
        return True  # the reader says what is wrong


def parse(data: bytes) -> Page | str:
    """The page in `<page>...</page>`, or the reason why it is passed over. Raises InvalidPageError.

    A reference to an entity that only a DTD could define is an error of the page.
    """
    ns = _NS.search(data, 0, 4096)
    if ns and ns[1] != b"0":
        return "other_namespace"
    if data.find(b"<redirect", 0, 4096) >= 0:
        return "redirect"
    try:
        page = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise InvalidPageError(str(error)) from error
    title, number = (page.findtext("title") or "").strip(), (page.findtext("id") or "").strip()
    if not title or not (number.isascii() and number.isdigit() and len(number) < 18):
        raise InvalidPageError("no title or no id")
    if (page.findtext("ns") or "0").strip() != "0":
        return "other_namespace"
    revisions = page.findall("revision")
    if not revisions:
        raise InvalidPageError("no revision")
    latest = max(revisions, key=lambda r: r.findtext("timestamp") or "")  # of a dump with the whole history
    if (latest.findtext("model") or "wikitext").strip() != "wikitext":
        return "not_wikitext"
    return Page(int(number), title, latest.findtext("text") or "")


class Source:
    """The bytes of a dump from some place on, as pieces; `place(position)` says where in the file a piece began."""

    def __init__(self, pieces: Iterator[tuple[int, bytes]], exact: bool) -> None:
        self.problem: str | None = None
        self._pieces, self._exact = pieces, exact
        self._starts: list[int] = [0]
        self._places: list[int] = [0]
        self._read = 0

    def read(self) -> bytes:
        """The next piece, b"" at the end."""
        place, piece = next(self._pieces, (0, b""))
        if piece and (not self._places or self._places[-1] != place):
            self._starts.append(self._read)
            self._places.append(place)
        self._read += len(piece)
        return piece

    def place(self, position: int) -> int:
        """Place in the file of the byte at `position` of what was read: its offset, or that of its bzip2 stream."""
        index = bisect.bisect_right(self._starts, position) - 1
        return self._places[index] + (position - self._starts[index] if self._exact else 0)


def plain(stream: BinaryIO, start: int = 0) -> Source:
    """A dump that is not compressed."""

    def pieces() -> Iterator[tuple[int, bytes]]:
        while piece := stream.read(CHUNK_BYTES):
            yield start, piece

    if start:
        stream.seek(start)
    return Source(pieces(), exact=True)


def bzipped(stream: BinaryIO, budget: Budget, start: int = 0) -> Source:
    """A bzip2 file of one stream or many, from the first stream that begins at `start` or later.

    A damaged stream ends; what follows is read from the next one on.
    """
    source = Source(iter(()), exact=False)

    def pieces() -> Iterator[tuple[int, bytes]]:
        offset = _next_stream(stream, start)
        while offset is not None:
            stream.seek(offset)
            decoder, consumed = bz2.BZ2Decompressor(), 0
            while not decoder.eof:
                data = stream.read(CHUNK_BYTES) if decoder.needs_input else b""
                consumed += len(data)
                if decoder.needs_input and not data:
                    source.problem = "truncated"
                    return
                try:
                    piece = decoder.decompress(data, 4 * CHUNK_BYTES)
                except OSError:
                    source.problem = "corrupt"
                    break
                budget.spend(len(piece))
                if piece:
                    yield offset, piece
            offset = _next_stream(stream, offset + consumed - len(decoder.unused_data) if decoder.eof else offset + 1)

    source._pieces = pieces()
    return source


def _next_stream(stream: BinaryIO, offset: int) -> int | None:
    tail = b""
    stream.seek(offset)
    while data := stream.read(CHUNK_BYTES):
        held = tail + data
        if found := _BZIP.search(held):
            return offset - len(tail) + found.start()
        tail = held[-_BZIP_BYTES + 1 :]
        offset += len(data)
    return None


def pages(source: Source, limit: int, end: int | None = None) -> Iterator[tuple[int, bytes | str]]:
    """(place, `<page>...</page>`) for the pages that begin before `end`; a reason in place of one that is lost."""
    buffer = _Buffer(source)
    while buffer.find_page(end):
        place = source.place(buffer.position)
        if end is not None and place >= end:
            return
        yield place, buffer.take_page(limit)


class _Buffer:
    """A source with the part of it that was read and not yet taken."""

    def __init__(self, source: Source) -> None:
        self._source, self._data, self._at, self._base = source, b"", 0, 0

    @property
    def position(self) -> int:
        """Where in the source the next byte stands."""
        return self._base + self._at

    def _more(self) -> bool:
        piece = self._source.read()
        if piece:
            self._data, self._base, self._at = self._data[self._at :] + piece, self._base + self._at, 0
        return bool(piece)

    def find_page(self, end: int | None) -> bool:
        """Go to the next page; False at the end of the source, or when it is past `end`."""
        while (found := self._data.find(_OPEN, self._at)) < 0:
            self._at = max(self._at, len(self._data) - len(_OPEN) + 1)
            if (end is not None and self._base and self._source.place(self.position) >= end) or not self._more():
                return False
        self._at = found
        return True

    def take_page(self, limit: int) -> bytes | str:
        """The page that begins here, or a reason; the next page's beginning ends one that lost its own end."""
        seen, too_long = self._at + 1, False
        while True:
            close = self._data.find(_CLOSE, seen)
            again = self._data.find(_OPEN, seen, close if close >= 0 else len(self._data))
            if again >= 0:
                self._at = again
                return self._source.problem or "truncated"
            if close >= 0:
                start, self._at = self._at, close + len(_CLOSE)
                return "too_long" if too_long or self._at - start > limit else self._data[start : self._at]
            if len(self._data) - self._at > limit:
                too_long, self._at = True, len(self._data) - len(_CLOSE)
            seen = max(1 - too_long, len(self._data) - self._at - len(_CLOSE) + 1)
            if not self._more():
                self._at = len(self._data)
                return self._source.problem or "truncated"
