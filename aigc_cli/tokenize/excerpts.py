"""Passages of the text, piece by piece, for people to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aigc_cli.core.parts import Parts
from aigc_cli.core.shards import Shards
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.models.tokenizer_text import SPACE
from aigc_cli.tokenize.documents import columns_of
from aigc_cli.tokenize.encoding import Task
from aigc_cli.tokenize.measures import languages

LANGUAGES, PASSAGES = 4, 2  # shown: of the languages with most text, from the first and the middle unit that has one
CHARS = 220
LONG_ENOUGH = 80  # characters: a shorter text is shown only where there is no other


def passages(parts: Parts, tasks: Sequence[Task], tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """[{"language", "source", "tokens": [[text, id, kind]]}], kind "" or "byte"; `tasks` are those behind `parts`."""
    sums = parts.counts
    named = [
        key.removeprefix("lang:").removesuffix(":bytes")
        for key in sums
        if key.endswith(":bytes") and key.startswith("lang:")
    ]
    found = []
    for language in sorted(named, key=lambda name: (-sums[f"lang:{name}:bytes"], name))[:LANGUAGES]:
        having = [i for i, unit in enumerate(parts.units) if unit.counts.get(f"lang:{language}:documents")]
        seen: set[str] = set()
        for number, place in enumerate((having[0], having[len(having) // 2])[:PASSAGES]):
            source, text = _text(tasks[place], language, later=bool(number), seen=seen)
            if text:
                seen.add(text)
                found.append({"language": language, "source": source, "tokens": pieces(tokenizer, text)})
    return found


def _text(task: Task, language: str, *, later: bool, seen: set[str]) -> tuple[str, str]:
    """(source, beginning) of a text in a unit: the first of that language that is long enough; `later`: the last."""
    best = ("", "")
    for source, lang, text in _rows(task):
        if lang != language or text in seen:
            continue
        if len(text) >= LONG_ENOUGH and not later:
            return source, text
        if len(text) >= min(LONG_ENOUGH, len(best[1])):
            best = (source, text)
    return best


def _rows(task: Task) -> Iterator[tuple[str, str, str]]:
    """(source, language, beginning of the text) of the documents of a unit."""
    shards = Shards.open(task.path)
    names = [*columns_of(shards), *(name for name in ("lang", "source") if name in shards.columns)]
    for batch in shards.rows(task.start, task.rows, names, task.split_name):
        column, langs = batch.column("text"), languages(batch)
        sources = batch.column("source").to_pylist() if "source" in names else [""] * batch.num_rows
        for row, lang in enumerate(langs):
            yield str(sources[row] or ""), lang, (column[row].as_py() or "")[:CHARS]


def pieces(tokenizer: Tokenizer, text: str) -> list[list[Any]]:
    """[[text, id, "" or "byte"]] of the tokens of a text; "byte": a single byte of a character without a piece."""
    kinds = tokenizer.pieces
    return [[shown(tokenizer, i), i, "byte" if kinds[i].type == proto.BYTE else ""] for i in tokenizer.encode(text)]


def shown(tokenizer: Tokenizer, i: int) -> str:
    """A piece as people read it: spaces as spaces, bytes as <0xAB>."""
    return tokenizer.pieces[i].text.replace(SPACE, " ")
