"""Lists of domains and of URLs as sorted hashes: read from bytes, and looked up for a domain and those above it.

A name is hashed from its end, so that one pass over news.example.com gives the hashes of com, example.com and itself.
Two names of one hash would be taken for one another: with 5 million entries, one name in 3.7e12 that is not listed.
"""

from __future__ import annotations

import numba
import numpy as np
import pyarrow as pa

from aigc_cli.clean.kernels.sorting import first_not_below
from aigc_cli.clean.kernels.text import buffers
from aigc_cli.clean.kernels.words import FNV_OFFSET, FNV_PRIME, fold, mix
from aigc_cli.core.jit import BYTES, OFFSETS, OUT_I64_2D, OUT_U64, U64, inner, kernel

BOOL = numba.types.boolean
PAIR = numba.types.UniTuple(numba.types.int64, 2)
OUT_BOOL = numba.types.Array(numba.types.boolean, 1, "C")
_DOT, _DASH, _UNDERSCORE, _SLASH, _QUERY, _HASH, _COLON, _STAR = (np.uint8(ord(c)) for c in ".-_/?#:*")


@inner
def _of_host(byte):  # type: ignore[no-untyped-def]
    if np.uint8(97) <= fold(byte) <= np.uint8(122) or np.uint8(48) <= byte <= np.uint8(57):
        return True
    return byte in (_DASH, _DOT, _UNDERSCORE)


@inner
def _is_space(byte):  # type: ignore[no-untyped-def]
    return byte == np.uint8(32) or byte == np.uint8(9) or byte == np.uint8(13)


@inner
def _hash(data, start, stop, host_end):  # type: ignore[no-untyped-def]
    """Hash of data[start:stop] from its end; the letters before host_end are made small."""
    value = FNV_OFFSET
    for i in range(stop - 1, start - 1, -1):
        byte = fold(data[i]) if i < host_end else data[i]
        value = (value ^ np.uint64(byte)) * FNV_PRIME
    return mix(value)


@inner
def _plain_host(data, start, stop):  # type: ignore[no-untyped-def]
    """Whether data[start:stop] is a host of ASCII letters, digits, - and _, with one dot between two labels."""
    if start >= stop or data[start] == _DOT or data[stop - 1] == _DOT:
        return False
    wrong = 0
    for i in range(start, stop):
        wrong += not _of_host(data[i]) or (data[i] == _DOT and data[i + 1] == _DOT)
    return wrong == 0


@inner
def _domain(data, start, stop):  # type: ignore[no-untyped-def]
    """(start, stop) of the domain in an entry, without *. or . before it and . behind it; (-1, -1): not a plain one."""
    if stop - start > 2 and data[start] == _STAR and data[start + 1] == _DOT:
        start += 2
    elif stop - start > 1 and data[start] == _DOT:
        start += 1
    if stop - start > 1 and data[stop - 1] == _DOT:
        stop -= 1
    return (start, stop) if _plain_host(data, start, stop) else (-1, -1)


@inner
def _url(data, start, stop):  # type: ignore[no-untyped-def]
    """(start, end of the host, stop) of what counts of a URL; -1, -1, -1: not a plain one."""
    for i in range(start, stop):
        if data[i] >= np.uint8(0x80) or data[i] <= np.uint8(32) or data[i] == np.uint8(37) or data[i] == np.uint8(92):
            return -1, -1, -1
        if data[i] == _HASH:
            stop = i
            break
    if stop - start > 7 and fold(data[start]) == np.uint8(104):  # http:// or https://
        at = start + 4 if data[start + 4] == _COLON else start + 5
        if (data[start + 1] == data[start + 2] == np.uint8(116) and data[start + 3] == np.uint8(112)
                and (at == start + 4 or data[start + 4] == np.uint8(115)) and data[at] == _COLON
                and data[at + 1] == _SLASH and at + 2 < stop and data[at + 2] == _SLASH):  # fmt: skip
            start = at + 3
    host = start
    while host < stop and data[host] != _SLASH and data[host] != _QUERY:
        host += 1
    if not _plain_host(data, start, host):
        return -1, -1, -1
    return start, host, host if stop == host + 1 and data[host] == _SLASH else stop


