"""Web archives (WARC, also of extracted text: WET): one document a web page that was fetched with success."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from aigc_cli.collect import encoding
from aigc_cli.collect.readers import html
from aigc_cli.collect.records import Context, Record, plain
from aigc_cli.collect.sniff import sniff
from aigc_cli.collect.streams import Budget, seekable
from aigc_cli.collect.warc import http
from aigc_cli.collect.warc.frames import Frame, frames
from aigc_cli.collect.warc.members import GzipMembers, ZstdMembers

WRAPPING_BYTES = 1 << 20  # a record may have this much more than its document: HTTP header, chunk sizes
# Records after the first of a member are numbered from here on, by their place in what the member expands to:
# such a number cannot be the place of another member in the file.
SHARED = 1 << 48
_WEB = ("text/html", "application/xhtml+xml")
_UNSAID = ("", "application/octet-stream", "text/xml", "application/xml", "application/x-unknown-content-type")
# ISO 639-3, as Common Crawl's text files name languages, to the codes that pages use.
_LANGUAGES = (
    "eng:en zho:zh deu:de fra:fr spa:es ita:it por:pt rus:ru jpn:ja kor:ko nld:nl pol:pl ukr:uk ces:cs slk:sk slv:sl "
    "hrv:hr srp:sr bos:bs bul:bg ron:ro hun:hu ell:el tur:tr ara:ar heb:he fas:fa hin:hi ben:bn tam:ta tel:te mar:mr "
    "guj:gu kan:kn mal:ml pan:pa urd:ur tha:th vie:vi ind:id msa:ms fil:tl swe:sv dan:da nor:no nob:nb nno:nn fin:fi "
    "est:et lav:lv lit:lt isl:is gle:ga cym:cy cat:ca eus:eu glg:gl lat:la epo:eo afr:af swa:sw sqi:sq mkd:mk bel:be "
    "kat:ka hye:hy aze:az kaz:kk uzb:uz mon:mn nep:ne sin:si khm:km lao:lo mya:my amh:am"
)


def read(stream: BinaryIO, label: str, context: Context, start: int = 0, end: int | None = None) -> Iterator[Record]:
    """The pages whose records begin in [start, end) of a file that is not compressed, numbered by offset."""
    if start:
        stream.seek(start)
    for frame in frames(stream, context.settings.max_document_bytes + WRAPPING_BYTES, start, end):
        yield from _documents(frame, frame.offset, label, context)


def read_gzipped(
    stream: BinaryIO, label: str, context: Context, start: int = 0, end: int | None = None
) -> Iterator[Record]:
    """The pages of the gzip members that begin in [start, end)."""
    stream = seekable(stream)
    yield from _members(GzipMembers(stream, context.budget or Budget(1)), label, context, start, end)


def read_zstd(
    stream: BinaryIO, label: str, context: Context, start: int = 0, end: int | None = None
) -> Iterator[Record]:
    """The pages of the zstd frames that begin in [start, end)."""
    stream = seekable(stream)
    yield from _members(ZstdMembers(stream, context.budget or Budget(1)), label, context, start, end)


def _members(
    members: GzipMembers | ZstdMembers, label: str, context: Context, start: int, end: int | None
) -> Iterator[Record]:
    limit = context.settings.max_document_bytes + WRAPPING_BYTES
    following: int | None = None if start else 0  # where a member has to begin
    offset = members.next_after(start, end)
    while True:
        if following not in (None, offset) and (end is None or following < end) and not members.is_padding(following):
            context.reject("corrupt", f"{label}[{following}]")
        if offset is None:
            return
        member, counted = members.at(offset), False
        for frame in frames(member, limit):
            if frame.problem and member.problem:
                frame.problem, counted = member.problem, True
            yield from _documents(frame, SHARED + offset + frame.offset if frame.offset else offset, label, context)
        if member.problem and not counted:
            context.reject(member.problem, f"{label}[{offset}]")
        following = member.end
        offset = members.next_after(offset + 1 if following is None else following, end)


def _documents(frame: Frame, number: int, label: str, context: Context) -> Iterator[Record]:
    """The document in one record, or none after counting why not."""
    where = f"{label}[{number}]"
    kind = frame.fields.get("warc-type", "").lower()
    if frame.problem == "too_long" and kind in ("request", "metadata", "warcinfo", "revisit"):
        frame.problem = None
    if frame.problem:
        context.reject(frame.problem, where)
        return
    if kind == "conversion":
        found = http.Response(200, *http.media_type(frame.fields.get("content-type", "")), frame.block)
    elif kind in ("response", "resource"):
        try:
            found = http.response(frame.block, context.settings.max_document_bytes)
        except http.TooLongError:
            context.reject("too_long", where)
            return
        if not found.status:
            mime, charset = http.media_type(frame.fields.get("content-type", ""))
            if mime == "application/http":
                context.reject("corrupt", where)
                return
            found = http.Response(200, mime, charset, found.payload)
    else:
        named = ("warcinfo", "request", "metadata", "revisit", "continuation")
        context.skip(f"warc_{kind if kind in named else 'other'}", where)
        return
    if found.status != 200:
        context.skip(f"http_{found.status // 100}xx", where)
        return
    if frame.fields.get("warc-truncated"):
        context.counts["repaired:cut_by_the_crawler"] += 1
    yield from _texts(found, frame, number, label, context)


def _texts(found: http.Response, frame: Frame, number: int, label: str, context: Context) -> Iterator[Record]:
    where, payload = f"{label}[{number}]", found.payload
    if len(payload) > context.settings.max_document_bytes:
        context.reject("too_long", where)
        return
    web = found.content_type in _WEB
    if not web and (found.content_type in _UNSAID or found.content_type == "text/plain"):
        web = sniff(payload[:4096]) == ".html"
        if not web and found.content_type != "text/plain":
            context.skip("other_content_type", where)
            return
    elif not web:
        context.skip("other_content_type", where)
        return
    url = plain(frame.fields.get("warc-target-uri", "").strip("<> "))
    try:
        charset = found.charset or (encoding.declared_charset(payload) if web else None)
        text, name = encoding.decode(payload, charset)
        context.read_as(name)
        if not web:
            yield Record(text, label, number, url=url, lang=_language(frame, context))
            return
        for record in html.read(io.BytesIO(text.encode("utf-8", "replace")), where, context):
            yield record._replace(source=label, number=number, url=url or record.url)
    except encoding.UndecodableError as error:
        context.reject(error.reason, where)


def _language(frame: Frame, context: Context) -> str | None:
    """The language that Common Crawl found in a text, where it is one language only."""
    code = frame.fields.get("warc-identified-content-language", "")
    found = _LANGUAGES.find(f"{code}:") if len(code) == 3 else -1
    return None if context.settings.lang or found < 0 else _LANGUAGES[found + 4 : found + 6]
