"""Options of reading URLs."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt


@dataclass
class FetchOptions:
    """How URLs are read."""

    timeout_s: float = opt(
        30.0, "Wait for a connection, an answer, or more data at most this long.", unit="s", min=0.05,
        affects_output=False,
    )  # fmt: skip
    deadline_s: float = opt(
        3600.0, "Most time for one file, repeated attempts included.", unit="s", min=0.05, affects_output=False
    )
    max_fetch_bytes: int = opt(4 << 30, "Larger files behind URLs are rejected.", unit="bytes", min=1)
    max_redirects: int = opt(5, "More redirects in a row are rejected.", min=0, max=50)
    retries: int = opt(
        3, "Attempts after a lost connection, a time-out, or an error of the server.", min=0, affects_output=False
    )
    connections: int = opt(8, "Files that are fetched at a time.", min=1, max=256, affects_output=False)
