"""Web archives: what is in a sound one agrees with FastWARC; damage costs the record that it hits."""

from __future__ import annotations

import gzip
import io
import random
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from aigc_cli.collect import collect, step, streams
from aigc_cli.collect.dispatch import read_file
from aigc_cli.collect.options import CollectOptions
from aigc_cli.collect.readers import kind_of
from aigc_cli.collect.readers import warc as reader
from aigc_cli.collect.records import Context, Settings
from aigc_cli.core import engine
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards

RANDOM = random.Random(3)


def page(text: str, head: str = "") -> bytes:
    return f"<html><head><title>T</title>{head}</head><body><p>{text}</p></body></html>".encode()


def http(payload: bytes, *fields: str, status: str = "200 OK", kind: str = "text/html; charset=utf-8") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def record(block: bytes, uri: str = "http://example.org/", kind: str = "response", length: int | None = None,
           media: str = "application/http; msgtype=response", *fields: str) -> bytes:  # fmt: skip
    lines = ["WARC/1.0", f"WARC-Type: {kind}", f"WARC-Target-URI: {uri}", "WARC-Date: 2024-01-01T00:00:00Z",
             f"WARC-Record-ID: <urn:uuid:{RANDOM.getrandbits(128):032x}>", f"Content-Type: {media}", *fields,
             f"Content-Length: {len(block) if length is None else length}"]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data))


PACK = {".warc": bytes, ".warc.gz": gzip.compress, ".warc.zst": zstd}
KINDS = sorted(PACK)
PAGES = [record(http(page(f"This is the text of page {i}. {RANDOM.randbytes(40).hex()}")), f"http://example.org/{i}")
         for i in range(8)]  # fmt: skip


def read(path: Path, start: int = 0, end: int | None = None, **options: Any) -> tuple[list[Any], dict[str, int]]:
    context = Context(Settings(**options))
    kind = kind_of(path.name)
    assert kind
    found = list(read_file(str(path), path.name, kind, context.settings, context, start, end))
    return found, {key: n for key, n in context.counts.items() if not key.startswith("encodings:")}


def write(path: Path, records: list[bytes]) -> Path:
    pack = PACK[kind_of(path.name) or ""]
    path.write_bytes(b"".join(pack(r) for r in records))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_pages_with_address_and_place(tmp_path, kind):
    path = write(tmp_path / f"a{kind}", PAGES)
    found, counts = read(path)
    assert counts == {}
    assert [r.url for r in found] == [f"http://example.org/{i}" for i in range(8)]
    assert all(f"This is the text of page {i}." in r.text for i, r in enumerate(found))
    assert {r.source for r in found} == {path.name}
    if kind != ".warc.zst":  # what FastWARC calls the place of a record
        assert [r.number for r in found] == [r.stream_pos for r in ArchiveIterator(io.BytesIO(path.read_bytes()))]
    assert len({r.number for r in found}) == 8


def test_other_records_are_passed_over(tmp_path):
    sorts = [record(b"software: x", kind="warcinfo", media="application/warc-fields"), PAGES[0],
             record(b"GET / HTTP/1.1\r\n\r\n", kind="request"), record(b"fetchTimeMs: 3", kind="metadata"),
             record(http(b""), kind="revisit"), record(http(page("gone"), status="404 Not Found")),
             record(http(b"", "Location: /x", status="301 Moved")), record(http(b"\x89PNG", kind="image/png")),
             record(http(b'{"a": 1}', kind="application/json"))]  # fmt: skip
    found, counts = read(write(tmp_path / "a.warc.gz", sorts))
    assert len(found) == 1
    assert counts == {
        "skipped:warc_warcinfo": 1, "skipped:warc_request": 1, "skipped:warc_metadata": 1, "skipped:warc_revisit": 1,
        "skipped:http_4xx": 1, "skipped:http_3xx": 1, "skipped:other_content_type": 2,
    }  # fmt: skip


def chunked(data: bytes, size: int = 50) -> bytes:
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


BODY = page("The payload is decoded, whatever its codings are. " * 5)
RAW = zlib.compressobj(wbits=-15)
BROTLI = b"\x1b\x2d\x00\xf8"


@pytest.mark.parametrize("block", [
    http(BODY, "Content-Encoding: gzip"),  # stored decoded, as Common Crawl does
    http(gzip.compress(BODY), "Content-Encoding: gzip"), http(zlib.compress(BODY), "Content-Encoding: deflate"),
    http(RAW.compress(BODY) + RAW.flush(), "Content-Encoding: deflate"), http(zstd(BODY), "Content-Encoding: zstd"),
    http(chunked(BODY), "Transfer-Encoding: chunked"), http(BODY, "Transfer-Encoding: chunked"),
    http(chunked(gzip.compress(BODY)), "Transfer-Encoding: chunked", "Content-Encoding: x-gzip"),
    http(chunked(BODY)[:-5], "Transfer-Encoding: chunked"), http(BODY).replace(b"\r\n", b"\n"),
    http(BODY, kind=""), http(BODY, kind="application/octet-stream"), http(BODY, kind="text/plain"),
])  # fmt: skip
def test_http_codings(tmp_path, block):
    found, counts = read(write(tmp_path / "a.warc.gz", [record(block)]))
    assert counts == {}
    assert found[0].text.count("The payload is decoded, whatever its codings are.") == 5


