"""Host names to addresses, and which addresses are public."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from aigc_cli.collect.remote_bounds import FetchError, within

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def host_of(hostname: str) -> str:
    """The name that is looked up and told to the server: non-ASCII names as IDNA. Raises ValueError."""
    if hostname.isascii():
        return hostname
    try:
        return hostname.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError(hostname) from error


def addresses(host: str, port: int, seconds: float) -> list[tuple[int, Any]]:
    """(family, socket address) of `host`, in the system's order. Raises FetchError."""
    try:
        found = within(seconds, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise FetchError("unknown_host", retry=getattr(error, "errno", None) == socket.EAI_AGAIN) from error
    return [(family, address) for family, _, _, _, address in found]


def is_public(address: str) -> bool:
    """Whether anybody in the Internet has this address; one that is embedded in another counts, too.

    >>> is_public("93.184.216.34"), is_public("127.0.0.1"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
    (True, False, False, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast
