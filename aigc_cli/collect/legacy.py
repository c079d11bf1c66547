"""What a decoded character costs in bits, per candidate encoding: the table behind `encoding.detect`.

The numbers are rounded information contents of running text: a frequent Chinese character about 6 bits, another
common one 11, a hiragana 5, a Cyrillic letter 4 to 6, and 25 or more for what no text holds. Only differences matter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

CANDIDATES = (
    "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1250", "iso8859-2", "cp1254", "cp1251", "koi8_r",
    "cp1253", "cp1255", "cp1256", "cp874",
)  # fmt: skip
PLAUSIBLE_BITS = 15.5
_ASCII_BITS = 5.0
_ODD_BITS = 28.0

# The most frequent characters of modern and classical Chinese, both scripts; written from general knowledge.
_HANZI = frozenset(
    "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着著下自之年过過发發后後作里裡"
    "用道行所然家种種事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想实實日军軍"
    "者意无無力它与與长長把机機十民第公此已工使情明性知全三又关關点點正业業外将將两兩高间間由问問很最重并並物手应應战戰向头頭文体體政美相见見"
    "被利什二等产產或新己制身果加西斯月话話合回特代内內信表化老给給世位次度门門任常先海通教儿兒原东東声聲提立及比员員解水名真论論处處走义義各"
    "入几幾口认認条條平系系气氣题題活尔爾更别別打女变變四神总總何电電数數安少报報才结結反受目太量再感建务務做接必场場件计計管期市直德资資命山金"
    "指克许許统統区區保至队隊形社便空决決治展马馬科司五基眼书書非则則听聽白却界达達光放强強即像难難且权權思王象完设設式色路记記南品住告类類求据據"
    "程北边邊死张張该該交规規万萬取拉格望觉覺术術领領共确確传傳师師观觀清今切院让讓识識候带帶导導争爭运運笑飞飛风風步改收根干造言联聯持组組每济濟"
    "车車亲親极極林服快办辦议議往元英士证證近失转轉夫令准布始怎呢存未远遠叫台单單影具罗羅字爱愛击擊流备備兵连連调調深商算质質团團集百需价價花春夜雨"
    "云雲秋江月酒山寒谁誰君何处處客愁故园園人归歸落鸟鳥草青红紅千里独獨梦夢"
)
_CJK_PUNCTUATION = frozenset("，。、；：？！（）《》〈〉“”‘’—…·「」『』【】　～％０１２３４５６７８９")
_WESTERN_PUNCTUATION = frozenset("“”‘’„‚–—…«»€£§°©®·•\xa0¿¡´№")
_LETTERS = {
    "cp1252": "éèàçùâêîôûëïüñáíóúöäßåæøãõœ", "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžőűöüăâîţşđß",
    "iso8859-2": "ąćęłńóśźżáčďéěíňřšťúůýžőűöüăâîţşđß", "cp1254": "ğışçöüâİ",
    "cp1251": "оеаинтсрвлкмдпу", "koi8_r": "оеаинтсрвлкмдпу", "cp1253": "αοιετσνηυρπκμλς",
    "cp1255": "יוהלאתרשמבנ", "cp1256": "اليمنرتبوةسدع", "cp874": "านรอกเงมยลวดท่้ั",
}  # fmt: skip
_SCRIPTS = {
    "cp1251": re.compile("[А-яЁё]"), "koi8_r": re.compile("[А-яЁё]"), "cp1253": re.compile("[Ά-ώ]"),
    "cp1255": re.compile("[א-ת]"), "cp1256": re.compile("[ء-ي]"), "cp874": re.compile("[ก-๛]"),
}  # fmt: skip
_FREQUENT = {name: frozenset(letters) for name, letters in _LETTERS.items()}
_LATIN = ("cp1252", "cp1250", "iso8859-2", "cp1254")
# Mojibake has what prose has not: a capital after a small letter, two scripts or a sign within a word.
_CASE_BREAK = re.compile("[а-яёα-ωά-ώß-öø-ÿ][А-ЯЁΑ-ΩΆ-ΏÀ-ÖØ-Þ]|[a-zß-öø-ÿ][À-ÖØ-ÞĄĆĘŁŃŚŹŻ]")
_FOREIGN = "[\u0370-\u0eff\u3040-\u9fff\uac00-\ud7a3]"
_MIXED = re.compile(f"[A-Za-z]{_FOREIGN}|{_FOREIGN}[A-Za-z]")
_SIGN_INSIDE = re.compile(r"(?<=[^\W\d_])[^\w\s\x00-\x7f’‘´·\xad–—…](?=[^\W\d_])|(?<=[^\W\d_])[¹²³¼½¾](?=[^\W\d_])")
_LONE = re.compile("(?<![^\\x00-\\x7f])[\\u0370-\\u0eff](?![^\\x00-\\x7f])")
_NEAR_ASCII = re.compile("(?<=[A-Za-z])[^\\W\\d_a-zA-Z]|[^\\W\\d_a-zA-Z](?=[a-z])")
_ACCENT_ROW = re.compile("[^\x00-\x7f\\s]{2,}")


def cost(text: str, encoding: str) -> float:
    """Bits of `text` if it were prose in `encoding`'s language; lower is more plausible."""
    price = _PRICES.get(encoding, _wide_price)
    bits = sum(count * (_ASCII_BITS if "\t" <= char < "\x7f" else price(char)) for char, count in _counts(text))
    bits += 12 * len(_CASE_BREAK.findall(text))
    if encoding in _LATIN:
        bits += 10 * len(_SIGN_INSIDE.findall(text)) - 3 * len(_NEAR_ASCII.findall(text))
        bits += 4 * sum(map(len, _ACCENT_ROW.findall(text)))
    else:
        bits += (12 if encoding in _SCRIPTS else 4) * len(_MIXED.findall(text)) + 6 * len(_LONE.findall(text))
    return bits