@inner
def _is_address(data, start, stop):  # type: ignore[no-untyped-def]
    """Whether data[start:stop] is what a line of a hosts file begins with: 0.0.0.0, ::1."""
    dots, colons, others = 0, 0, 0
    for i in range(start, stop):
        dots += data[i] == _DOT
        colons += data[i] == _COLON
        others += data[i] != _DOT and not np.uint8(48) <= data[i] <= np.uint8(57)
    return colons >= 2 or (others == 0 and dots == 3)


@inner
def _token(data, i, end):  # type: ignore[no-untyped-def]
    """(start, stop) of the next token of the line; equal where a comment or the end of the line comes first."""
    while i < end and _is_space(data[i]):
        i += 1
    if i < end and data[i] == _HASH:
        return end, end
    start = i
    while i < end and not _is_space(data[i]):
        i += 1
    return start, i


@inner
def _entry(data, start, stop, urls):  # type: ignore[no-untyped-def]
    """(whether it is a plain one, its hash)."""
    if urls:
        first, host, last = _url(data, start, stop)
        return first >= 0, _hash(data, first, last, host) if first >= 0 else np.uint64(0)
    first, last = _domain(data, start, stop)
    return first >= 0, _hash(data, first, last, last) if first >= 0 else np.uint64(0)


@kernel(BYTES, BOOL, OUT_U64, OUT_I64_2D, returns=PAIR)
def _read(data, urls, out, odd):  # type: ignore[no-untyped-def]
    written, odd_lines, begin = 0, 0, 0
    while begin < len(data):
        end = begin
        while end < len(data) and data[end] != np.uint8(10):
            end += 1
        first, stop = _token(data, begin, end)
        start, before, plain = first, written, True
        following, _ = _token(data, stop, end)
        if first < end and following < end:
            plain = not urls and _is_address(data, first, stop)  # the domains of a line of a hosts file
            start, stop = _token(data, stop, end)
        while plain and start < end:
            plain, value = _entry(data, start, stop, urls)
            if plain:
                out[written] = value
                written += 1
            start, stop = _token(data, stop, end)
        if not plain:
            written = before
            odd[odd_lines, 0], odd[odd_lines, 1] = begin, end
            odd_lines += 1
        begin = end + 1
    return written, odd_lines


@inner
def _listed(value, hashes):  # type: ignore[no-untyped-def]
    place = first_not_below(hashes, value)
    return place < len(hashes) and hashes[place] == value


@kernel(BYTES, OFFSETS, U64, BOOL, OUT_BOOL)
def _find(data, offsets, hashes, above, out):  # type: ignore[no-untyped-def]
    for row in range(len(offsets) - 1):
        start, value = offsets[row], FNV_OFFSET
        for i in range(offsets[row + 1] - 1, start - 1, -1):
            value = (value ^ np.uint64(data[i])) * FNV_PRIME
            if (i == start or (above and data[i - 1] == _DOT)) and _listed(mix(value), hashes):
                out[row] = True
                break


@kernel(BYTES, OFFSETS, OUT_U64)
def _hashes(data, offsets, out):  # type: ignore[no-untyped-def]
    for row in range(len(offsets) - 1):
        out[row] = _hash(data, offsets[row], offsets[row + 1], offsets[row])


def read(data: bytes, *, urls: bool) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """(hashes of the plain entries, (start, stop) of the lines that hold others) of a list, one entry a line.

    Comments begin with # at the start of a line or after a space; lines of hosts files (0.0.0.0 domain) count, too.
    """
    lines = np.frombuffer(data, dtype=np.uint8)
    count = data.count(b"\n") + 1
    out = np.empty(count + sum(map(data.count, (b" ", b"\t", b"\r"))), dtype=np.uint64)  # they stand between entries
    odd = np.empty((count, 2), dtype=np.int64)
    written, odd_lines = _read(lines, urls, out, odd)
    return out[:written].copy(), [(start, stop) for start, stop in odd[:odd_lines].tolist()]


def find(names: pa.Array, hashes: np.ndarray, *, above: bool) -> np.ndarray:
    """For each name whether its hash is among `hashes` (sorted); with `above`, or that of a domain that it is in."""
    data, offsets = buffers(names)
    out = np.zeros(len(names), dtype=bool)
    _find(data, offsets, hashes, above, out)
    return out


def hashed(names: list[str]) -> np.ndarray:
    """The hashes of names, in order."""
    data, offsets = buffers(pa.array(names, pa.large_string()))
    out = np.empty(len(names), dtype=np.uint64)
    _hashes(data, offsets, out)
    return out
