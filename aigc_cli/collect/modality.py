"""What the inputs hold, where the user does not say: text, or pictures."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from aigc_cli.collect.readers import CONTAINERS, PICTURES, kind_of, picture_kind_of
from aigc_cli.collect.records import Context
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.collect.sources import Listing, Source, find

TABLES = frozenset({".csv", ".tsv", ".json", ".jsonl"})  # stand beside pictures, to tell of them


def find_settled(
    names: Sequence[str], context: Context, avoid: Iterable[Path] = (), fetching: FetchOptions | None = None
) -> Listing:
    """`find`, and in context.settings the modality: pictures where there are some and no text but tables."""
    listing = find(names, context, avoid, fetching)
    if context.settings.modality != "auto":
        return listing
    kinds = {kind for file in listing.files for kind in _kinds(file)}
    pictures, texts = kinds & set(PICTURES), kinds - set(PICTURES) - TABLES - CONTAINERS
    context.settings = replace(context.settings, modality="image" if pictures and not texts else "text")
    if not pictures:
        return listing
    context.drain()
    return find(names, context, avoid, fetching)


def _kinds(file: Source) -> set[str]:
    """The kind of a file; of a zip also those of its members (other containers do not tell without unpacking)."""
    found = {file.kind}
    if file.kind == ".zip" and file.path:
        with contextlib.suppress(OSError, zipfile.BadZipFile, ValueError), zipfile.ZipFile(file.path) as archive:
            names = archive.namelist()
            found |= {picture_kind_of(name) or kind_of(name) or "" for name in names if not name.endswith("/")}
            found.discard("")
    return found
