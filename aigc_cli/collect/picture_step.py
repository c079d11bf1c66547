"""What collect makes of pictures: each is opened once, whole, so that later stages need not fear it."""

from __future__ import annotations

import io
import os
import re
import warnings
from typing import Any

import pyarrow as pa
import xxhash

from aigc_cli.collect.licenses.spdx import identify
from aigc_cli.collect.licenses.wanted import refusal
from aigc_cli.collect.records import Context, Picture, Record, without_surrogates
from aigc_cli.core.pictures import FORMATS
from aigc_cli.core.shards import PICTURE_SCHEMA
from aigc_cli.core.urls import source_url

SPLITS = frozenset({"train", "test", "valid", "validation", "val", "dev", "images"})  # directories that are no class


def picture(record: Picture | Record, context: Context) -> tuple[dict[str, Any] | None, int]:
    """(the row of PICTURE_SCHEMA, its bytes); (None, 0) after counting why not.

    Of an animation the first frame counts, which is told as a repair.
    """
    settings = context.settings
    where = f"{record.source}[{record.number}]" if record.number else record.source
    if isinstance(record, Record):  # of standard input or a table of text
        context.reject("no_picture", where)
        return None, 0
    opened = _opened(record.data, where, context)
    if opened is None:
        return None, 0
    license = identify(record.license) or identify(settings.license)
    if settings.licenses and (refused := refusal(license, settings.licenses)):
        context.reject(refused, where)
        return None, 0
    source = without_surrogates(record.source)
    width, height, mode, kind = opened
    return {
        "id": record.id or xxhash.xxh128_hexdigest(f"{source}\0{record.number}".encode()),
        "image": {"bytes": record.data, "path": os.path.basename(source)},
        "label": record.label if record.label is not None else folder_label(source), "text": record.text,
        "width": width, "height": height, "mode": mode, "format": kind, "source": source, "record": record.number,
        "source_id": record.source_id, "url": record.url or source_url(source), "license": license,
        "hash": xxhash.xxh128_hexdigest(record.data),
    }, len(record.data)  # fmt: skip


def _opened(data: bytes, where: str, context: Context) -> tuple[int, int, str, str] | None:
    """(width, height, mode, format) of a picture that could be decoded to its last row; None after counting why not."""
    from PIL import Image, UnidentifiedImageError

    if not data:
        context.reject("empty", where)
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are judged here, and of odd metadata
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > context.settings.max_pixels:
                    context.reject("too_many_pixels", f"{where} ({image.width} x {image.height})")
                    return None
                if getattr(image, "n_frames", 1) > 1:
                    context.counts["repaired:animation"] += 1
                found = image.width, image.height, image.mode, str(image.format)
                image.load()
                return found
    except UnidentifiedImageError:
        context.reject("no_picture", where)
    except Image.DecompressionBombError:
        context.reject("too_many_pixels", where)
    except MemoryError:
        context.reject("too_long", where)
    # Damage shows itself in many ways, by the decoder: OSError, SyntaxError, ValueError, struct.error, IndexError ...
    except Exception as error:
        context.reject("truncated" if re.search("truncat|not enough", str(error)) else "corrupt", where)
    return None


def folder_label(source: str) -> str | None:
    """The class that a picture's directory names, as in datasets' imagefolder; None at the top or below splits alone.

    >>> [folder_label(source) for source in ("train/cats/1.png", "p.zip!/dogs/2.png", "1.png", "test/1.png")]
    ['cats', 'dogs', None, None]
    """
    folders = source.rsplit("!/", 1)[-1].split("/")[:-1]
    return folders[-1] if folders and folders[-1].lower() not in SPLITS else None


def batch_of(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """The rows as PICTURE_SCHEMA."""
    columns = [pa.array([row[f.name] for row in rows], type=f.type, from_pandas=False) for f in PICTURE_SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=PICTURE_SCHEMA)
