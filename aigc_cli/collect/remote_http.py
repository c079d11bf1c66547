"""One http or https file into a Spool: time, bytes, redirects and addresses are bounded, whatever the server does.

The standard library's client over a socket of our own: every byte passes `_Wire`, which holds the bounds also where
http.client reads for itself (status line, headers, chunk sizes, trailers).
"""

from __future__ import annotations

import base64
import functools
import http.client
import io
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from aigc_cli.collect.remote_address import addresses, host_of, is_public
from aigc_cli.collect.remote_bounds import MIN_BYTES_PER_S, FetchError, Inflated, Spool, left
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.collect.streams import BUFFER_BYTES

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_WAIT_S = 60.0  # of Retry-After; a server that wants longer is asked again sooner, and then given up
_PATH = "/%:=&?~#+!$,;'@()*[]"  # characters that a path or query keeps; all else is percent-encoded
_RAW_TIMES, _RAW_MORE = 2, 16 << 20  # bytes on the wire beside the body: headers, sizes of chunks, trailers


@dataclass
class Answer:
    """What came with the body."""

    content_type: str = ""


class _Wire(io.RawIOBase):
    """What a socket gives: until `end`, at most `allowed` bytes, never slower than MIN_BYTES_PER_S."""

    def __init__(self, sock: socket.socket, timeout_s: float, end: float, allowed: int) -> None:
        self._sock, self._timeout_s, self.end, self._allowed = sock, timeout_s, end, allowed
        self._window, self._in_window = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        now = time.monotonic()
        if now - self._window >= self._timeout_s:
            if self._in_window < MIN_BYTES_PER_S * self._timeout_s:
                raise FetchError("timed_out", retry=True)
            self._window, self._in_window = now, 0
        self._sock.settimeout(min(self._timeout_s, left(self.end)))
        try:
            count = self._sock.recv_into(buffer)
        except TimeoutError as error:
            raise FetchError("timed_out", retry=True) from error
        except OSError as error:
            raise FetchError("connection_lost", retry=True) from error
        self._in_window += count
        self._allowed -= count
        if self._allowed < 0:
            raise FetchError("too_large")
        return count


class _Socket:
    """The part of a socket that http.client uses."""

    def __init__(self, sock: socket.socket, wire: _Wire) -> None:
        self._sock, self._wire = sock, wire

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._wire, BUFFER_BYTES)

    def sendall(self, data: bytes) -> None:
        self._sock.sendall(data)

    def close(self) -> None:
        """Left to `get`: the body is still to be read when http.client is through with the request."""


def get(url: str, spool: Spool, bounds: FetchOptions, end: float, *, decode: bool) -> Answer:
    """Fetch `url` into `spool` until the monotonic time `end`. Raises FetchError.

    `decode`: expand a body that is compressed for the way (Content-Encoding). Redirects stay with http and https,
    never go from https to http, and lead to an address that is not public only on the host that was named.
    """
    named = _parts(url)
    home = False  # whether the named host is public
    for hop in range(bounds.max_redirects + 1):
        place = _parts(url)
        sock, public = _connect(place, bounds, end, hop > 0 and (home or place.hostname != named.hostname))
        try:
            home = public if hop == 0 else home
            # Credentials in the URL go to the place they were written for, and nowhere else.
            own = (place.scheme, place.hostname, place.port) == (named.scheme, named.hostname, named.port)
            response = _ask(sock, place, named if own else place, bounds, end)
            if response.status in _REDIRECTS:
                url = _next(place, response)
                continue
            return _body(response, spool, bounds, decode)
        except http.client.IncompleteRead as error:
            raise FetchError("truncated", retry=True) from error
        except ConnectionError as error:
            raise FetchError("connection_lost", retry=True) from error
        except (http.client.HTTPException, ValueError) as error:
            raise FetchError("invalid_response", type(error).__name__) from error
        finally:
            sock.close()
    raise FetchError("too_many_redirects", f"more than {bounds.max_redirects}")


