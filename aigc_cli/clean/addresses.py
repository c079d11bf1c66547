"""URLs and domains in one form: the host in small ASCII letters, and what follows it."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=//)|[A-Za-z][A-Za-z0-9+.-]*:(?![0-9]{1,5}(?:[/?#]|$))")
_AUTHORITY_END = re.compile(r"[/?#\\]")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_DOTS = str.maketrans("。．｡", "...")  # what browsers take for a dot between labels
_PORTS = ("", "80", "443")
_LABEL = re.compile(r"[a-z0-9_-]+")
_SAFE = "".join(chr(c) for c in range(0x21, 0x7F))


class Address(NamedTuple):
    """`host` in ASCII, "" where there is none; `key` is the whole URL without scheme, user, fragment, usual port."""

    host: str
    key: str


def address(url: str) -> Address:
    """A URL in parts, whatever is wrong with it.

    >>> address("HTTPS://Ann:pw@WWW.Bücher.example.:443/a%c3%a4/?q=1#top")
    Address(host='www.xn--bcher-kva.example', key='www.xn--bcher-kva.example/a%C3%A4/?q=1')
    """
    url = url.strip().replace("\t", "").replace("\n", "").replace("\r", "")
    scheme = _SCHEME.match(url)
    rest = url[scheme.end() :] if scheme else url
    if rest.startswith("//"):
        rest = rest[2:]
    elif scheme:
        return Address("", "")
    end = _AUTHORITY_END.search(rest)
    authority, tail = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    name = authority.rpartition("@")[2]
    if name.startswith("["):
        name, _, port = name.partition("]")
        host, port = name.lower() + "]", port.removeprefix(":")
    else:
        name, _, port = name.partition(":")
        host = domain(name)
    if not host or host == "[]":
        return Address("", "")
    tail = tail.partition("#")[0]
    tail = _ESCAPE.sub(lambda m: m[0].upper(), quote(tail, safe=_SAFE))
    return Address(host, host + ("" if port in _PORTS else f":{port}") + ("" if tail == "/" else tail))


def domain(name: str) -> str:
    """A host name in small ASCII letters without a last dot; labels of other letters as xn-- and their punycode.

    Source: RFC 3492 for the code; letters are made small and compatible (NFKC) first, which for nearly all names is
    what UTS 46 says.
    """
    if "%" in name:
        name = unquote(name)
    if name.isascii():
        return name.lower().rstrip(".")
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.translate(_DOTS)).lower())
    return ".".join(_ascii(label) for label in name.split(".")).rstrip(".")


def spoken(host: str) -> str:
    """The host with its xn-- labels as the letters that they stand for."""
    return ".".join(_letters(label) for label in host.split(".")) if "xn--" in host else host


def is_domain(name: str) -> bool:
    """Whether `domain` made a name that a list may hold: labels of letters, digits, - and _."""
    return all(_LABEL.fullmatch(label) for label in name.split("."))


def _ascii(label: str) -> str:
    if label.isascii():
        return label
    try:
        return "xn--" + label.encode("punycode").decode("ascii")
    except UnicodeError:  # lone surrogates
        return "?"


def _letters(label: str) -> str:
    try:
        return label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
    except (UnicodeError, IndexError, ValueError, OverflowError):
        return label
