"""Drop documents by where they come from: listed domains and URLs, and words in the URL.

Source: Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", section G.1: lists of domains and URLs; words, of
which one is enough; soft words, of which it takes two; and words that count also inside others and across marks. No
list comes with the project.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from aigc_cli.clean import named
from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

STATS = ()
_MARKS = re.compile(r"[\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")  # no spaces part such words
_LISTS = ("domains", "urls", "words", "soft_words", "subwords")
_FILES = "one entry a line, # for comments, also .gz"


@dataclass
class Options:
    """URLs. Domains count with all below them; a URL counts without scheme, user, fragment and usual port."""

    domains: list[str] = opt([], "Domains to drop, with all that is below them.")
    domain_files: list[str] = opt([], f"Files of domains ({_FILES}; hosts files, too).", described=named.described)
    urls: list[str] = opt([], "URLs to drop.")
    url_files: list[str] = opt([], f"Files of URLs ({_FILES}).", described=named.described)
    words: list[str] = opt([], "Words of which one in the URL is enough; Chinese and Japanese ones count anywhere.")
    word_files: list[str] = opt([], f"Files of such words ({_FILES}).", described=named.described)
    soft_words: list[str] = opt([], "Words of which it takes several.")
    soft_word_files: list[str] = opt([], f"Files of such words ({_FILES}).", described=named.described)
    soft_count: int = opt(2, "So many different soft words are enough.", min=1)
    subwords: list[str] = opt([], "Words that count also inside others, and with marks between their letters.")
    subword_files: list[str] = opt([], f"Files of such words ({_FILES}).", described=named.described)
    allow: bool = opt(False, "Keep only what is under the domains or among the URLs; words still drop.")
    missing: Literal["keep", "drop"] = opt("keep", "Documents without a URL.")

    def __post_init__(self) -> None:
        """An entry must have something to look for."""
        for name in _LISTS:
            for entry in getattr(self, name):
                if not entry.strip() or (name.endswith("words") and not _MARKS.sub("", entry)):
                    raise ValueError(f"urls: {name} holds {entry!r}; leave it out")


def check(options: Options) -> None:
    """Raise ConfigError where nothing is listed, or what is listed is no domain or URL."""
    _bad_entries(options)
    if options.allow and not (options.domains or options.domain_files or options.urls or options.url_files):
        raise ConfigError("rules: urls has allow, but no domains and no URLs", "give domains: [...] or domain_files")
    if options.missing == "keep" and not any(
        getattr(options, name) or getattr(options, _file(name)) for name in _LISTS
    ):
        raise ConfigError("rules: urls lists nothing", "give domains: [...], domain_files: [FILE] or words: [...]")


def prepare(options: Options) -> None:
    """Read the lists. Raises ConfigError for those that cannot be used."""
    _lists(options)


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons no_url, domain, url (or, with allow, not_listed), word, soft_words, subword."""
    import numpy as np
    import pyarrow as pa

    from aigc_cli.clean.addresses import address
    from aigc_cli.clean.kernels import hosts

    if "url" not in batch.schema.names:
        column: list[str | None] = [None] * batch.num_rows
    else:
        column = batch.column("url").to_pylist()
    lists = _lists(options)
    given = np.array([bool(url and url.strip()) for url in column], dtype=bool)
    found = [address(url or "") for url in column]
    domain = hosts.find(pa.array([a.host for a in found], pa.large_string()), lists.domains, above=True)
    url = hosts.find(pa.array([a.key for a in found], pa.large_string()), lists.urls, above=False)
    checks: list[tuple[str, np.ndarray]] = [("no_url", ~given if options.missing == "drop" else np.zeros_like(given))]
    checks += [("not_listed", given & ~domain & ~url)] if options.allow else [("domain", domain), ("url", url)]
    if lists.any_words:
        said = np.array([lists.words(a.host, a.key, options.soft_count) for a in found], dtype=np.int64)
        checks += [(name, said == number) for number, name in enumerate(("word", "soft_words", "subword"), 1)]
    return Outcome(reasons=first_reasons(batch.num_rows, checks))


