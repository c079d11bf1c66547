"""What the inputs hold, where the user does not say: text, or pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from aigc_cli.collect.readers import CONTAINERS, PICTURES
from aigc_cli.collect.records import Context
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.collect.sources import Listing, find

TABLES = frozenset({".csv", ".tsv", ".json", ".jsonl"})  # stand beside pictures, to tell of them


def find_settled(
    names: Sequence[str], context: Context, avoid: Iterable[Path] = (), fetching: FetchOptions | None = None
) -> Listing:
    """`find`, and in context.settings the modality: pictures where there are some and no text but tables."""
    listing = find(names, context, avoid, fetching)
    if context.settings.modality != "auto":
        return listing
    pictures = any(file.kind in PICTURES for file in listing.files)
    texts = any(file.kind not in PICTURES and file.kind not in TABLES | CONTAINERS for file in listing.files)
    context.settings = replace(context.settings, modality="image" if pictures and not texts else "text")
    if not pictures:
        return listing
    context.drain()
    return find(names, context, avoid, fetching)
