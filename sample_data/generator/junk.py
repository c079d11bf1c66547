"""What a crawl brings home besides documents: menus, symbols, one sentence over and over, filler, scraps."""

from __future__ import annotations

import random

MENU = {
    "en": "Home|About us|Products|News|Contact|Sign in|Register|Basket|Help|Sitemap|Back|Next|Share|Print|Top",
    "zh": "首页|关于我们|产品|新闻|联系方式|登录|注册|购物车|帮助|网站地图|返回|下一页|分享|打印|顶部",
}
SENTENCE = {
    "en": "Buy two of them today and get the third for nothing, only while the offer lasts.",
    "zh": "今天买两件送一件，优惠只有三天，千万不要错过。",
}
FILLER = {
    "en": ["dolor", "amet", "vena", "luctus", "porta", "quis", "nulla", "mora", "tempus", "ante", "velit", "orci"],
    "zh": list("的是在了不和有大这主中人上为们地个用工时要动国产以我到他会作来分生对于学"),
}
SCRAPS = {
    "en": ["Click here to read more.", "Page not found.", "Loading ...", "All rights reserved."],
    "zh": ["点击查看全文。", "页面不存在。", "加载中……", "版权所有。"],
}
SYMBOLS = "#*~|/\\=+<>^_%$&@-"


def junk(lang: str, rng: random.Random) -> list[tuple[str, str]]:
    """(kind, text) of all junk documents of a language; kinds: menu, symbols, repetition, filler, digits, scrap."""
    found = []
    for _ in range(4):
        found += [
            ("menu", "\n".join(f"- {_pick(MENU[lang].split('|'), rng)}" for _ in range(70))),
            ("symbols", " ".join(_run(SYMBOLS, 3 + int(rng.random() * 9), rng) for _ in range(120))),
            ("repetition", (" " if lang == "en" else "").join([SENTENCE[lang]] * (9 + int(rng.random() * 9)))),
            ("filler", _filler(lang, rng)),
            ("digits", "\n".join(" ".join(_run("0123456789", 4, rng) for _ in range(8)) for _ in range(20))),
        ]
    return found + [("scrap", scrap) for scrap in SCRAPS[lang]]


def _filler(lang: str, rng: random.Random) -> str:
    """Four words or characters in turns, so that hardly any sequence is new."""
    words = [_pick(FILLER[lang], rng) for _ in range(4)] * 45
    return ("" if lang == "zh" else " ").join(words) + ("。" if lang == "zh" else ".")


def _run(alphabet: str, length: int, rng: random.Random) -> str:
    return "".join(alphabet[int(rng.random() * len(alphabet))] for _ in range(length))


def _pick(items: list[str], rng: random.Random) -> str:
    return items[int(rng.random() * len(items))]
