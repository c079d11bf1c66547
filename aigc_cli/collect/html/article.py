"""The text of a page by kernels: tables of elements and texts, the article in them, its blocks as text."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import numpy as np

from aigc_cli.collect.html import hints
from aigc_cli.collect.html.kernels import tags
from aigc_cli.collect.html.kernels.blocks import B_FIELDS, B_FLAGS, B_KEEP, B_SIZE, HEADING, PRE
from aigc_cli.collect.html.kernels.choose import C_BLOCKS, C_FIELDS, C_TOP, choose
from aigc_cli.collect.html.kernels.emit import EDGE, emit
from aigc_cli.collect.html.kernels.prune import drop_empty_headings, prune, trim_head
from aigc_cli.collect.html.kernels.scan import P_ELEMENTS, P_FIELDS, P_TEXTS, T_FIELDS, scan
from aigc_cli.collect.html.kernels.stack import E_FIELDS
from aigc_cli.collect.html.phrases import LONGEST, is_boilerplate

MAX_ELEMENTS = 1 << 20  # what more there are belong to the one around them: memory is bounded, no text is lost
SAME_TITLE = 0.6  # share of a heading's words that stand in the title, too
NEAR_TITLES = 10  # headings before the text that are compared with the title
MOST_ASKED = 10_000  # short blocks of a page that are looked at one by one; what has more is a table or a list
_WORD = re.compile(r"\w+")
_STRONG, _WEAK, _BODY = hints.mask(hints.STRONG), hints.mask(hints.WEAK), hints.mask(["body"])
_ARTICLE = hints.mask(["foot", "related", "comment", "caption", "offer", "hidden"])  # asked of <article> and <main>


@dataclass
class Tables:
    """A page as flat tables."""

    data: bytes
    buffer: np.ndarray
    elements: np.ndarray
    texts: np.ndarray
    facts: np.ndarray

    @classmethod
    def of(cls, data: bytes) -> Tables:
        """The tables of a page in UTF-8."""
        rows = data.count(b"<") + 1
        buffer = np.frombuffer(data, np.uint8)
        elements = np.empty((min(rows, MAX_ELEMENTS), E_FIELDS), np.int32)
        texts, facts = np.empty((rows, T_FIELDS), np.int32), np.zeros(P_FIELDS, np.int64)
        after, found = hints.automaton()
        scan(buffer, tags.SLOT_KEYS, tags.SLOT_TAGS, tags.RULES, tags.BREAKS, after, found, elements, texts, facts)
        return cls(data, buffer, elements[: facts[P_ELEMENTS]], texts[: facts[P_TEXTS]], facts)


def text_of(page: Tables, title: str, main: bool) -> str:
    """The text of the article, or everything visible."""
    n = len(page.texts)
    blocks, weight = np.empty((n, B_FIELDS), np.int32), np.empty(n, np.float32)
    bad, outcome = np.empty(len(page.elements), np.uint8), np.zeros(C_FIELDS, np.int64)
    choose(page.elements, page.texts, tags.BREAKS, _STRONG, _WEAK, _BODY, _ARTICLE, blocks, bad, weight, outcome)
    blocks = blocks[: outcome[C_BLOCKS]]
    if main:
        span = np.full(2, -1, np.int64)
        prune(page.elements, blocks, bad, weight, outcome[C_TOP], span)
        if span[0] > 0:
            trim_head(page.elements, blocks, span[0], _title_block(page, blocks[: span[0]], title))
        _drop_boilerplate(page, blocks)
        drop_empty_headings(page.elements, blocks)
        if text := plain_text(_rendered(page, blocks)[0]):
            return text
        blocks[:, B_KEEP] = 1  # no article, no text but links: everything is better than nothing
    return plain_text(_rendered(page, blocks)[0])


def plain_text(data: bytes) -> str:
    """Text without character references."""
    text = data.decode("utf-8", "replace")
    return html.unescape(text).strip() if "&" in text else text.strip()


def _rendered(page: Tables, blocks: np.ndarray) -> tuple[bytes, np.ndarray]:
    """The kept blocks as text, and where in it each begins and the last ends."""
    out = np.empty(len(page.data) + EDGE * len(page.texts), np.uint8)
    starts = np.empty(len(blocks) + 1, np.int64)
    n = emit(page.buffer, page.texts, blocks, out, starts)
    return out[:n].tobytes(), starts


def _title_block(page: Tables, blocks: np.ndarray, title: str) -> int:
    """The last of the headings before the text that repeats the page's title, -1 for none."""
    words = set(_WORD.findall(title.lower()))
    for b in np.flatnonzero(blocks[:, B_KEEP] & blocks[:, B_FLAGS] & HEADING)[-NEAR_TITLES:][::-1].tolist():
        own = set(_WORD.findall(plain_text(_rendered(page, blocks[b : b + 1])[0]).lower()))
        if own and len(own & words) >= SAME_TITLE * len(own):
            return b
    return -1


def _drop_boilerplate(page: Tables, blocks: np.ndarray) -> None:
    text, starts = _rendered(page, blocks)
    short = (blocks[:, B_KEEP] == 1) & (blocks[:, B_SIZE] <= LONGEST) & (blocks[:, B_FLAGS] & PRE == 0)
    for b in np.flatnonzero(short)[:MOST_ASKED].tolist():
        if is_boilerplate(text[starts[b] : starts[b + 1]].decode("utf-8", "replace").strip()):
            blocks[b, B_KEEP] = 0
