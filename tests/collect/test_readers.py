"""Each reader on good and bad files: what it yields, what it counts, and that it never fails otherwise."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.collect.dispatch import read_file
from aigc_cli.collect.readers import kind_of
from aigc_cli.collect.records import Context, Record, Settings
from aigc_cli.collect.streams import lines

CHINESE = "春天来了，公园里的花都开了。我们的模型需要大量的训练数据。"


def read(path: Path, start: int = 0, end: int | None = None, **options: Any) -> tuple[list[Record], dict[str, int]]:
    """(records, {reason: number}) of one file."""
    context = Context(Settings(**options))
    kind = kind_of(path.name)
    assert kind
    records = list(read_file(str(path), path.name, kind, context.settings, context, start, end))
    counts = {key.partition(":") for key in context.counts}
    return records, {reason: context.counts[f"{k}:{reason}"] for k, _, reason in counts if k != "encodings"}


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# -- text --------------------------------------------------------------------------------------------------------


def test_a_text_file_is_one_document_unchanged(tmp_path):
    text = "# Title\r\n\r\nline\n\ttab  \n"
    for name in ("a.txt", "a.md"):
        assert read(write(tmp_path / name, text)) == ([Record(text, name, 0)], {})


def test_lines_are_documents_numbered_by_their_bytes(tmp_path):
    records, _ = read(write(tmp_path / "a.txt", "eins\n\n  \nzwei\r\ndrei"), lines=True)
    assert [(r.text, r.number) for r in records] == [("eins", 0), ("zwei", 9), ("drei", 15)]


@pytest.mark.parametrize("name", ["gb18030", "utf-16-le", "utf-16", "utf-8-sig"])
def test_lines_in_other_encodings(tmp_path, name):
    texts = [CHINESE, "第二行文字也在这里。", "第三行也是中文。"]
    records, counts = read(write(tmp_path / "a.txt", "\n".join(texts).encode(name)), lines=True)
    assert [r.text for r in records] == texts
    assert not counts


def test_binary_with_a_text_suffix(tmp_path):
    data = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 40
    for name, by_line in (("a.txt", False), ("b.txt", True), ("c.jsonl", False), ("d.csv", False), ("e.json", False)):
        assert read(write(tmp_path / name, data), lines=by_line) == ([], {"binary": 1})


def test_documents_above_the_limit(tmp_path):
    path = write(tmp_path / "a.txt", "x" * 101)
    assert read(path, max_document_bytes=100) == ([], {"too_long": 1})
    assert len(read(path, max_document_bytes=101)[0]) == 1


def test_a_line_above_the_limit_is_passed_over_in_small_pieces(tmp_path):
    """50 MB without a newline, with a limit of 1 kB: nothing of that size is held."""
    import tracemalloc

    path = tmp_path / "a.jsonl"
    with open(path, "wb") as file:
        file.write(b'{"text": "before"}\n{"text": "')
        for _ in range(50):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n{"text": "after"}\n')
    tracemalloc.start()
    records, counts = read(path, max_document_bytes=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [r.text for r in records] == ["before", "after"]
    assert counts == {"too_long": 1}
    assert peak < 4 << 20


# -- JSON --------------------------------------------------------------------------------------------------------


def test_json_lines_keep_their_provenance(tmp_path):
    line = {"id": 7, "text": "a", "url": "https://e.org", "license": "CC0-1.0", "lang": "en", "other": [1]}
    records, counts = read(write(tmp_path / "a.jsonl", json.dumps(line)))
    assert records == [Record("a", "a.jsonl", 0, "7", "https://e.org", "CC0-1.0", "en")]
    assert not counts


def test_json_lines_with_bad_lines(tmp_path):
    lines = ['{"text": "one"}', "{broken", "", '{"title": "no text"}', '{"text": 5}', '{"text": null, "body": "two"}',
             "[1]", '"three"', '{"text": "a", "text": "b"}', "[" * 100_000, '{"text": "four"}']  # fmt: skip
    records, counts = read(write(tmp_path / "a.jsonl", "\n".join(lines)))
    assert [r.text for r in records] == ["one", "two", "three", "four"]
    assert counts == {
        "invalid_json": 2, "missing_text_field": 1, "text_not_a_string": 1, "not_an_object": 1,
        "duplicate_text_field": 1,
    }  # fmt: skip


def test_examples_name_the_line(tmp_path):
    context = Context()
    path = write(tmp_path / "a.jsonl", '{"text": "x"}\n{"title": "t", "n": 1}\n')
    list(read_file(str(path), "a.jsonl", ".jsonl", context.settings, context))
    assert context.examples == {"rejected_examples:missing_text_field": ["a.jsonl:2 (has title, n)"]}


@pytest.mark.parametrize(("field", "text"), [("abstract", "x"), ("doc.body", "y"), ("a.b", "z")])
def test_text_field(tmp_path, field, text):
    line = '{"text": "no", "abstract": "x", "doc": {"body": "y"}, "a.b": "z"}'
    assert [r.text for r in read(write(tmp_path / "a.jsonl", line), text_field=field)[0]] == [text]


def test_repeated_keys_elsewhere_do_not_matter(tmp_path):
    line = '{"text": "he said \\"text\\"", "meta": {"k": 1}}'
    assert len(read(write(tmp_path / "a.jsonl", line))[0]) == 1


@given(st.lists(st.text(max_size=30), max_size=30), st.integers(1, 80))
@settings(max_examples=60, deadline=None)
def test_byte_ranges_give_every_line_once(tmp_path_factory, texts, size):
    path = tmp_path_factory.mktemp("ranges") / "a.jsonl"
    write(path, "".join(json.dumps({"text": t}, ensure_ascii=len(t) % 2 == 0) + "\n" for t in texts
                        if not any("\ud800" <= c <= "\udfff" for c in t)))  # fmt: skip
    whole, _ = read(path)
    total = path.stat().st_size
    pieces = [r for start in range(0, total, size) for r in read(path, start, min(start + size, total))[0]]
    assert pieces == whole


@pytest.mark.parametrize(
    "content",
    [
        '{"text": "a"}', '[{"text": "a"}, {"text": "b"}]', '["a", "b"]', '{"data": [{"text": "a"}, {"text": "b"}]}',
        '{"text": "a"}\n{"text": "b"}\n', '{\n "text": "a"\n}\n{\n "text": "b"\n}', "[]", '\ufeff[{"text": "a"}]',
    ],
)  # fmt: skip
def test_shapes_of_json_files(tmp_path, content):
    records, counts = read(write(tmp_path / "a.json", content))
    assert [r.text for r in records] == ["a", "b"][: content.count('"a"') + content.count('"b"')]
    assert not counts


def test_a_json_array_larger_than_a_block(tmp_path):
    texts = [f"{i} " + "字" * (i * 37 % 5000) for i in range(300)]
    for ascii_only in (True, False):
        path = write(tmp_path / "a.json", json.dumps([{"text": t} for t in texts], ensure_ascii=ascii_only))
        assert [r.text for r in read(path)[0]] == texts
    path = write(tmp_path / "a.json", json.dumps([{"text": t} for t in texts], ensure_ascii=False).encode("gb18030"))
    assert [r.text for r in read(path)[0]] == texts


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"text": "a"}, {"text": "b"', "invalid_json"), ('{"text"', "invalid_json"), ("[" * 50_000, "invalid_json"),
        ('[{"text": "a"}', "invalid_json"), ("[1, 2]", "not_an_object"), ("NOT JSON", "invalid_json"),
        ('{"text": "a", "text": "b"}', "duplicate_text_field"), ("1" * 5000, "invalid_json"),
    ],
)  # fmt: skip
def test_bad_json_files(tmp_path, content, reason):
    assert reason in read(write(tmp_path / "a.json", content))[1]


def test_a_json_value_above_the_limit(tmp_path):
    path = write(tmp_path / "a.json", '[{"text": "ok"}, {"text": "' + "x" * 2_000_000 + '"}]')
    records, counts = read(path, max_document_bytes=1000)
    assert [r.text for r in records] == ["ok"]
    assert counts == {"too_long": 1}


def test_ranges_inside_one_long_line_read_no_further_than_their_end(tmp_path):
    path = write(tmp_path / "a.jsonl", b'{"text": "a"}\n' + b"x" * 3_000_000 + b'\n{"text": "b"}\n')
    read_bytes = []
    for start in range(0, 3_000_028, 300_000):
        with open(path, "rb") as stream:
            found = list(lines(stream, 1000, start, start + 300_000))
            read_bytes.append(stream.tell() - start)
            assert [line for _, line in found if line and line.strip()] == (
                [b'{"text": "a"}\n'] if not start else [b'{"text": "b"}\n'] if start == 3_000_000 else []
            )
    assert max(read_bytes[1:]) < 900_000


# -- HTML --------------------------------------------------------------------------------------------------------

PAGE = """<!DOCTYPE html><html lang="fr"><head><meta charset="{charset}"><title> A  title </title>
<link rel="canonical" href="https://example.org/page"><style>.x {{}}</style></head>
<body><nav><a href="/">Home</a> <a href="/about">About</a></nav><article><h1>Heading</h1>
<p>The first paragraph says something of some length, so that it is clearly content: {extra}</p>
<p>The second paragraph goes on and says more about the same thing, at length.</p></article>
<script>var hidden = 1;</script><footer>Copyright</footer></body></html>"""


@pytest.mark.parametrize("charset", ["utf-8", "gb2312", "big5"])
def test_a_page(tmp_path, charset):
    extra = "天地人" if charset != "utf-8" else "é"
    data = PAGE.format(charset=charset, extra=extra).encode(charset)
    (record,), counts = read(write(tmp_path / "a.html", data))
    assert record.text.startswith("A title\n\n")
    assert extra in record.text
    assert "second paragraph" in record.text
    assert "hidden" not in record.text
    assert "About" not in record.text
    assert (record.url, record.lang) == ("https://example.org/page", "fr")
    assert not counts


def test_all_text_of_a_page(tmp_path):
    path = write(tmp_path / "a.htm", PAGE.format(charset="utf-8", extra=""))
    assert "About" in read(path, extract="all")[0][0].text


def test_the_stated_language_stands_above_the_page(tmp_path):
    path = write(tmp_path / "a.html", PAGE.format(charset="utf-8", extra=""))
    assert read(path, lang="de")[0][0].lang is None


@pytest.mark.parametrize("content", ["", "<", "<html", "<div>" * 200_000, "<p>\0x", "<title>t", "</p></p>", "plain"])
def test_odd_pages(tmp_path, content):
    read(write(tmp_path / "a.html", content))


# -- tables ------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=20))
)
@settings(max_examples=60, deadline=None)
def test_csv_written_by_the_standard_library(tmp_path_factory, texts):
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["id", "text"])
    table.writerows((i, t) for i, t in enumerate(texts))
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", out.getvalue())
    records, counts = read(path)
    assert [(r.text, r.source_id) for r in records] == [(t, str(i)) for i, t in enumerate(texts)]
    assert not counts


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter):
    content = f"id{delimiter}text\n1{delimiter}hello\n"
    assert [r.text for r in read(write(tmp_path / "a.csv", content))[0]] == ["hello"]


def test_tsv_with_literal_quotes(tmp_path):
    records, _ = read(write(tmp_path / "a.tsv", 'text\tlang\n"Never" said he\ten\nand "so on\ten\n'))
    assert [(r.text, r.lang) for r in records] == [('"Never" said he', "en"), ('and "so on', "en")]


def test_bad_rows_of_a_table(tmp_path):
    content = "id,text\n1,one\n2\n3,a,b\n4," + "x" * 500 + '\n5,"' + "y\n" * 200 + '"\n6,six\n'
    records, counts = read(write(tmp_path / "a.csv", content), max_document_bytes=300)
    assert [r.text for r in records] == ["one", "six"]
    assert counts == {"missing_text_field": 1, "too_many_cells": 1, "too_long": 2}


@pytest.mark.parametrize(
    ("content", "reason"), [("id,title\n1,x\n", "no_text_column"), ("text,text\na,b\n", "duplicate_text_field")]
)
def test_tables_without_a_single_text_column(tmp_path, content, reason):
    assert read(write(tmp_path / "a.csv", content)) == ([], {reason: 1})


def test_columns_are_named_in_the_example(tmp_path):
    context = Context()
    path = write(tmp_path / "a.csv", "id,title\n1,x\n")
    list(read_file(str(path), "a.csv", ".csv", context.settings, context))
    assert context.examples == {"rejected_examples:no_text_column": ["a.csv (columns: id, title)"]}


def test_csv_in_gbk(tmp_path):
    data = f"编号,text\n1,{CHINESE}\n".encode("gb18030")
    assert [r.text for r in read(write(tmp_path / "a.csv", data))[0]] == [CHINESE]


TABLE = pa.table({"id": [1, 2, 3], "body": ["a", None, "c"], "lang": ["en", "zh", None], "n": [0.5, 1.5, 2.5]})


def arrow_file(path: Path, table: pa.Table, stream: bool) -> Path:
    with pa.OSFile(str(path), "wb") as sink:
        new = pa.ipc.new_stream if stream else pa.ipc.new_file
        with new(sink, table.schema) as writer:
            writer.write_table(table)
    return path


def columnar(tmp_path: Path, table: pa.Table) -> list[Path]:
    pq.write_table(table, tmp_path / "a.parquet")
    return [
        tmp_path / "a.parquet", arrow_file(tmp_path / "a.arrow", table, True),
        arrow_file(tmp_path / "b.arrow", table, False),
    ]  # fmt: skip


def test_parquet_and_both_arrow_formats(tmp_path):
    for path in columnar(tmp_path, TABLE):
        records, counts = read(path)
        assert [(r.text, r.number, r.source_id, r.lang) for r in records] == [("a", 0, "1", "en"), ("c", 2, "3", None)]
        assert counts == {"missing_text_field": 1}


def test_columnar_text_field(tmp_path):
    table = pa.table({"doc": [{"body": "x"}], "n": [1], "raw": [b"bytes"]})
    for path in columnar(tmp_path, table):
        assert [r.text for r in read(path, text_field="doc.body")[0]] == ["x"]
        assert [r.text for r in read(path, text_field="raw")[0]] == ["bytes"]
        assert read(path, text_field="n") == ([], {"text_not_a_string": 1})
        assert read(path) == ([], {"no_text_column": 1})


def test_truncated_and_damaged_columnar_files(tmp_path):
    table = pa.table({"text": [f"row {i} " * 20 for i in range(2000)]})
    for path in columnar(tmp_path, table):
        data = path.read_bytes()
        for size in (0, 3, 8, 40, len(data) // 2, len(data) - 9):
            records, counts = read(write(path, data[:size]))
            assert len(records) < 2000 or path.name == "a.arrow"
            assert set(counts) <= ({"corrupt", "truncated"} if size else {"empty"})
        for place in range(0, len(data), max(1, len(data) // 40)):
            damaged = bytearray(data)
            damaged[place : place + 8] = b"\xff" * 8
            read(write(path, bytes(damaged)))


def test_an_unreadable_file(tmp_path):
    context = Context()
    missing = tmp_path / "gone.txt"
    assert list(read_file(str(missing), "gone.txt", ".txt", context.settings, context)) == []
    assert context.counts == {"rejected:unreadable": 1}
