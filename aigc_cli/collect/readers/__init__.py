"""Readers: one file per kind of source, found by the file name's suffix.

A reader is `read(stream, label, context) -> Iterator[Record]`; the ones that can start in the middle of a file also
take `start` and `end` in bytes. It yields what it can read, calls `context.reject` for records that it cannot, and
raises what it meets when the rest of the file is lost (`dispatch.reason` names it).
"""

from __future__ import annotations

import re

from aigc_cli.collect.code.languages import KINDS, code_kind

_HERE = "aigc_cli.collect.readers."

READERS = {
    ".txt": _HERE + "text:read",
    ".text": _HERE + "text:read",
    ".md": _HERE + "text:read_document",
    ".markdown": _HERE + "text:read_document",
    ".html": _HERE + "html:read",
    ".htm": _HERE + "html:read",
    ".xhtml": _HERE + "html:read",
    ".json": _HERE + "json_values:read",
    ".jsonl": _HERE + "json_lines:read",
    ".ndjson": _HERE + "json_lines:read",
    ".csv": _HERE + "delimited:read_csv",
    ".tsv": _HERE + "delimited:read_tsv",
    ".parquet": _HERE + "parquet:read",
    ".arrow": _HERE + "arrow:read",
    ".feather": _HERE + "arrow:read",
    ".gz": _HERE + "compressed:read_gzip",
    ".bz2": _HERE + "compressed:read_bzip2",
    ".xz": _HERE + "compressed:read_xz",
    ".lzma": _HERE + "compressed:read_xz",
    ".zst": _HERE + "compressed:read_zstd",
    ".zip": _HERE + "zipped:read",
    ".tar": _HERE + "tarred:read",
    ".tar.gz": _HERE + "tarred:read_gzipped",
    ".tgz": _HERE + "tarred:read_gzipped",
    ".tar.bz2": _HERE + "tarred:read_bzipped",
    ".tbz2": _HERE + "tarred:read_bzipped",
    ".tar.xz": _HERE + "tarred:read_xz",
    ".txz": _HERE + "tarred:read_xz",
    ".tar.zst": _HERE + "tarred:read_zstd",
    ".tzst": _HERE + "tarred:read_zstd",
    ".warc": _HERE + "warc:read",
    ".warc.gz": _HERE + "warc:read_gzipped",
    ".warc.zst": _HERE + "warc:read_zstd",
    ".wet": _HERE + "warc:read",
    ".wet.gz": _HERE + "warc:read_gzipped",
    ".wet.zst": _HERE + "warc:read_zstd",
    ".xml": _HERE + "wikipedia:read",
    ".xml.bz2": _HERE + "wikipedia:read_bzip2",
}
READERS |= dict.fromkeys(KINDS, _HERE + "code:read") | {".ipynb": _HERE + "code:read_notebook"}
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
PICTURES = dict.fromkeys(_PICTURES, _HERE + "pictures:read") | {".idx3-ubyte": _HERE + "pictures:read_idx"}
CONTAINERS = frozenset(
    {".gz", ".bz2", ".xz", ".lzma", ".zst", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz",
     ".tar.zst", ".tzst"}
)  # fmt: skip
ARCHIVES = frozenset(
    {".warc", ".warc.gz", ".warc.zst", ".wet", ".wet.gz", ".wet.zst", ".xml", ".xml.bz2"}
)  # read in ranges of bytes


def kind_of(name: str) -> str | None:
    """The suffix under which `name` stands in READERS, None for an unknown kind.

    >>> kind_of("a/docs.JSONL"), kind_of("b.tar.gz"), kind_of("docs.jsonl.gz"), kind_of("photo.png")
    ('.jsonl', '.tar.gz', '.gz', None)
    """
    # Parts of a dump are called pages-articles1.xml-p1p41242.bz2.
    parts = re.sub(r"(\.xml)-p\d+p\d+", r"\1", name.rsplit("/", 1)[-1].lower()).split(".")
    for count in (2, 1):
        suffix = "." + ".".join(parts[-count:])
        if len(parts) > count and suffix in READERS and suffix not in KINDS:
            return code_kind(".".join(parts)) if ".".join(parts) in KINDS else suffix
    return code_kind(".".join(parts))


def picture_kind_of(name: str) -> str | None:
    """The suffix of a picture, an IDX file of pictures or a container that may hold some; None for anything else.

    >>> [picture_kind_of(n) for n in ("a/Cat.PNG", "train-images-idx3-ubyte.gz", "train-images-idx3-ubyte", "x.txt")]
    ['.png', '.gz', '.idx3-ubyte', None]
    """
    base = name.rsplit("/", 1)[-1].lower()
    if base.endswith(("-idx3-ubyte", ".idx3-ubyte")):
        return ".idx3-ubyte"
    suffix = "." + base.rpartition(".")[2]
    if suffix in PICTURES:
        return suffix
    kind = kind_of(name)
    return kind if kind in CONTAINERS else None
