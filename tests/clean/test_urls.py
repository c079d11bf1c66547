"""The rule about URLs against a plain reading of the same lists with sets, urllib and the codecs of Python."""

from __future__ import annotations

import gzip
import os
import random
import re
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.clean.addresses import address, domain, spoken
from aigc_cli.clean.kernels import hosts
from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.recipe import described, prepare, rules_of
from aigc_cli.clean.rules import urls
from aigc_cli.clean.rules.urls import Options
from aigc_cli.core.errors import ConfigError

LABELS = ["a", "b", "shop", "news", "example", "com", "xn--bcher-kva", "co", "uk", "x-1", "_dmarc"]
NAMES = st.lists(st.sampled_from(LABELS), min_size=1, max_size=4).map(".".join)
PATHS = st.sampled_from(["", "/", "/a", "/A/b.html", "?q=1", "/a?q=2#top", "/%e4%b8%ad", "/中", "/a/"])
STARTS = ["http://", "https://", "HTTPS://", "", "//", "http://ann@", "//ann:pw@", "ann@"]  # ann:pw@ is like mailto:
URLS = st.builds("{}{}{}{}".format, st.sampled_from(STARTS), NAMES, st.sampled_from(["", ":80", ":443", ":8080", "."]),
                 PATHS)  # fmt: skip


def batch(found):
    return pa.RecordBatch.from_arrays(
        [pa.array(["text"] * len(found), pa.large_string()), pa.array(found, pa.string())], names=["text", "url"]
    )


def reasons(found, **options):
    outcome = urls.apply(batch(found), Options(**options))
    return outcome.reasons.tolist() if outcome.reasons else [None] * len(found)


def plain_host(url):
    """Host by urllib, names in other letters by Python's IDNA codec."""
    parts = urlsplit(url if "//" in url else "//" + url)
    host = (parts.hostname or "").rstrip(".")
    return host if host.isascii() else host.encode("idna").decode()


def plain_key(url):
    """What counts of a URL: scheme, user, usual port and fragment do not."""
    parts = urlsplit(url if "//" in url else "//" + url)
    path = "".join(f"%{b:02X}" if b > 126 else chr(b) for b in parts.path.encode())
    path = re.sub("%[0-9a-f]{2}", lambda m: m[0].upper(), path)
    port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    key = plain_host(url) + port + path + (f"?{parts.query}" if parts.query else "")
    return key[:-1] if path == "/" and not parts.query else key


@settings(max_examples=300, deadline=None)
@given(url=URLS)
def test_urls_are_taken_apart_as_urllib_does(url):
    assert address(url) == (plain_host(url), plain_key(url))


@settings(max_examples=200, deadline=None)
@given(found=st.lists(URLS, min_size=1, max_size=8), domains=st.lists(NAMES, min_size=1, max_size=5),
       listed=st.lists(URLS, max_size=4), allow=st.booleans())  # fmt: skip
def test_decisions_are_those_of_plain_sets(found, domains, listed, allow):
    keys, names, expected = {plain_key(url) for url in listed}, set(domains), []
    for url in found:
        labels = plain_host(url).split(".")
        above = any(".".join(labels[i:]) in names for i in range(len(labels)))
        exact = plain_key(url) in keys
        if allow:
            expected.append(None if above or exact else "not_listed")
        else:
            expected.append("domain" if above else "url" if exact else None)
    assert reasons(found, domains=domains, urls=listed, allow=allow) == expected


