"""How byte-level BPE cuts a text into words: published patterns, and the classes of characters that they speak of.

Which characters are letters depends on the version of Unicode; here they are what the installed `tokenizers` takes for
letters, so that ids are those of transformers.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

# Source: GPT-2's encoder.py (Radford et al. 2019).
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT2_ORIGINAL = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# Source: tiktoken's cl100k_base (GPT-4), in the form that Llama 3's tokenizer.json gives it.
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Source: Qwen2's tokenizer.json: the same with each digit alone.
QWEN2 = CL100K.replace(r"\p{N}{1,3}", r"\p{N}")

_PLANES = 4  # of 65536 code points; above are no letters, numbers or spaces
_LETTER, _NUMBER, _SPACE, _NEWLINE = range(1, 5)  # kernels/byte_level.py


def byte_alphabet() -> list[str]:
    """The character that stands for each byte in a byte-level vocabulary. Source: GPT-2's bytes_to_unicode."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printed]
    return [chr(b) if b in printed else chr(256 + others.index(b)) for b in range(256)]


def settings_of(pattern: str) -> tuple[int, int] | None:
    """(family, digits of a number word) for the kernel; None for a pattern that it does not know."""
    if pattern in (GPT2, GPT2_ORIGINAL):
        return 0, 1
    return {CL100K: (1, 3), QWEN2: (1, 1)}.get(pattern)


@functools.cache
def class_table() -> np.ndarray:
    """The class of every code point, uint8: letter, number, white space, newline (CR and LF), or 0."""
    table = np.zeros(0x110000, np.uint8)
    text = "".join(chr(code) for code in range(_PLANES << 16) if not 0xD800 <= code < 0xE000)
    probes = [(_split(pattern), kind) for pattern, kind in ((r"\p{L}", _LETTER), (r"\p{N}", _NUMBER), (r"\s", _SPACE))]
    for piece, (start, stop) in _split(r"\p{L}+|\p{N}+|\s+").pre_tokenize_str(text):
        kind = next((kind for probe, kind in probes if len(probe.pre_tokenize_str("\0" + piece[0])) == 2), 0)
        table[ord(text[start]) : ord(text[stop - 1]) + 1] = kind
    table[0xD800:0xE000] = 0
    table[[0x0A, 0x0D]] = _NEWLINE
    table.flags.writeable = False
    return table


def _split(pattern: str) -> Any:
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Split(Regex(pattern), "isolated")