class _Lists:
    """What is listed: hashes of domains and of URLs (8 bytes each, sorted), and sets of words."""

    def __init__(self, domains: np.ndarray, urls: np.ndarray, words: Sequence[Sequence[str]]) -> None:
        self.domains, self.urls = domains, urls
        plain = [{word.lower() for word in listed} for listed in words]
        self._sets = [{word for word in listed if not _UNSPACED.search(word)} for listed in plain[:2]]
        self._parts = [[word for word in listed if _UNSPACED.search(word)] for listed in plain[:2]]
        subwords = sorted(_MARKS.sub("", word) for word in plain[2])
        self._subwords = re.compile("|".join(map(re.escape, subwords))) if subwords else None
        self.any_words = any(plain)

    def words(self, host: str, key: str, soft_count: int) -> int:
        """1 for a word, 2 for soft words, 3 for a subword in a URL, 0 for none."""
        from aigc_cli.clean.addresses import spoken

        text = unquote(spoken(host) + key[len(host) :]).lower()
        words = set(_MARKS.split(text))
        hard, soft = (len(words & s) + sum(p in text for p in parts)
                      for s, parts in zip(self._sets, self._parts, strict=True))  # fmt: skip
        if hard or soft >= soft_count:
            return 1 if hard else 2
        return 3 if self._subwords is not None and self._subwords.search(_MARKS.sub("", text)) else 0


def _file(name: str) -> str:
    return f"{name.removesuffix('s')}_files"


def _lists(options: Options) -> _Lists:
    lists = tuple((name, tuple(getattr(options, name)), tuple(getattr(options, _file(name)))) for name in _LISTS)
    return _read(lists, named.current(*(file for _, _, files in lists for file in files)))


@functools.lru_cache(maxsize=2)
def _read(lists: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...], _current: Any) -> _Lists:
    found = {name: (entries, files) for name, entries, files in lists}
    words = [[*found[name][0], *(w for file in found[name][1] for w in _words(file))] for name in _LISTS[2:]]
    return _Lists(_hashes(*found["domains"], urls=False), _hashes(*found["urls"], urls=True), words)


def _words(file: str) -> list[str]:
    listed = named.entries(file)
    for word in listed:
        if not _MARKS.sub("", word):
            raise ConfigError(f"{file}: {word!r} is no word", "take it out of the list")
    return listed


def _hashes(entries: Sequence[str], files: Sequence[str], *, urls: bool) -> np.ndarray:
    """The hashes of all entries, sorted, each once."""
    import numpy as np

    from aigc_cli.clean.kernels import hosts

    parts = [hosts.hashed([_normal(entry, urls) for entry in entries])]
    for file in files:
        data = named.read_list(file)
        plain, odd = hosts.read(data, urls=urls)
        others = []
        for start, stop in odd:
            for entry in _entries(data[start:stop].decode(), urls):
                name = _normal(entry, urls)
                if not name:
                    raise _wrong(entry, urls, f"{file}, line {data.count(10, 0, start) + 1}")
                others.append(name)
        if not len(plain) and not others:
            raise named.empty(file)
        parts += [plain, hosts.hashed(others)]
    found = np.sort(np.concatenate(parts))  # numpy's own unique takes four times as long
    return found[np.concatenate([[True], found[1:] != found[:-1]])] if len(found) else found


def _entries(line: str, urls: bool) -> list[str]:
    """The entries of a line without its comment; the domains of a line of a hosts file."""
    text = re.split(r"(?:^|\s)#", line, maxsplit=1)[0]
    words = text.split()
    if len(words) > 1:
        return words[1:] if not urls and (words[0].count(".") == 3 or ":" in words[0]) else [text]
    return words


def _normal(entry: str, urls: bool) -> str:
    """The entry as documents' domains and URLs are compared; "" for what is none."""
    from aigc_cli.clean.addresses import address, domain, is_domain

    if " " in entry.strip():
        return ""
    if urls:
        found = address(entry)
        return found.key if is_domain(found.host) or found.host.startswith("[") else ""
    name = domain(entry.strip().removeprefix("*").removeprefix("."))
    return name if is_domain(name) else ""


def _bad_entries(options: Options) -> None:
    """Raise ConfigError for the first domain or URL in the recipe that is none."""
    for listed, urls in ((options.domains, False), (options.urls, True)):
        for entry in listed:
            if not _normal(entry, urls):
                raise _wrong(entry, urls, "rules: urls")


def _wrong(entry: str, urls: bool, where: str) -> ConfigError:
    what, example = ("URL", "https://example.com/page") if urls else ("domain", "example.com")
    return ConfigError(f"{where}: {entry.strip()[:80]!r} is no {what}", f"give one a line, e.g. {example}")