def plausible(text: str, encoding: str) -> bool:
    """True when the text's bits stay within what prose of as many characters needs."""
    ascii_count = len(text.encode("ascii", "ignore"))
    high = len(text) - ascii_count
    return high == 0 or cost(text, encoding) <= _ASCII_BITS * ascii_count + PLAUSIBLE_BITS * high


def _counts(text: str) -> list[tuple[str, int]]:
    return list(Counter(text).items())


def _gb18030(char: str) -> float:
    if char in _HANZI:
        return 6
    if char in _CJK_PUNCTUATION:
        return 7
    raw = char.encode("gb18030", "replace")
    if len(raw) != 2:
        # Digits must stand in two of the four bytes, which does not happen by accident.
        return _odd(char, 14) if len(char.encode()) <= 3 else 26
    lead, trail = raw
    if trail < 0xA1 or 0xAA <= lead <= 0xAF or lead >= 0xF8:
        return 19
    if lead >= 0xB0:
        return 11.5 if lead <= 0xD7 else 15
    return 13


def _big5(char: str) -> float:
    if char in _HANZI:
        return 6
    if char in _CJK_PUNCTUATION:
        return 7
    raw = char.encode("cp950", "replace")
    if len(raw) != 2:
        return 24
    lead = raw[0]
    if 0xA4 <= lead <= 0xC6:
        return 11.5
    return 16 if 0xC9 <= lead <= 0xF9 else 15


def _japanese(char: str) -> float:
    if "ぁ" <= char <= "ん":
        return 5
    if "ァ" <= char <= "ー":
        return 7
    if char in _CJK_PUNCTUATION:
        return 7
    if "｡" <= char <= "ﾟ":
        return 12
    raw = char.encode("euc_jp", "replace")
    if len(raw) != 2:
        return 22
    if raw[0] >= 0xB0:
        return 11 if raw[0] <= 0xCF else 17
    return 13


def _korean(char: str) -> float:
    if "가" <= char <= "힣":
        raw = char.encode("euc_kr", "replace")
        return 9 if len(raw) == 2 else 17
    if char in _CJK_PUNCTUATION:
        return 9
    return 18


def _alphabet(encoding: str) -> Callable[[str], float]:
    """Price of a character of a single-byte encoding with a frequency set of its own."""
    frequent, script = _FREQUENT[encoding], _SCRIPTS.get(encoding)
    common, rare = (4.0, 6.5) if script else (8.0, 14.0)

    def price(char: str) -> float:
        if char in frequent:
            return common
        if char.lower() in frequent:
            return common + 3
        if char in _WESTERN_PUNCTUATION:
            return 8
        if script and script.match(char):
            return rare if char == char.lower() else rare + 3
        return _odd(char, 14)

    return price


def _wide_price(char: str) -> float:
    """UTF-16: any script, so the dearest of the plausible prices; planes and controls tell errors."""
    if char in _HANZI:
        return 6
    if char in _CJK_PUNCTUATION or "ぁ" <= char <= "ー":
        return 7
    if "一" <= char <= "龥":
        return 13
    if "가" <= char <= "힣":
        return 11
    if "\xa0" <= char < "\u052f" or "\u05d0" <= char <= "\u064a" or "ก" <= char <= "๛":
        return 9
    return 10 if char in _WESTERN_PUNCTUATION else _odd(char, 20)


def _odd(char: str, otherwise: float) -> float:
    """Controls, private use and unassigned code points never stand in prose."""
    return _ODD_BITS if char < "\xa0" or "\ue000" <= char <= "\uf8ff" or not char.isprintable() else otherwise


_PRICES = {
    "gb18030": _gb18030, "big5": _big5, "shift_jis": _japanese, "euc_jp": _japanese, "euc_kr": _korean,
    **{name: _alphabet(name) for name in _LETTERS},
}  # fmt: skip