@settings(max_examples=200, deadline=None)
@given(
    lines=st.lists(st.one_of(URLS, NAMES, NAMES.map(str.upper)), min_size=1, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_files_of_urls_are_read_as_python_reads_them(lines, end, tmp_path_factory):
    path = tmp_path_factory.mktemp("lists") / "urls.txt"
    path.write_text(end.join(["# comment", "", *(f" {line}\t# why" for line in lines)]), encoding="utf-8", newline="")
    expected = np.unique(hosts.hashed([plain_key(line) for line in lines]))
    assert urls._hashes([], [str(path)], urls=True).tolist() == expected.tolist()


def test_files_of_domains(tmp_path):
    lines = ["﻿ad.example", "*.Tracker.COM", ".dot.org.", "0.0.0.0 hosts.net also.net # two", "::1 six.net",
             "127.0.0.1\tlocal.net", "bücher.de", "例子。中国", "1.2.3.4", "#off.com",
             "   ", "plain_name.io #x"]  # fmt: skip
    path = tmp_path / "hosts.gz"
    path.write_bytes(gzip.compress("\r\n".join(lines).encode(), mtime=0))
    names = ["ad.example", "tracker.com", "dot.org", "hosts.net", "also.net", "six.net", "local.net", "bücher.de",
             "例子.中国", "1.2.3.4", "plain_name.io"]  # fmt: skip
    found = [f"http://{name}/x" for name in names] + [f"https://WWW.{name}.:8080" for name in names]
    assert set(reasons(found, domain_files=[str(path)])) == {"domain"}
    others = ["http://off.com", "http://notad.example", "http://tracker.com.evil.net", "http://0.0.0.0/", "", None]
    assert set(reasons(others, domain_files=[str(path)])) == {None}


def test_names_in_other_letters():
    assert domain("Bücher.example") == "bücher.example".encode("idna").decode() == "xn--bcher-kva.example"
    assert domain("中文网。中国.") == "中文网.中国".encode("idna").decode()
    assert domain("ＥＸＡＭＰＬＥ．com") == "example.com" and domain("straße.de") == "xn--strae-oqa.de"
    assert spoken("xn--fiq228c5hs.xn--fiqs8s") == "中文网.中国" and spoken("xn--\x80.com") == "xn--\x80.com"


@pytest.mark.parametrize(
    "url", ["mailto:ann@example.com", "file:///etc/hosts", "javascript:void(0)", "", "   ", "http://", "https:///x",
            "://", "http://[", "http://]", "a" * 10_000, "http://\udcff/", "%", "http://%ff%zz/", "data:,x"]
)  # fmt: skip
def test_odd_urls_are_decided(url):
    address(url)
    clean = url.encode("utf-8", "replace").decode()
    assert reasons([clean], domains=["example.com"], missing="drop")[0] in (None, "no_url")
    assert reasons([clean], domains=["example.com"], allow=True)[0] in (None, "not_listed")


def test_documents_without_a_url():
    assert reasons([None, "", "http://a.com"], domains=["b.com"]) == [None, None, None]
    assert reasons([None, "", "http://a.com"], domains=["b.com"], missing="drop") == ["no_url", "no_url", None]
    assert reasons([None, "http://a.com"], domains=["b.com"], allow=True) == [None, "not_listed"]


def plain_words(url, words, soft, subwords, count):
    host = plain_host(url)
    text = unquote(plain_key(url)).lower().replace(host, host.encode().decode("idna"))
    parts, joined = re.findall(r"[^\W_]+", text), "".join(re.findall(r"[^\W_]+", text))
    inside = [word for word in words + soft if re.search("[一-鿿]", word)]
    hard = [w for w in words if w in parts or (w in inside and w in text)]
    weak = [w for w in soft if w in parts or (w in inside and w in text)]
    if hard or len(set(weak)) >= count:
        return "word" if hard else "soft_words"
    return "subword" if any(word in joined for word in subwords) else None


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.sampled_from(["mud", "bog", "marsh", "mudflat", "xx", "泥", "沼泽", "%E6%B3%A5", "m-u-d",
                                       "1"]),
                      min_size=1, max_size=5), mark=st.sampled_from(["/", "-", "_", ".", ""]),
       count=st.integers(1, 3))  # fmt: skip
