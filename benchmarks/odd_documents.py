"""Seeded documents that are hard for filters: odd spaces and line ends, repetition, lists, code, mixed languages.

`documents(count, language)` gives the same texts each time. Each is put together from lines of the stream's made-up
prose (stream_of_text.py) and of what filters look for, then damaged here and there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from stream_of_text import Chinese, English

ENDS = [
    "\n",
    "\n",
    "\n",
    "\n\n",
    "\n\n",
    "\n\n\n",
    "\r\n",
    "\r",
    "\u2028",
    "\u2029",
    "\v",
    "\f",
    "\x1c",
    "\x85",
    "\n \n",
]
SPACES = [" ", "  ", "\t", "\xa0", "\u2003", "\u3000", "\u200b", "\ufeff", "\u202f", " \n"]
LINES = [
    "Please enable JavaScript to go on.",
    "JAVASCRIPT",
    "See our Privacy Policy for more.",
    "We use coo\u212aies here.",
    "Terms of Use apply to this page, and this site uses cookies.",
    "Lorem ipsum dolor sit amet.",
    "LOREM \u0130PSUM",
    "if (x) { return y; }",
    "a = {1: 2}",
    "- a point",
    "• another point",
    "  - one more",
    "–not a bullet",
    "and so on...",
    "and so on…",
    "wait ... ",
    "He said it [1].",
    "It was so.[12][citation needed]",
    "Header [edit]",
    "It was so. [3]",
    "[٣] is a citation too.",
    '"Quoted," she said."',
    "'Quoted'",
    "Is it? Yes! No.",
    "# # # #",
    "## Title",
    "###",
    "....",
    "…",
    "。。。",
    "?!?!",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 great!",
    "Mr. Smith's dog won't go to U.S.A. at 5p.m. on 1/2/2020.",
    "e.g. this, i.e. that; cf. No. 5",
    "x" * 1001 + " end.",
    "http://example.com/a?b=c&d=e",
    "1 2 3 4 5 6 7 8 9",
    "| a | b |",
    "他说：“你好。”她笑了！",
    "使用条款。隐私政策",
    "第１章　始まり",
    "北京大学生前来应聘。",
    "ＡＢＣ１２３",
    "它是iPhone 12的价格",
    "don't can't we'll they've I'm",
    "don’t ‘em 'tis o'clock",
    "a",
    "",
    " ",
    "\t",
    "\xad",
    "A.B.C.",
    "ﬁne ligatures",
    "İstanbul'da",
    "क्या यह है।",
    "Что это? Да.",
    "это…",
    "3.14%$5€",
    "--",
    "—",
    "(a)(b)(c)",
    "<b>bold</b>",
    "&nbsp;&amp;",
    "co-operate re-do",
    "IS_PUNCT",
    "the the the the the the",
    "\x00\x01",
    "a\u0301",
]


def _body(rng: random.Random, prose: str, mark: str) -> list[str]:
    """Lines: of prose, of LINES, or a few of them again and again."""
    sentences = [part + mark for part in prose.split(mark) if part.strip()]
    kind = rng.random()
    if kind < 0.15:
        lines = [rng.choice(LINES) for _ in range(rng.randint(0, 30))]
    elif kind < 0.3:
        few = rng.sample(sentences, min(3, len(sentences))) + rng.sample(LINES, 2)
        lines = [rng.choice(few) for _ in range(rng.randint(2, 25))]
    else:
        share, most = rng.choice([0.0, 0.05, 0.2, 0.5]), rng.choice([1, 3, 8])
        lines = []
        for _ in range(rng.choice([2, 6, 14])):
            odd = rng.random() < share
            lines.append(rng.choice(LINES) if odd else "".join(rng.choices(sentences, k=rng.randint(1, most))))
    if rng.random() < 0.15:
        bullet = rng.choice(["- ", "• ", " -", "*", "\u3000• "])
        lines = [bullet + line for line in lines]
    if rng.random() < 0.15:
        lines = [line + rng.choice(["...", "…", "...  ", ".", "!", ""]) for line in lines]
    return lines


def _damaged(rng: random.Random, text: str) -> str:
    """The text with some characters replaced, doubled, or moved to another case."""
    letters = list(text)
    for _ in range(rng.choice([0, 0, 1, 5, 40])):
        if letters:
            place = rng.randrange(len(letters))
            piece = rng.choice([*SPACES, *ENDS, rng.choice(LINES)[:12], chr(rng.randrange(0x21, 0x2FFF))])
            letters[place] = rng.choice([piece, letters[place] * 2, letters[place].upper(), ""])
    return "".join(letters)


def documents(count: int, language: str, seed: int = 0) -> Iterator[str]:
    """`count` texts, English ("en") or Chinese ("zh") in the main, none of them empty."""
    rng = random.Random(f"{language} {seed}")
    makers = {"en": English(rng), "zh": Chinese(rng)}
    pools = {name: [maker.text() for _ in range(60)] for name, maker in makers.items()}
    marks = {"en": ". ", "zh": "。"}
    for _ in range(count):
        name = language if rng.random() < 0.85 else {"en": "zh", "zh": "en"}[language]
        lines = _body(rng, rng.choice(pools[name]).replace(".\n\n", ". "), marks[name])
        one = rng.choice(ENDS)
        ends = [one if rng.random() < 0.9 else rng.choice(ENDS) for _ in lines]
        text = "".join(line + end for line, end in zip(lines, ends, strict=True))
        text = _damaged(rng, text if rng.random() < 0.5 else text.strip())
        yield text[:6000] or "."
