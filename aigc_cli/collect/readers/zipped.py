"""zip: every readable member; names are labels only, nothing is unpacked to disk under them."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

from aigc_cli.collect import encoding
from aigc_cli.collect.code.nearest import MAX_BYTES, Licenses
from aigc_cli.collect.dispatch import read_archived
from aigc_cli.collect.records import Context, Record
from aigc_cli.collect.streams import Budget, counted, seekable

_UTF8_NAME = 0x800
_ENCRYPTED = 0x1


def read(stream: BinaryIO, label: str, context: Context) -> Iterator[Record]:
    """The records of all members in the order of their names."""
    budget = context.budget or Budget(1)
    with zipfile.ZipFile(seekable(stream)) as archive:
        members = sorted((_name(info), index, info) for index, info in enumerate(archive.infolist()))
        licenses = Licenses()
        for name, _, info in members:
            if not info.is_dir() and not info.flag_bits & _ENCRYPTED:
                licenses.note(name, functools.partial(_first_bytes, archive, info))
        with context.licensed(licenses.near):
            for name, _, info in members:
                if info.is_dir():
                    continue
                where = f"{label}!/{name}"
                if info.flag_bits & _ENCRYPTED:
                    context.reject("encrypted", where)
                    continue
                yield from read_archived(_opener(archive, info, budget), name, where, context)


def _first_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as member:
        return member.read(MAX_BYTES)


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> Callable[[], BinaryIO]:
    return lambda: counted(archive.open(info), budget)


def _name(info: zipfile.ZipInfo) -> str:
    """The member's name; zip tools of Chinese and Japanese systems write it in their own encoding."""
    if info.flag_bits & _UTF8_NAME or info.filename.isascii():
        return info.filename
    try:
        return encoding.decode(info.filename.encode("cp437"))[0]
    except (UnicodeEncodeError, encoding.UndecodableError):
        return info.filename