def test_brotli(tmp_path):
    import brotli

    found, _ = read(write(tmp_path / "a.warc", [record(http(brotli.compress(BODY), "Content-Encoding: br"))]))
    assert found[0].text.count("decoded") == 5


def test_a_coding_cut_short_gives_what_came_before(tmp_path):
    text = " ".join(RANDOM.randbytes(8).hex() for _ in range(2000))
    data = gzip.compress(page(text))
    path = write(tmp_path / "a.warc.gz", [record(http(data[: len(data) // 2], "Content-Encoding: gzip"))])
    found, _ = read(path)
    assert 0.3 * len(text) < len(found[0].text) < 0.7 * len(text)


CHINESE = "这是一个用来检查编码的网页。它的文字是中文。" * 6


@pytest.mark.parametrize(("header", "meta", "codec"), [
    ("; charset=gb2312", "", "gb18030"), ("", "<meta charset=big5>", "big5"), ("", "", "gb18030"), ("", "", "utf-8"),
    ("; charset=iso-8859-1", "", "utf-8"),  # the bytes say otherwise
    ("; charset=big5", "<meta charset=gb2312>", "big5"),  # the header comes first
])  # fmt: skip
def test_charset_of_header_then_page_then_bytes(tmp_path, header, meta, codec):
    text = CHINESE if codec != "big5" else "這是一個用來檢查編碼的網頁。它的文字是中文。" * 6
    body = f"<html><head>{meta}<title>x</title></head><body><p>{text}</p></body></html>".encode(codec)
    found, counts = read(write(tmp_path / "a.warc.gz", [record(http(body, kind=f"text/html{header}"))]))
    assert counts == {} and text in found[0].text


def test_plain_text_and_binary(tmp_path):
    records = [record(http(b"Just words.", kind="text/plain")), record(http(bytes(range(256)) * 20)),
               record(b"a resource", kind="resource", media="text/plain")]  # fmt: skip
    found, counts = read(write(tmp_path / "a.warc.gz", records))
    assert [r.text for r in found] == ["Just words.", "a resource"]
    assert counts == {"rejected:binary": 1}


def test_wet(tmp_path):
    field = "WARC-Identified-Content-Language: "
    args = ("http://example.org/a", "conversion", None, "text/plain")
    records = [record(b"Ein Satz.", *args, field + "deu"), record(b"Two", *args, field + "eng,fra")]
    (tmp_path / "a.warc.wet.gz").write_bytes(b"".join(map(gzip.compress, records)))
    found, counts = read(tmp_path / "a.warc.wet.gz")
    assert [(r.text, r.lang) for r in found] == [("Ein Satz.", "de"), ("Two", None)] and counts == {}


def test_the_licence_that_a_page_declares(tmp_path):
    link = '<link rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">'
    path = write(tmp_path / "a.warc.gz", [record(http(page("x y z", link))), PAGES[0]])
    assert [r.license for r in read(path)[0]] == ["CC-BY-SA-4.0", None]


def texts(found: list[Any]) -> list[int]:
    return [int(r.text.split("page ")[1].split(".")[0]) for r in found]


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file(tmp_path, kind):
    path = write(tmp_path / f"a{kind}", PAGES)
    path.write_bytes(path.read_bytes()[:-60])
    found, counts = read(path)
    assert texts(found) == list(range(7)) and counts == {"rejected:truncated": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_cut_in_the_middle_of_the_file(tmp_path, kind):
    pieces = [PACK[kind](r) for r in PAGES]
    pieces[3] = pieces[3][:-150]
    (tmp_path / f"a{kind}").write_bytes(b"".join(pieces))
    found, counts = read(tmp_path / f"a{kind}")
    assert texts(found) == [0, 1, 2, 4, 5, 6, 7]
    assert sum(counts.values()) == 1 and "rejected" in next(iter(counts))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [10, 5000, 100_000_000, -3])
def test_a_wrong_length(tmp_path, kind, length):
    records = list(PAGES)
    records[2] = record(http(page("This is wrong")), length=length)
    found, counts = read(write(tmp_path / f"a{kind}", records))
    assert texts(found) == [0, 1, 3, 4, 5, 6, 7]
    assert sum(counts.values()) == 1
    assert set(counts) <= {"rejected:wrong_length", "rejected:truncated", "rejected:too_long"}


@pytest.mark.parametrize("kind", KINDS)
def test_damage_and_junk(tmp_path, kind):
    path = write(tmp_path / f"a{kind}", PAGES)
    data = path.read_bytes()
    second = len(PACK[kind](PAGES[0]))
    path.write_bytes(data[:second] + b"JUNK\r\n" * 9 + data[second:] + b"\0" * 300)
    found, counts = read(path)
    assert texts(found) == list(range(8)) and counts == {"rejected:corrupt": 1}
    for _ in range(30):
        place = RANDOM.randrange(len(data))
        path.write_bytes(data[:place] + RANDOM.randbytes(7) + data[place + 7 :])
        found, counts = read(path)
        assert len(found) >= 6, counts


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_archive(tmp_path, kind):
    (tmp_path / f"a{kind}").write_bytes(b"these are words, and not an archive " * 50)
    assert read(tmp_path / f"a{kind}") == ([], {"rejected:corrupt": 1})


def test_records_above_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "WRAPPING_BYTES", 1000)
    big = record(http(page("x" * 9000)), "http://example.org/big")
    tight = record(http(gzip.compress(page("x" * 6000)), "Content-Encoding: gzip"))
    for kind in KINDS:
        found, counts = read(write(tmp_path / f"a{kind}", [PAGES[0], big, tight, PAGES[1]]), max_document_bytes=4000)
        assert texts(found) == [0, 1] and counts == {"rejected:too_long": 2}


@pytest.mark.parametrize("kind", [".warc.gz", ".warc.zst"])
def test_a_bomb_costs_its_member_and_the_sum_the_file(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FROM_BYTES", 1 << 20)
    bomb = record(http(b" " * (8 << 20)))
    path = write(tmp_path / f"a{kind}", [*PAGES[:4], bomb, *PAGES[4:]])
    path.write_bytes(path.read_bytes() + RANDOM.randbytes(90_000))  # so that the whole is no bomb
    found, counts = read(path)
    assert texts(found) == list(range(8)), counts
    assert counts == {"rejected:expands_too_much": 1, "rejected:corrupt": 1}
    found, counts = read(path, max_expanded_bytes=3000)
    assert 0 < len(found) < 8 and counts == {"rejected:expands_too_much": 1}


def test_many_records_in_one_member(tmp_path):
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(b"".join(PAGES[:4])) + gzip.compress(b"".join(PAGES[4:])))
    found, counts = read(tmp_path / "a.warc.gz")
    assert texts(found) == list(range(8)) and counts == {} and len({r.number for r in found}) == 8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [100, 333, 1000, 5000])
def test_ranges_give_every_record_once(tmp_path, kind, size):
    path = write(tmp_path / f"a{kind}", PAGES)
    whole = read(path)[0]
    parts = [r for start in range(0, path.stat().st_size, size) for r in read(path, start, start + size)[0]]
    assert parts == whole


def test_a_dictionary_of_zstd(tmp_path):
    from fastwarc.stream_io import ZstdWriter, zstd_train_dictionary_from_samples

    words = [f"http://example.org/{i} a common sentence of the pages {i * 7}".encode() * 3 for i in range(400)]
    dictionary = zstd_train_dictionary_from_samples(words, 2000)
    frames = []
    for data in PAGES:
        out = io.BytesIO()
        writer = ZstdWriter(out, dictionary=dictionary)
        writer.write(data)
        writer.close() if not out.closed else None
        frames.append(out.getvalue())
    head = b"\x5d\x2a\x4d\x18" + len(dictionary).to_bytes(4, "little") + dictionary
    (tmp_path / "a.warc.zst").write_bytes(head + b"".join(frames))
    found, counts = read(tmp_path / "a.warc.zst")
    assert texts(found) == list(range(8)) and counts == {}


def test_against_fastwarc(tmp_path):
    """The same pages, decoded to the same length, as the library finds."""
    ways = (lambda b: http(gzip.compress(b), "Content-Encoding: gzip"),
            lambda b: http(chunked(b), "Transfer-Encoding: chunked"), http)  # fmt: skip
    blocks = [ways[n % 3](page("word " * n)) for n in range(1, 40)]
    path = write(tmp_path / "a.warc.gz", [record(b, f"http://example.org/{n}") for n, b in enumerate(blocks)])
    theirs = {}
    for r in ArchiveIterator(io.BytesIO(path.read_bytes()), WarcRecordType.response, auto_decode="all"):
        theirs[r.headers["WARC-Target-URI"]] = r.reader.read().count(b"word")
    assert {r.url: r.text.count("word") for r in read(path, extract="all")[0]} == theirs


def test_bytes_do_not_depend_on_workers_or_ranges(here, monkeypatch):
    monkeypatch.setattr(step, "RANGE_BYTES", 1500)
    monkeypatch.setattr(engine, "INLINE_BYTES", 0)  # so that two workers are two processes
    Path("raw").mkdir()
    write(Path("raw/a.warc.gz"), PAGES)
    write(Path("raw/b.warc"), PAGES)
    write(Path("raw/c.warc.zst"), PAGES)
    made = []
    for workers in (1, 2):
        out = Path(f"docs{workers}")
        collect(["raw"], CollectOptions(), Common(output=out, workers=workers))
        made.append(
            {f.name: f.read_bytes() for f in out.iterdir() if f.suffix in (".arrow", ".json") and "run" not in f.name}
        )
    assert made[0] == made[1]
    rows = [row for batch in Shards.open("docs1").batches() for row in batch.to_pylist()]
    assert len(rows) == len({row["id"] for row in rows}) == 24
