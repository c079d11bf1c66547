"""The words of spaCy's English tokenizer for one run of characters without whitespace.

spaCy's rules are applied in its order: special cases, prefixes and suffixes from outside to inside, addresses, infixes,
and special cases once more across the pieces. Only spaCy's tables are taken from the installed package; documents
(`Doc`), vocabulary and string store, where it spends its time, are not built.

Source: spaCy's documentation of the tokenizer's algorithm (spacy.io/usage/linguistic-features#how-tokenizer-works).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from aigc_cli.clean.parity.patterns import Affix, Infix, needs, parser
from aigc_cli.core.errors import ConfigError, need

Pieces = tuple[str, ...]


class Special:
    """Special cases, by their string and by the pieces that the affix rules leave of them."""

    def __init__(self, pieces: dict[str, Pieces], patterns: Iterable[Pieces]) -> None:
        self.pieces = pieces
        self._by_first: dict[str, list[Pieces]] = {}
        for pattern in patterns:
            if len(pattern) > 1 or pieces[pattern[0]] != pattern:  # the others change nothing and yield to all
                self._by_first.setdefault(pattern[0], []).append(pattern)
        listed = [pattern for patterns in self._by_first.values() for pattern in patterns]
        self.neighbours = {pair for pattern in listed for pair in zip(pattern, pattern[1:], strict=False)}
        self._first_pairs = frozenset(pattern[:2] for pattern in listed if len(pattern) > 1)
        self._alone = frozenset(pattern[0] for pattern in listed if len(pattern) == 1)

    def merged(self, raw: list[str], chunks: Sequence[int] = ()) -> list[str]:
        """The pieces with those that make up a special case replaced by its own: longest first, then leftmost.

        `chunks` names the chunk of each piece, if there are several. Pieces of different chunks never make up a special
        case, but where they would without the space between, they are not taken for another one either.
        """
        if self._first_pairs.isdisjoint(zip(raw, raw[1:], strict=False)) and self._alone.isdisjoint(raw):
            return raw
        merged: list[str] = []
        position, chosen = 0, self._chosen(raw)
        while position < len(raw):
            end = chosen.get(position, position + 1)
            part = raw[position:end]
            whole = position in chosen and (not chunks or chunks[position] == chunks[end - 1])
            merged += self.pieces.get("".join(part), part) if whole else part
            position = end
        return merged

    def _chosen(self, raw: list[str]) -> dict[int, int]:
        """{first: end} of the runs of pieces that are taken for special cases."""
        spans = []
        for start, piece in enumerate(raw):
            for pattern in self._by_first.get(piece, ()):
                if tuple(raw[start : start + len(pattern)]) == pattern:
                    spans.append((-len(pattern), start))
        seen: set[int] = set()
        chosen = {}
        for negative, start in sorted(spans):
            end = start - negative
            if start not in seen and end - 1 not in seen:
                chosen[start] = end
            seen.update(range(start, end))  # also by spans that are not taken
        return chosen


class EnglishWords:
    """The words of chunks; see the module."""

    def __init__(self) -> None:
        need("spacy", "parity")
        from spacy.lang.en import English
        from spacy.symbols import ORTH
        from spacy.util import compile_infix_regex, compile_prefix_regex, compile_suffix_regex

        rules: Any = English.Defaults
        prefixes, suffixes, infixes = rules.prefixes or [], rules.suffixes or [], rules.infixes or []
        joined = [compile_prefix_regex(prefixes), compile_suffix_regex(suffixes), compile_infix_regex(infixes)]
        before = [f"^{piece}" for piece in prefixes if piece.strip()]
        after = [f"{piece}$" for piece in suffixes if piece.strip()]
        inside = [piece for piece in infixes if piece.strip()]
        if [p.pattern for p in joined] != ["|".join(before), "|".join(after), "|".join(inside)] or rules.token_match:
            raise ConfigError("this version of spaCy joins its rules in another way",
                              "pip install 'aigc-cli[parity]'")  # fmt: skip
        self._prefix, self._suffix = Affix(before, last=False), Affix(after, last=True)
        self._infix = Infix(inside)
        self._address: Any = rules.url_match
        self._dotted = needs(list(parser.parse(self._address.__self__.pattern)), ".")
        self._pieces = {text: tuple(part[ORTH] for part in parts) for text, parts in rules.tokenizer_exceptions.items()}
        asked = [t for t in self._pieces if " " in t or self._has_affix(t)]
        self.special = Special(self._pieces, [tuple(self._split(text, {})) for text in asked if not text.isspace()])

    def _has_affix(self, text: str) -> bool:
        return bool(self._prefix.length(text) or self._infix.matches(text) or self._suffix.length(text))

    @property
    def special_cases(self) -> Sequence[str]:
        """The strings that have rules of their own, those without whitespace."""
        return [text for text in self._pieces if text.split() == [text]]

    def words(self, chunk: str) -> tuple[list[str], bool]:
        """(words, whether special cases inside changed them) of a chunk without whitespace, as if it stood alone."""
        raw = self.raw(chunk)
        merged = self.special.merged(raw)
        return merged, merged != raw

    def words_among(self, chunks: Sequence[str], which: int) -> list[str]:
        """The words of chunks[which] where all of them follow one another with a space between."""
        pieces = [self.raw(chunk) for chunk in chunks]
        owners = [number for number, part in enumerate(pieces) for _ in part]
        merged = self.special.merged([piece for part in pieces for piece in part], owners)
        start = sum(map(len, chunks[:which]))
        end, position, found = start + len(chunks[which]), 0, []
        for piece in merged:
            if start <= position < end:
                found.append(piece)
            position += len(piece)
        return found

    def raw(self, chunk: str) -> list[str]:
        """The pieces before special cases are looked for across them."""
        return self._split(chunk, self._pieces)

    def _split(self, text: str, special: dict[str, Pieces]) -> list[str]:
        """The pieces of a chunk by affixes, addresses and infixes, with the given special cases."""
        before: list[str] = []
        after: list[str] = []
        size = 0
        while text and len(text) != size:
            if text in special:
                break
            size = len(text)
            first = self._prefix.length(text)
            rest = text[first:]
            if first and rest in special:
                before.append(text[:first])
                text = rest
                break
            last = self._suffix.length(rest) if rest else 0
            if last:
                shorter = text[:-last]
                if shorter in special:
                    after.append(text[-last:])
                    text = shorter
                    break
                after.append(text[-last:])
                rest = rest[:-last]
            if first:
                before.append(text[:first])
            text = rest
        if text:
            before += special.get(text) or self._inside(text)
        after.reverse()
        return before + after

    def _inside(self, text: str) -> Sequence[str]:
        if (not self._dotted or "." in text) and self._address(text):
            return (text,)
        matches = self._infix.matches(text)
        if not matches:
            return (text,)
        pieces: list[str] = []
        start = 0
        for match in matches:
            if match.start() == 0:
                continue
            pieces += [part for part in (text[start : match.start()], match.group()) if part]
            start = match.end()
        return [*pieces, text[start:]] if text[start:] else pieces


@functools.cache
def english_words() -> EnglishWords:
    """The one tokenizer of this process. Raises MissingExtra without spaCy."""
    return EnglishWords()
