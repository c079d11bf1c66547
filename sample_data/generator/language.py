"""What differs between the two languages: spelling, word units, number words."""

from __future__ import annotations

import re

ENGLISH_NUMBERS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
]  # fmt: skip

_HAN = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[a-z']+|[0-9]+")
_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou])")
_START = re.compile(r"(^|\n|(?:[.!?]|\.\"|[?!]\"(?= \")) )(\"?)([a-z])")


def units(text: str, lang: str) -> list[str]:
    """What an n-gram is made of: lower-case words of English, Han characters of Chinese (punctuation left out)."""
    return _HAN.findall(text) if lang == "zh" else _WORD.findall(text.lower())


def number_words(lang: str) -> list[str]:
    """The words of 0, 1, 2 ...: up to twenty in English, ninety-nine in Chinese."""
    return [_chinese_number(n) for n in range(100)] if lang == "zh" else ENGLISH_NUMBERS


def finish(text: str, lang: str) -> str:
    """The expanded text with line breaks, and for English with capitals and `an` where they belong."""
    text = re.sub(r" *// *", "\n\n", text)
    text = re.sub(r" +/ +", "\n", text)
    if lang == "zh":
        return re.sub(r"(?<=[^ -~]) +| +(?=[^ -~])", "", text).strip()
    text = _VOWEL.sub(r"\1n ", re.sub(r" {2,}", " ", text).strip())
    return _START.sub(lambda match: match[1] + match[2] + match[3].upper(), text)


def _chinese_number(n: int) -> str:
    digits = "零一二三四五六七八九"
    if n < 10:
        return digits[n]
    tens, ones = divmod(n, 10)
    return (digits[tens] if tens > 1 else "") + "十" + (digits[ones] if ones else "")
