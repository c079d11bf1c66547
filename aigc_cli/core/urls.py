"""URLs as they may be shown and kept: without the secrets in them."""

from __future__ import annotations

import re

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://\S+")
# Names of query parameters that carry a right of access, as the large stores and common services write them.
_SECRET = re.compile(
    r"x-(amz|goog|ms|oss|cos)-.*|.*(signature|token|secret|passw|pwd|credential|session|auth).*|sig|sign"
    r"|(.*[-_.])?(api|access|private)[-_]?key([-_]?id)?|key|awsaccesskeyid|googleaccessid|ossaccesskeyid",
    re.IGNORECASE,
)


def is_url(name: str) -> bool:
    """Whether `name` begins with a scheme. A drive letter is none.

    >>> is_url("s3://bucket/key"), is_url("raw/a.txt"), is_url("c://x")
    (True, False, False)
    """
    return _URL.match(name) is not None


def source_url(source: str) -> str | None:
    """The URL that a document's source begins with, without the name of a container's member.

    >>> source_url("https://host/a.zip!/b.txt"), source_url("a.zip!/b.txt")
    ('https://host/a.zip', None)
    """
    return source.partition("!/")[0] if is_url(source) else None


def scheme_of(url: str) -> str:
    """The scheme in lower case."""
    return url.partition("://")[0].lower()


def shown(url: str) -> str:
    """`url` without user name, password, fragment, and query parameters that carry a right of access.

    >>> shown("https://me:pw@host/a.txt?id=1&X-Amz-Signature=f00#top")
    'https://host/a.txt?id=1'
    """
    scheme, _, rest = url.partition("://")
    place = re.match(r"[^/?#]*", rest)
    assert place is not None
    end = place.end()
    # A password with a slash in it is no valid URL, and must not be shown for that.
    if "@" in rest and re.search(r":(?!\d*$)", rest[:end].rpartition("@")[2]):
        end = rest.rindex("@") + 1 + len(re.match(r"[^/?#]*", rest[rest.rindex("@") + 1 :])[0])  # type: ignore[index]
    host, path = rest[:end].rpartition("@")[2], rest[end:]
    if scheme.lower() in ("http", "https"):
        path = path.partition("#")[0]
    path, mark, query = path.partition("?")
    if "=" in query:
        query = "&".join(p for p in query.split("&") if not _SECRET.fullmatch(p.partition("=")[0]))
        mark = mark if query else ""
    return f"{scheme}://{host}{path}{mark}{query}"


def without_secrets(text: str) -> str:
    """`text` with every URL in it as `shown` shows it.

    >>> without_secrets("--from=ftp://me:pw@host/a")
    '--from=ftp://host/a'
    """
    return _IN_TEXT.sub(lambda found: shown(found[0]), text)