def _parts(url: str) -> Any:
    """urlsplit(url), with what is wrong as FetchError."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError
        host_of(parts.hostname)
    except ValueError as error:
        raise FetchError("invalid_url") from error
    return parts


def _connect(place: Any, bounds: FetchOptions, end: float, must_be_public: bool) -> tuple[socket.socket, bool]:
    """(a connected socket, whether its address is public). The address that was judged is the one connected to."""
    port = place.port or (443 if place.scheme == "https" else 80)
    found = addresses(host_of(place.hostname), port, min(bounds.timeout_s, left(end)))
    allowed = [a for a in found if not must_be_public or is_public(a[1][0])]
    if not allowed:
        raise FetchError("redirect_refused", "to an address that is not public")
    failure: FetchError | None = None
    for family, address in allowed:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(min(bounds.timeout_s, left(end)))
            sock.connect(address)
            if place.scheme == "https":
                sock = _trusting().wrap_socket(sock, server_hostname=host_of(place.hostname))
            return sock, is_public(address[0])
        except ssl.SSLError as error:
            failure = FetchError("tls_error", error.reason or "")
        except TimeoutError:
            failure = FetchError("timed_out", retry=True)
        except OSError as error:
            failure = FetchError("unreachable", error.strerror or "", retry=True)
        except BaseException:
            sock.close()
            raise
        sock.close()
    assert failure is not None
    raise failure


@functools.lru_cache(maxsize=1)
def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context()


def _ask(
    sock: socket.socket, place: Any, credentials: Any, bounds: FetchOptions, end: float
) -> http.client.HTTPResponse:
    """The response with its headers read, all of them within one time-out."""
    allowed = _RAW_TIMES * bounds.max_fetch_bytes + _RAW_MORE
    wire = _Wire(sock, bounds.timeout_s, min(end, time.monotonic() + bounds.timeout_s), allowed)
    connection = http.client.HTTPConnection(host_of(place.hostname), place.port or None)
    if place.scheme == "https":
        connection.default_port = 443
    connection.sock = _Socket(sock, wire)  # type: ignore[assignment]
    target = quote(place.path or "/", safe=_PATH) + (f"?{quote(place.query, safe=_PATH)}" if place.query else "")
    connection.putrequest("GET", target, skip_accept_encoding=True)
    from aigc_cli import __version__

    headers = {"User-Agent": f"aigc/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity",
               "Connection": "close"}  # fmt: skip
    if credentials.username is not None:
        pair = f"{unquote(credentials.username)}:{unquote(credentials.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    for name, value in headers.items():
        connection.putheader(name, value)
    try:
        connection.endheaders()
    except TimeoutError as error:
        raise FetchError("timed_out", retry=True) from error
    except OSError as error:
        raise FetchError("connection_lost", retry=True) from error
    response = connection.getresponse()
    wire.end = end
    return response


def _next(place: Any, response: http.client.HTTPResponse) -> str:
    """Where a redirect leads, without credentials of its own."""
    location = response.headers.get("Location")
    if not location:
        raise FetchError("invalid_response", "a redirect without a place")
    try:
        # Servers send raw UTF-8 here; http.client gives it as Latin-1.
        parts = urlsplit(urljoin(place.geturl(), location.encode("latin-1", "replace").decode("utf-8", "replace")))
    except ValueError as error:
        raise FetchError("redirect_refused") from error
    if parts.scheme not in ("http", "https"):
        raise FetchError("redirect_refused", f"to {parts.scheme[:20]}://")
    if (place.scheme, parts.scheme) == ("https", "http"):
        raise FetchError("redirect_refused", "from https to http")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _body(response: http.client.HTTPResponse, spool: Spool, bounds: FetchOptions, decode: bool) -> Answer:
    if response.status != 200:
        raise FetchError(f"http_{response.status}", retry=response.status in _AGAIN, wait_s=_wait_s(response))
    coding = (response.headers.get("Content-Encoding") or "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise FetchError("unsupported_compression", coding[:20])
    # Files that are .gz by name often come with Content-Encoding: gzip, which then says nothing more.
    sink: Spool | Inflated = Inflated(spool) if decode and coding != "identity" else spool
    wanted, got = response.length, 0
    if wanted is not None and wanted > bounds.max_fetch_bytes:
        raise FetchError("too_large")
    while piece := response.read(BUFFER_BYTES):
        got += len(piece)
        sink.write(piece)
    if wanted is not None and got < wanted:
        raise FetchError("truncated", retry=True)
    if isinstance(sink, Inflated):
        sink.finish()
    return Answer(response.headers.get_content_type() if "Content-Type" in response.headers else "")


def _wait_s(response: http.client.HTTPResponse) -> float:
    try:
        return min(max(float(response.headers.get("Retry-After") or 0), 0.0), _MAX_WAIT_S)
    except ValueError:  # a date
        return 0.0
