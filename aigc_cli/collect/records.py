"""What a reader yields, and where it puts what it could not read."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

from aigc_cli.collect.streams import Budget

TEXT_FIELDS = ("text", "content", "body")
NO_TEXT = ("id", "url", "license", "lang", "source", "source_id", "hash")  # what is not text where all fields are
FIELD_END = "\x1f"  # between the texts of several fields
EXAMPLES = 3  # of each reason for rejection, a unit of work
MAX_DEPTH = 2  # containers in one another: a.tar.gz holding docs.jsonl.gz
_SURROGATES = re.compile("[\ud800-\udfff]")


class Record(NamedTuple):
    """One document as read. `number` is its place in `source`; `id` only where the input already is shards."""

    text: str
    source: str
    number: int
    source_id: str | None = None
    url: str | None = None
    license: str | None = None
    lang: str | None = None
    id: str | None = None
    code_lang: str | None = None


class Picture(NamedTuple):
    """One picture as read: the bytes of a file of a usual format, or of a PNG made from raw pixels."""

    data: bytes
    source: str
    number: int
    label: str | None = None
    text: str | None = None
    source_id: str | None = None
    url: str | None = None
    license: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Settings:
    """The options that readers need; plain values, so that they travel to worker processes."""

    text_field: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    license: str | None = None
    lang: str | None = None
    lines: bool = False
    extract: Literal["main", "quality", "all"] = "main"
    max_document_bytes: int = 32 << 20
    max_expanded_bytes: int | None = None
    licenses: tuple[str, ...] = ()
    inherited_license: str | None = None  # of a source file's project, for files that name none
    modality: Literal["auto", "text", "image"] = "text"
    max_pixels: int = 64 << 20
    fields: tuple[str, ...] | None = None  # texts of these (empty: of all) fields, FIELD_END between; None: one text


@dataclass
class Context:
    """State of reading one unit: settings, counted rejections with examples, the container's budget."""

    settings: Settings = field(default_factory=Settings)
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    budget: Budget | None = None
    depth: int = 0
    near: Callable[[str], str | None] | None = None  # the licence for a path within the archive that is read
    all_members: bool = True  # the container's own path matches --include
    path: str | None = None  # of the file on disk that is read

    def reject(self, reason: str, where: str) -> None:
        """Count one rejected record or file; the first few are remembered by name."""
        self._count("rejected", reason, where)

    def skip(self, reason: str, where: str) -> None:
        """Count one file that is no input: hidden, of another kind, not asked for."""
        self._count("skipped", reason, where)

    def read_as(self, encoding: str) -> None:
        """Count one file, record or line that was not in UTF-8, by its encoding."""
        if encoding != "utf-8":
            self.counts[f"encodings:{encoding}"] += 1

    def drain(self) -> dict[str, Any]:
        """All that was counted since the last call, as the engine wants it."""
        numbers: dict[str, Any] = {**self.counts, **self.examples}
        self.counts, self.examples = Counter(), {}
        return numbers

    def add(self, other: Context) -> None:
        """Take over what `other` counted."""
        self.counts.update(other.counts)
        for key, names in other.examples.items():
            held = self.examples.setdefault(key, [])
            held += names[: EXAMPLES - len(held)]

    def _count(self, kind: str, reason: str, where: str) -> None:
        self.counts[f"{kind}:{reason}"] += 1
        examples = self.examples.setdefault(f"{kind}_examples:{reason}", [])
        if len(examples) < EXAMPLES:
            examples.append(where)

    @contextlib.contextmanager
    def licensed(self, near: Callable[[str], str | None]) -> Iterator[None]:
        """While an archive is read: how to find the licence for a path within it."""
        before, self.near = self.near, near
        try:
            yield
        finally:
            self.near = before

    def wants(self, member: str) -> bool:
        """Whether --include and --exclude let the member of a container in."""
        included = self.all_members or matches(member, self.settings.include)
        return included and not matches(member, self.settings.exclude)


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a root-relative path or its last part matches any pattern; * also matches /."""
    name = path.rsplit("/", 1)[-1]
    return any(fnmatchcase(path, p) or fnmatchcase(name, p) for p in patterns)


class Repeated(dict[str, Any]):
    """A JSON object that named a key twice."""


def keep_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """object_pairs_hook of json: a dict, or Repeated."""
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else Repeated(fields)


def from_fields(fields: Mapping[str, Any], source: str, number: int, where: str, context: Context) -> Record | None:
    """The record that a JSON object or a table row holds; None after counting why not."""
    wanted = context.settings.text_field
    text: Any = None
    if context.settings.fields is not None:
        listed = context.settings.fields or [name for name in fields if name not in NO_TEXT]
        text = FIELD_END.join(part for name in listed for part in _strings(_reach(fields, name))) or None
    elif wanted:
        text = _reach(fields, wanted)
    else:
        text = next((fields[name] for name in TEXT_FIELDS if fields.get(name) is not None), None)
    if isinstance(fields, Repeated):
        context.reject("duplicate_text_field", where)
        return None
    if text is None:
        names = ", ".join(str(name)[:40] for name in list(fields)[:8])
        context.reject("missing_text_field", f"{where} (has {names or 'no fields'})")
        return None
    if not isinstance(text, str):
        context.reject("text_not_a_string", where)
        return None
    return Record(
        text, source, number, plain(fields.get("id")), plain(fields.get("url")), plain(fields.get("license")),
        plain(fields.get("lang")),
    )  # fmt: skip


def printable(text: str) -> str:
    """`text` on one line, without what a terminal would obey.

    >>> printable("a\\x1b[31m b\\n")
    'a\\\\x1b[31m b\\\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def plain(value: Any) -> str | None:
    """A provenance value as text; objects and lists are none."""
    if value is None or value == "" or isinstance(value, dict | list | bool):
        return None
    return without_surrogates(str(value))


def without_surrogates(text: str) -> str:
    """`text` with lone surrogates, which no UTF-8 can hold, as U+FFFD."""
    return _SURROGATES.sub("\ufffd", text)


def _strings(value: Any) -> Iterator[str]:
    """The strings in a value that may be a list or an object of further ones."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(part)


def _reach(fields: Mapping[str, Any], path: str) -> Any:
    if path in fields:
        return fields[path]
    value: Any = fields
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
