"""Write the generated part of the sample data, or compare it with what is there.

    python sample_data/make.py            writes sample_data/text/, sample_data/pictures/ and sample_data/planted.json
    python sample_data/make.py --check    exit status 1 when a file differs from what would be written

The essays under text/*/essays are written by hand and are left alone.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generator import digits, files, planted
from generator.corpus import Document, generate

HERE = Path(__file__).parent
SEED = 2
COUNTS = {"en": 70, "zh": 43}  # documents of each genre
BOUNDS = {"en": (80, 400), "zh": (130, 600)}  # words, Han characters
PAGES = 6  # museum labels that become web pages
DIGITS = 80  # pictures of each
GBK = 8  # Chinese travel notes that become plain text in GBK

# File of a language -> genres in it, and the writer.
COLLECTIONS: dict[str, tuple[list[str], Callable[[list[Document]], bytes]]] = {
    "daily.jsonl": (["letter", "notice", "forecast", "news"], files.json_lines),
    "kitchen.jsonl.gz": (["recipe", "repair"], files.gzipped),
    "lessons.zip": (["reading", "trial"], files.zipped),
    "museum.jsonl": (["museum"], files.json_lines),
    "notebooks.csv": (["nature", "sums"], files.table),
    "stories.jsonl": (["story", "fable", "life", "talk"], files.json_lines),
    "travel.jsonl": (["travel"], files.json_lines),
    "web.jsonl": (["web"], files.json_lines),
}


def build() -> dict[str, bytes]:
    """All generated files by their path under sample_data/."""
    record = planted.Record()
    built: dict[str, bytes] = {}
    for lang in ("en", "zh"):
        grammar = HERE / "grammar" / lang
        genres = {path.stem: COUNTS[lang] for path in sorted(grammar.glob("*.txt")) if path.stem != "common"}
        documents = planted.spoil(generate(grammar, lang, genres, SEED, BOUNDS[lang]), record, SEED)
        documents += planted.extras(documents, lang, record, SEED)
        built |= {f"text/{lang}/{name}": data for name, data in _files(documents, lang).items()}
    built["pictures/digits.zip"] = digits.archive(DIGITS, SEED)
    built["planted.json"] = (json.dumps(record.as_json(), ensure_ascii=False, indent=1) + "\n").encode()
    return built


def content(name: str, data: bytes) -> bytes:
    """What must be equal: the bytes, for compressed files the bytes inside (compressors differ between systems)."""
    if name.endswith(".gz"):
        return gzip.decompress(data)
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(member, archive.read(member)) for member in sorted(archive.namelist())]
        return b"".join(
            name.encode() + (digits.pixels(data) if name.endswith(".png") else data) for name, data in members
        )
    return data


def differing(built: dict[str, bytes]) -> list[str]:
    """Paths that are missing, differ, or are there although nothing writes them."""
    there = {path.relative_to(HERE) for folder in ("text", "pictures") for path in (HERE / folder).rglob("*")
             if path.is_file()}  # fmt: skip
    wrong = {path.as_posix() for path in there if path.parent.name != "essays"} - set(built)
    for name, data in built.items():
        path = HERE / name
        if not path.is_file() or content(name, path.read_bytes()) != content(name, data):
            wrong.add(name)
    return sorted(wrong)


def _files(documents: list[Document], lang: str) -> dict[str, bytes]:
    def number(document: Document) -> int:
        return int(document.id.rpartition("-")[2])

    alone: dict[str, Document] = {}
    gbk = files.text_file("gbk")
    for document in documents:
        if document.genre == "museum" and number(document) < PAGES:
            alone[f"pages/{document.id}.html"] = document
        elif lang == "zh" and document.genre == "travel" and number(document) < GBK:
            alone[f"gbk/{document.id}.txt"] = document
    written = {name: (files.page if name.endswith(".html") else gbk)(document) for name, document in alone.items()}
    single = {document.id for document in alone.values()}
    for name, (genres, write) in COLLECTIONS.items():
        chosen = [document for document in documents if document.genre in genres and document.id not in single]
        if chosen:
            written[name] = write(chosen)
    return written


def main() -> int:
    """The exit status."""
    built = build()
    wrong = differing(built)
    if "--check" in sys.argv[1:]:
        for name in wrong:
            print(f"differs: {name}")
        return 1 if wrong else 0
    for name in wrong:
        path = HERE / name
        if name not in built:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(built[name])
        print(f"wrote {name}: {len(built[name]):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
