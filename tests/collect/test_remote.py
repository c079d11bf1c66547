"""URLs: what servers and stores may do to us, what is read, what is never shown, what a killed run asks again."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import json
import socket
import threading
import time
import zlib
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from aigc_cli.cli import main
from aigc_cli.collect import collect, read_documents, remote, remote_address, remote_http, remote_units
from aigc_cli.collect.options import CollectOptions
from aigc_cli.collect.remote_address import is_public
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.core.errors import ConfigError, DataError, MissingExtra
from aigc_cli.core.files import hash_file
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards
from aigc_cli.core.urls import shown, without_secrets

QUICK = {"timeout_s": 1.0, "deadline_s": 2.5, "retries": 0}
GOOD = b'{"text": "a good document"}\n'


class Server:
    """A server on 127.0.0.1 that answers each path with a function of (connection, request head)."""

    def __init__(self) -> None:
        self.pages: dict[str, object] = {"/good.jsonl": page(GOOD)}
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self.over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.root = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            path = head.split()[1].decode()
            self.asked.append(path)
            self.heads.append(head)
            answer = self.pages.get(path.partition("?")[0], page(b"", "404 Not Found"))
            answer(connection) if callable(answer) else connection.sendall(answer)

    def close(self) -> None:
        self.over.set()
        self._socket.close()


def page(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = {"Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status}\r\n{text}\r\n".encode() + body


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _here(here, monkeypatch):
    monkeypatch.setattr(remote, "BACKOFF_S", 0.01)


@pytest.fixture
def store():
    fs = fsspec.filesystem("memory")
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    yield fs
    MemoryFileSystem.store.clear()


def run(*names, output="docs", options=None, **fetching):
    return collect([str(n) for n in names], options, Common(output=Path(output)),
                   FetchOptions(**{**QUICK, **fetching}))  # fmt: skip


def rows(path="docs"):
    return pa.Table.from_batches(list(Shards.open(path).batches())).to_pylist()


def payload(directory):
    return {p.name: hash_file(p) for p in sorted(Path(directory).iterdir())
            if p.is_file() and p.name not in ("run.json", "journal.jsonl")}  # fmt: skip


# -- servers that misbehave ------------------------------------------------------------------------------------------


def stalls(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    time.sleep(3)


def silent(connection):
    time.sleep(3)


def drips(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(60):
        connection.sendall(b"x")
        time.sleep(0.05)


def drips_headers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(60):
        connection.sendall(b"x")
        time.sleep(0.05)


def endless_bytes(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def endless_chunks(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall((b"1000\r\n" + b"x" * 4096 + b"\r\n") * 16)


def endless_headers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: yes\r\n" * 100)


def endless_header_line(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(b"x" * 65536)


def endless_continues(connection):
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 50)


def endless_trailers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    while True:
        connection.sendall(b"X-More: yes\r\n" * 5000)


def resets(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def cut_chunks(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort")


def moved(place, status="302 Found"):
    return page(b"", status, Location=place)


MISBEHAVIOUR = {
    "stalls": (stalls, "timed_out"),
    "silent": (silent, "timed_out"),
    "drips": (drips, "timed_out"),
    "drips_headers": (drips_headers, "timed_out"),
    "endless_continues": (endless_continues, "timed_out"),
    "endless_bytes": (endless_bytes, "too_large"),
    "endless_chunks": (endless_chunks, "too_large"),
    "says_too_much": (page(b"", Content_Length="99999999999"), "too_large"),
    "endless_headers": (endless_headers, "invalid_response"),
    "endless_header_line": (endless_header_line, "invalid_response"),
    "no_http": (b"SSH-2.0-OpenSSH_9.6\r\n" * 10, "invalid_response"),
    "bad_chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "truncated"),
    "resets": (resets, "connection_lost"),
    "closes": (b"", "connection_lost"),
    "truncated": (page(b"short", Content_Length="500"), "truncated"),
    "cut_chunks": (cut_chunks, "truncated"),
    "bomb": (page(gzip.compress(bytes(1 << 20)) * 80, Content_Encoding="gzip"), "expands_too_much"),
    "bad_gzip": (page(b"no gzip", Content_Encoding="gzip"), "corrupt"),
    "cut_gzip": (page(gzip.compress(b"text" * 999)[:-9], Content_Encoding="gzip"), "truncated"),
    "brotli": (page(b"?", Content_Encoding="br"), "unsupported_compression"),
    "not_found": (page(b"", "404 Not Found"), "http_404"),
    "forbidden": (page(b"", "403 Forbidden"), "http_403"),
    "broken": (page(b"", "500 Internal Server Error"), "http_500"),
    "to_file": (moved("file:///etc/passwd"), "redirect_refused"),
    "to_ftp": (moved("ftp://127.0.0.1/x"), "redirect_refused"),
    "to_nowhere": (page(b"", "302 Found"), "invalid_response"),
    "to_port_zero": (moved("http://127.0.0.1:0/"), "invalid_url"),
    "to_bad_host": (moved("http://[::bad/"), "redirect_refused"),
    "forever": (moved("/forever.jsonl"), "too_many_redirects"),
    "to_another_private_host": (moved("http://127.0.0.2:1/"), "redirect_refused"),
}


# Limits that leave a slow machine no other outcome than the one expected.
PATIENT = {"timeout_s": 10.0, "deadline_s": 60.0}
BOUNDS = {"timed_out": {}, "too_large": {**PATIENT, "max_fetch_bytes": 200_000}}


@pytest.mark.parametrize("group", ["timed_out", "too_large", "others"])
def test_every_misbehaviour_is_a_counted_rejection(server, group):
    wanted: dict[str, list[str]] = {}
    for name, (answer, reason) in MISBEHAVIOUR.items():
        if group == (reason if reason in BOUNDS else "others"):
            server.pages[f"/{name}.jsonl"] = answer
            wanted.setdefault(reason, []).append(name)
    names = [f"{server.root}/{name}.jsonl" for found in wanted.values() for name in found]
    bounds = BOUNDS.get(group, {**PATIENT, "max_fetch_bytes": 100 << 20})
    result = run(server.root + "/good.jsonl", *names, connections=16, **bounds)
    assert [row["text"] for row in rows()] == ["a good document"]
    facts = result.manifest["facts"]
    assert facts["rejected"] == {reason: len(found) for reason, found in sorted(wanted.items())}
    for reason, found in wanted.items():
        shown_names = [where.split("/")[3].partition(".jsonl")[0] for where in facts["examples"][reason]]
        assert shown_names == found[:3]
    assert not list(Path("docs").rglob("*.tmp"))


def test_endless_trailers_end_at_the_deadline_or_the_size(server):
    server.pages["/t.jsonl"] = endless_trailers
    result = run(server.root + "/good.jsonl", server.root + "/t.jsonl", max_fetch_bytes=1000)
    assert sum(result.manifest["facts"]["rejected"].get(r, 0) for r in ("timed_out", "too_large")) == 1


def test_a_server_that_recovers_is_asked_again(server):
    answers = iter([page(b"", "503 Service Unavailable", Retry_After="0"), b"", page(b"shor", Content_Length="99")])
    server.pages["/a.jsonl"] = lambda connection: connection.sendall(next(answers, page(GOOD)))
    run(server.root + "/a.jsonl", retries=3)
    assert len(rows()) == 1 and len(server.asked) == 4
    server.pages["/b.jsonl"] = page(b"", "503 Service Unavailable", Retry_After="3600")
    with pytest.raises(DataError, match="http_503"):
        run(server.root + "/b.jsonl", retries=3, output="more")
    assert server.asked.count("/b.jsonl") == 1, "the wait that it asks for is longer than the deadline"


def test_nothing_there_is_two_lines(server, capsys):
    assert main(["collect", server.root + "/none.txt?token=SECRET", "-o", "x", "--retries", "0"]) == 3
    error = capsys.readouterr().err
    assert "http_404" in error and error.count("\n") == 2 and "SECRET" not in error
    assert not Path("x").exists() and not Path("x.partial").exists()


# -- redirects and addresses -------------------------------------------------------------------------------------------


def test_redirects_within_the_named_host_are_followed(server):
    server.pages["/a.jsonl"] = moved("/b")
    server.pages["/b"] = moved(server.root + "/good.jsonl", "308 Permanent Redirect")
    run(server.root + "/a.jsonl")
    assert rows()[0]["source"] == server.root + "/a.jsonl" == rows()[0]["url"]


def test_a_public_url_does_not_lead_to_a_private_address(server, monkeypatch):
    server.pages["/a.jsonl"] = moved(server.root.replace("127.0.0.1", "inside.test") + "/good.jsonl")
    server.pages["/same.jsonl"] = moved("/good.jsonl")
    port = int(server.root.rpartition(":")[2])
    here = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(remote_address.socket, "getaddrinfo", lambda *_, **__: here)
    for name in ("a", "same"):
        # The named host is public when it is asked first; /same: and an inner machine later (rebinding).
        answers = itertools.chain([True], itertools.repeat(False))
        monkeypatch.setattr(remote_http, "is_public", lambda _, answers=answers: next(answers))
        with pytest.raises(DataError, match="redirect_refused"):
            run(f"http://public.test:{port}/{name}.jsonl", output=name)
    assert server.asked == ["/a.jsonl", "/same.jsonl"]


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
    "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1",
])  # fmt: skip
def test_private_addresses(address):
    assert not is_public(address)


def test_public_addresses():
    assert is_public("8.8.8.8") and is_public("2606:4700::1111") and is_public("64:ff9b::808:808")


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_credentials_are_used_and_never_kept(server, capsys, monkeypatch):
    place = server.root.replace("http://", "http://me:p%40ss@")
    server.pages["/moved.jsonl"] = moved("/good.jsonl")
    names = [place + "/good.jsonl", place + "/moved.jsonl?X-Amz-Signature=SIGNED&id=7", place + "/no.txt"]
    monkeypatch.setattr("sys.argv", ["aigc", "collect", *names])
    assert main(["collect", *names, "-o", "docs", "--json", "--retries", "0"]) == 0
    out = capsys.readouterr()
    kept = b"".join(p.read_bytes() for p in Path("docs").rglob("*") if p.is_file())
    for secret in ("p%40ss", "p@ss", "SIGNED", "me:"):
        assert secret not in out.out + out.err and secret.encode() not in kept
    assert b"?id=7" in kept and "SIGNED&id=7" in "".join(server.asked)
    assert all(b"Authorization: Basic bWU6cEBzcw==" in head for head in server.heads)


def test_credentials_do_not_follow_a_redirect_elsewhere(server):
    other = Server()
    server.pages["/a.jsonl"] = moved(other.root + "/good.jsonl")
    run(server.root.replace("http://", "http://me:pw@") + "/a.jsonl")
    other.close()
    assert b"Authorization" in server.heads[0] and b"Authorization" not in other.heads[0]


@pytest.mark.parametrize(("url", "wanted"), [
    ("https://u:p@h/a?b=1&sig=x#f", "https://h/a?b=1"), ("ftp://u:p/w@h/a", "ftp://h/a"),
    ("https://h/a?access_token=1", "https://h/a"), ("s3://bucket/a#b?c", "s3://bucket/a#b?c"),
    ("https://h:8080/a@b?q=x@y", "https://h:8080/a@b?q=x@y"), ("https://h/?keyword=tea", "https://h/?keyword=tea"),
])  # fmt: skip
def test_shown(url, wanted):
    assert shown(url) == wanted
    assert without_secrets(f"--x={url}") == f"--x={wanted}"


# -- what is read ------------------------------------------------------------------------------------------------------


def test_the_content_type_decides_where_there_is_no_suffix(server):
    html = b"<html lang=en><body><p>A page with a paragraph of some length in it.</p></body></html>"
    server.pages |= {
        "/page": page(html, Content_Type="text/html; charset=utf-8"),
        "/lines": page(GOOD, Content_Type="application/x-ndjson"),
        "/table": page(b"id,text\n1,in a table\n", Content_Type="text/csv"),
        "/told": page(GOOD, Content_Type="application/octet-stream"),
        "/plain": page(b"{ no json", Content_Type="text/plain"),
        "/packed": page(gzip.compress(b"packed for the way"), Content_Type="text/plain", Content_Encoding="gzip"),
        "/deflated": page(zlib.compress(b"deflated too"), Content_Type="text/plain", Content_Encoding="deflate"),
        "/a.txt.gz": page(gzip.compress(b"a gzip file"), Content_Encoding="gzip"),
        "/two words/é.txt": b"",
        "/two%20words/%C3%A9.txt": page(b"quoted"),
    }  # fmt: skip
    names = ["page", "lines", "table", "told", "plain", "packed", "deflated", "a.txt.gz", "two words/é.txt"]
    run(*[f"{server.root}/{name}" for name in names])
    assert [row["text"] for row in rows()] == [
        "A page with a paragraph of some length in it.", "a good document", "in a table", "a good document",
        "{ no json", "packed for the way", "deflated too", "a gzip file", "quoted",
    ]  # fmt: skip


def test_memory_files_directories_and_globs(store):
    for name, text in {"x/b.txt": "b", "x/a.jsonl": GOOD.decode(), "x/.hidden.txt": "h", "x/y/c.txt": "c",
                       "x/photo.png": "p", "z/d.txt": "d"}.items():  # fmt: skip
        store.pipe(f"/{name}", text.encode())
    result = run("memory://x", "memory://x/b.txt", "memory://*/*.txt", "memory://x/y/c.txt")
    assert [(row["source"], row["url"]) for row in rows()] == [
        (url, url) for url in ("memory://x/a.jsonl", "memory://x/b.txt", "memory://x/y/c.txt", "memory://z/d.txt")
    ]
    assert result.manifest["facts"]["skipped"]["same_file"] == 3
    assert result.manifest["facts"]["skipped"]["hidden"] == 2
    assert result.manifest["facts"]["skipped"]["unsupported"] == 1
    raw = result.manifest["raw"]
    assert [entry["url"] for entry in raw] == ["memory://x", "memory://x/b.txt", "memory://*/*.txt",
                                              "memory://x/y/c.txt"]  # fmt: skip
    assert (raw[0]["files"], raw[0]["bytes"]) == (3, len(GOOD) + 2)


def test_containers_and_shards_in_a_store(store):
    run_local = Path("raw")
    run_local.mkdir()
    (run_local / "a.txt").write_text("in shards")
    collect([run_local], None, Common(output=Path("made")))
    for file in Path("made").iterdir():
        if file.is_file():
            store.pipe(f"/made/{file.name}", file.read_bytes())
    buffer = io.BytesIO()
    import zipfile

    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("in/side.txt", "in a zip")
    store.pipe("/a.zip", buffer.getvalue())
    run("memory://made", "memory://a.zip")
    first, second = rows()
    assert first["id"] == rows("made")[0]["id"] and first["source"] == "a.txt"
    assert (second["source"], second["url"]) == ("memory://a.zip!/in/side.txt", "memory://a.zip")


def test_include_and_exclude_see_the_path_below_the_url(store):
    for name in ("x/a.txt", "x/y/b.txt", "x/c.rst"):
        store.pipe(f"/{name}", name.encode())
    run("memory://x", options=CollectOptions(include=["y/*", "*.rst"]))
    assert [row["source"] for row in rows()] == ["memory://x/c.rst", "memory://x/y/b.txt"]


def test_file_urls_are_local(here):
    Path("a b.txt").write_text("local")
    run(f"file://{here}/a%20b.txt")
    assert rows()[0]["source"] == "a b.txt" and rows()[0]["url"] is None
    with pytest.raises(DataError, match="another machine"):
        run("file://server/share/a.txt", output="x")


def test_read_documents_fetches(server, store):
    store.pipe("/a.txt", b"from memory")
    found = [row["text"] for row in read_documents(["memory://a.txt", server.root + "/good.jsonl"])]
    assert found == ["from memory", "a good document"]


def test_dry_run_and_json(server, store, capsys):
    store.pipe("/a.txt", b"text")
    assert main(["collect", server.root + "/good.jsonl", "memory://a.txt", "--dry-run"]) == 0
    assert "what is behind URLs" in capsys.readouterr().out
    assert not server.asked
    assert main(["collect", server.root + "/good.jsonl", "-o", "docs", "--json"]) == 0
    shown_facts = json.loads(capsys.readouterr().out)
    assert shown_facts["counts"]["documents"] == 1
    assert shown_facts["raw"][0]["url"] == server.root + "/good.jsonl"


# -- stores that misbehave ---------------------------------------------------------------------------------------------


class Odd(MemoryFileSystem):
    """A store some of whose files stall, lie about their size, or raise an exception of their own."""

    protocol = "odd"

    @classmethod
    def _strip_protocol(cls, path):
        return "/" + path.removeprefix("odd://").strip("/")

    def _open(self, path, mode="rb", **kwargs):
        if "stall" in path:
            time.sleep(3)
        if "denied" in path:
            raise PermissionError(13, "denied")
        if "own" in path:
            raise LookupError("with a key: AKIA123")
        return super()._open(path, mode, **kwargs)

    def info(self, path, **kwargs):
        if "slow" in path:
            time.sleep(3)
        found = super().info(path, **kwargs)
        return {**found, "size": found["size"] + 100} if "short" in path else found


def test_stores_that_misbehave(store):
    fsspec.register_implementation("odd", Odd, clobber=True)
    for name in ("stall", "denied", "own", "short", "large", "good", "slow"):
        store.pipe(f"/{name}.txt", b"text" * (100 if name == "large" else 1))
    result = run(*[f"odd://{name}.txt" for name in ("stall", "denied", "own", "short", "large", "good", "slow")],
                 max_fetch_bytes=350, deadline_s=1.0)  # fmt: skip
    assert [row["source"] for row in rows()] == ["odd://good.txt"]
    assert result.manifest["facts"]["rejected"] == {
        "forbidden": 1, "timed_out": 2, "too_large": 1, "truncated": 1, "unreadable": 1
    }  # fmt: skip
    assert result.manifest["facts"]["examples"]["unreadable"] == ["odd://own.txt (LookupError)"]


@pytest.mark.parametrize(("url", "error", "says"), [
    ("s4://bucket/x", ConfigError, "unknown"), ("zip://a.txt::memory://b.zip", ConfigError, "chain"),
    ("reference://x", ConfigError, "no place"), ("memory://nothing", DataError, "no file"),
    ("memory://no*thing/*.txt", DataError, "nothing matches"),
])  # fmt: skip
def test_urls_that_name_nothing(store, url, error, says):
    with pytest.raises(error, match=says) as caught:
        run(url)
    assert caught.value.hint


def test_a_missing_package_is_named(monkeypatch, capsys):
    from fsspec.registry import known_implementations

    monkeypatch.setitem(known_implementations, "far", {"class": "farfs_missing.Far", "err": "Install it"})
    with pytest.raises(MissingExtra, match="farfs_missing"):
        run("far://bucket/x")
    assert main(["collect", "far://bucket/x", "-o", "x"]) == 4
    assert "pip install farfs_missing" in capsys.readouterr().err


# -- again and again ---------------------------------------------------------------------------------------------------


def test_urls_are_never_up_to_date_and_equal_content_gives_equal_bytes(server):
    run(server.root + "/good.jsonl")
    before = payload("docs")
    run(server.root + "/good.jsonl")
    assert len(server.asked) == 2 and payload("docs") == before
    server.pages["/good.jsonl"] = page(b'{"text": "changed"}\n')
    run(server.root + "/good.jsonl")
    assert rows()[0]["text"] == "changed"


def test_what_a_store_calls_unchanged_is_not_fetched_again(store, monkeypatch):
    for name in "abc":
        store.pipe(f"/x/{name}.txt", name.encode())
    run("memory://x")
    before, asked = payload("docs"), []
    monkeypatch.setattr(remote, "fetch", lambda source, *rest, real=remote.fetch: (asked.append(source.label),
                                                                                  real(source, *rest))[1])  # fmt: skip
    run("memory://x")
    assert asked == [] and payload("docs") == before
    store.pipe("/x/b.txt", b"new")
    run("memory://x")
    assert asked == ["memory://x/b.txt"] and [row["text"] for row in rows()] == ["a", "new", "c"]


@pytest.mark.parametrize("when", ["fetched", "read"])
def test_a_killed_run_does_not_fetch_again(server, store, monkeypatch, when):
    """The run ends after two files were fetched, or after the first wave was read; the next one goes on."""
    names = [f"/{n}.jsonl" for n in range(5)]
    for n, name in enumerate(names):
        server.pages[name] = page(json.dumps({"text": f"document {n}"}).encode())
    urls = [server.root + name for name in names]
    run(*urls, output="whole")
    server.asked.clear()
    real, seen = remote_units.Run, itertools.count()
    from aigc_cli.core.journal import Journal

    append = Journal.append

    def dies(self, entry):
        append(self, entry)
        if when in entry and next(seen) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(remote_units, "WAVE_FILES", 1 if when == "read" else 100)
    monkeypatch.setattr(Journal, "append", dies)
    with pytest.raises(KeyboardInterrupt):
        run(*urls, connections=1)
    monkeypatch.setattr(Journal, "append", append)
    time.sleep(0.2)  # the thread that was under way
    done = [json.loads(line) for line in Path("docs.partial/journal.jsonl").read_text().splitlines()]
    kept = {entry["url"] for line in done for entry in line.get("fetched", [])}
    assert len(kept) == 2
    server.asked.clear()
    run(*urls)
    assert sorted(server.root + path for path in server.asked) == sorted(set(urls) - kept)
    assert payload("docs") == payload("whole") and real is remote_units.Run
    assert not (Path("docs") / "parts").exists()


def test_waves_and_connections_do_not_change_the_bytes(server, monkeypatch):
    for n in range(9):
        server.pages[f"/{n}.jsonl"] = page(json.dumps({"text": f"document {n}"}).encode())
    Path("local.txt").write_text("local")
    names = [*[f"{server.root}/{n}.jsonl" for n in range(5)], "local.txt",
             *[f"{server.root}/{n}.jsonl" for n in range(5, 9)]]  # fmt: skip
    run(*names, output="one", connections=1)
    monkeypatch.setattr(remote_units, "WAVE_BYTES", 30)
    run(*names, output="two", connections=4)
    assert payload("one") == payload("two")
    assert [row["text"] for row in rows("one")][4:7] == ["document 4", "local", "document 5"]


def test_a_spooled_file_that_was_damaged_is_fetched_again(server, monkeypatch):
    urls = [server.root + "/good.jsonl"]
    real = remote_units.map_units

    def dies(run, units, *rest, **named):
        if units:
            raise KeyboardInterrupt
        return real(run, units, *rest, **named)

    monkeypatch.setattr(remote_units, "map_units", dies)
    with pytest.raises(KeyboardInterrupt):
        run(*urls)
    monkeypatch.setattr(remote_units, "map_units", real)
    [spooled] = Path("docs.partial/parts/fetched").iterdir()
    spooled.write_bytes(b"other bytes")
    run(*urls)
    assert len(server.asked) == 2 and rows()[0]["text"] == "a good document"