def test_words_in_urls_are_those_of_a_plain_search(parts, mark, count):
    url = "https://host.example/" + mark.join(parts)
    words, soft, subwords = ["mud", "沼泽"], ["bog", "marsh", "泥"], ["bogmarsh", "mudxx"]
    expected = plain_words(url, words, soft, subwords, count)
    assert reasons([url], words=words, soft_words=soft, subwords=subwords, soft_count=count) == [expected]


def test_a_chinese_domain_is_read_for_words():
    assert reasons(["http://xn--fiq228c5hs.com/"], words=["中文"]) == ["word"]


def test_a_long_list_is_fast_and_small(tmp_path):
    rng = random.Random(0)
    names = [f"{rng.getrandbits(64):x}.example{i % 7}.com" for i in range(200_000)]
    path = tmp_path / "many.txt"
    path.write_text("\n".join(f"0.0.0.0 {n}" if i % 2 else n for i, n in enumerate(names)), encoding="utf-8")
    lists = urls._lists(Options(domain_files=[str(path)]))
    assert lists.domains.nbytes == 8 * len(set(names))
    sample = [f"https://a.b.{name}/" for name in names[::999]] + [f"https://a{name}/" for name in names[::999]]
    found = reasons(sample, domain_files=[str(path)])
    assert found == ["domain"] * (len(sample) // 2) + [None] * (len(sample) // 2)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("absent.txt", None, "is not there"), ("none.txt", b"", "is empty"), ("none.txt", b"# a\n\n", "is empty"),
     ("bad.txt", b"good.com\nnot a domain\n", "line 2"), ("bad.txt", b"a..b\n", "line 1"),
     ("bad.txt", b"http://x.com/\n", "is no domain"), ("bad.txt", b"\xff\xfe\n", "UTF-8"),
     ("cut.gz", gzip.compress(b"a.com\n" * 999, mtime=0)[:-9], "cannot be read"),
     ("no.gz", b"a.com\n", "cannot be read")],
)  # fmt: skip
def test_lists_that_cannot_be_used_are_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        rules = rules_of(CleanOptions(rules=[{"urls": {"domain_files": [str(tmp_path / name)]}}]))
        prepare(rules)
    assert caught.value.hint


@pytest.mark.parametrize(
    "options", [{}, {"domains": ["a b"]}, {"urls": ["mailto:x@y"]}, {"words": ["--"]}, {"allow": True, "words": ["x"]},
                {"domains": [""]}, {"soft_count": 0, "soft_words": ["a"]}, {"domain_files": "x"}]
)  # fmt: skip
def test_wrong_options_are_refused(options):
    with pytest.raises(ConfigError):
        rules_of(CleanOptions(rules=[{"urls": options}]))


def test_the_content_of_a_list_is_in_the_fingerprint(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("a.com\n")
    rule = {"urls": {"domain_files": [str(path)]}}
    before = described(rules_of(CleanOptions(rules=[rule])))
    assert reasons(["http://b.com"], **rule["urls"]) == [None]
    path.write_text("b.com\n")
    assert described(rules_of(CleanOptions(rules=[rule]))) != before
    assert reasons(["http://b.com"], **rule["urls"]) == ["domain"]


BOUNDS = """
import numpy as np, pyarrow as pa, random
from aigc_cli.clean.kernels import hosts
np.seterr(over="ignore")
random.seed(0)
for n in range(300):
    data = "".join(random.choices("ahtps:/.#?*-_ \\t\\r\\n0%1\\u00e9", k=n % 37)).encode()
    for urls in (True, False):
        hosts.read(data, urls=urls)
    hosts.find(pa.array([data.decode()], pa.large_string()), hosts.hashed(["a", "", "b.a"]), above=True)
for data in (b"http://", b"https:/", b"http:///", b"https://", b"httpx://a", b"*.", b".", b"a.", b"#", b"", b"http://a"):
    hosts.read(data, urls=True), hosts.read(data, urls=False)
"""


def test_kernels_stay_within_their_arrays():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}  # without compilation every index is checked
    done = subprocess.run([sys.executable, "-c", BOUNDS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
