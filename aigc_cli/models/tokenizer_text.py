"""What happens to a text before sentencepiece sees it: one character is escaped, long texts are cut.

sentencepiece writes a space as U+2581, so a literal U+2581 would come back as a space. Before encoding, U+E000
becomes U+E000 U+E0A0 and U+2581 becomes U+E000 U+E0B1. After that every U+E000 is followed by one of the two
marks and no U+2581 is left, so the text can be restored; tokenizer.json says the same in its own words.
"""

from __future__ import annotations

SPACE = "\u2581"  # what sentencepiece writes for a space
ESCAPE = "\ue000"
ESCAPED_ESCAPE, ESCAPED_SPACE = "\ue000\ue0a0", "\ue000\ue0b1"
_ESCAPE_BYTES, _ESCAPED_ESCAPE_BYTES, _ESCAPED_SPACE_BYTES = (
    s.encode() for s in (ESCAPE, ESCAPED_ESCAPE, ESCAPED_SPACE)
)

# Characters that are always a piece of their own. Special tokens and <0xAB> begin with "<", so text cannot match
# them in a vocabulary whose format does not tell them from words.
ALONE = "\n\t<"

# Up to here path scores (multiples of 1/256 or 1/16, at most 32 a character) are exact in sentencepiece's float32, so
# that ties fall as in float64 elsewhere.
WORD_CHARS = 2048


def escape(text: str) -> str:
    """`text` without U+2581, see the module's docstring.

    >>> unescape(escape("a\\u2581b\\ue000")) == "a\\u2581b\\ue000"
    True
    """
    if ESCAPE in text:
        text = text.replace(ESCAPE, ESCAPED_ESCAPE)
    return text.replace(SPACE, ESCAPED_SPACE) if SPACE in text else text


def unescape_bytes(data: bytes) -> bytes:
    """`unescape` on UTF-8 that need not be whole characters."""
    if _ESCAPE_BYTES not in data:
        return data
    return data.replace(_ESCAPED_SPACE_BYTES, SPACE.encode()).replace(_ESCAPED_ESCAPE_BYTES, _ESCAPE_BYTES)


def unescape(text: str) -> str:
    """The text that `escape` was given."""
    if ESCAPE not in text:
        return text
    return text.replace(ESCAPED_SPACE, SPACE).replace(ESCAPED_ESCAPE, ESCAPE)


def at_words(text: str) -> list[str]:
    """`text` cut where no piece of a vocabulary can lie across, after WORD_CHARS characters where words allow it.

    >>> [len(part) for part in at_words("x" * 3000)], [len(part) for part in at_words("one " * 1000)]
    ([3000], [2047, 1953])
    """
    parts: list[str] = []
    for part in chunked(text):
        if parts and not (part[0] in ALONE or parts[-1][-1] in ALONE or part[0] == " " != parts[-1][-1]):
            parts[-1] += part
        else:
            parts.append(part)
    return parts


def chunked(text: str) -> list[str]:
    """`text` cut into parts of at most WORD_CHARS characters, so that few words are cut.

    Cuts are before a run of spaces, after one of ALONE, and after WORD_CHARS characters that have neither.
    """
    if len(text) <= WORD_CHARS:
        return [text]
    parts, start = [], 0
    while len(text) - start > WORD_CHARS:
        end = start + WORD_CHARS
        space = text.rfind(" ", start, end + 1)
        run = start + len(text[start:space].rstrip(" ")) if space > start else start
        cut = max(run, *(text.rfind(mark, start, end) + 1 for mark in ALONE))
        cut = cut if cut > start else end
        parts.append(text[start:cut])
        start = cut
    parts.append(text[start:])
    return parts
