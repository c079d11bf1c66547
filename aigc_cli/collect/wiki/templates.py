"""What of a template belongs to the sentence that it stands in; all other templates are left out."""

from __future__ import annotations

import re

# The number of the parameter that is shown; 0: the whole name is replaced by _SYMBOLS.
_SHOWN = {
    "lang": 2, "langx": 2, "nowrap": 1, "nobr": 1, "nobreak": 1, "small": 1, "smaller": 1, "big": 1, "larger": 1,
    "abbr": 1, "abbrlink": 1, "tooltip": 1, "transl": -1, "transliteration": -1, "translit": -1,
    "ill": 1, "interlanguage link": 1,
    "quote": 1, "blockquote": 1, "cquote": 1, "quotation": 1, "bquote": 1, "poem quote": 1, "poemquote": 1,
    "quote box": 1,
    "center": 1, "em": 1, "strong": 1, "var": 1, "mvar": 1, "math": 1, "code": 1, "kbd": 1, "samp": 1, "mono": 1,
    "visible anchor": 1, "vanchor": 1, "not a typo": 1, "typo": 1, "proper name": 1, "nihongo": 1, "nts": 1, "val": 1,
    "num": 1, "formatnum": 1, "unicode": 1, "angbr": 1, "sup": 1, "sub": 1, "ruby": 1, "linktext": 1, "le": 1,
    "red": 1, "color": 2, "colour": 2, "font color": 2, "bgcolor": 2, "fontcolor": 2, "highlight": 1, "underline": 1,
    "u": 1, "i": 1, "b": 1, "tsl": 3, "unité": 1, "date-": 1, "citation bloc": 1, "zitat": 1, "lj": 1, "pinyin": 1,
    "zhuyin": 1, "langwithname": 3, "flag": 1, "flagcountry": 1, "flagu": 1, "country": 1, "tq": 1, "text": 1,
    "nowiki": 1, "chem": 1, "chem2": 1, "ce": 1, "overline": 1, "brace": 1, "nbay": 1, "noitalic": 1, "normal": 1,
}  # fmt: skip
_SYMBOLS = {
    "'": "'", "'s": "'s", "' \"": "'\"", "-": "", "–": " – ", "snd": " – ", "spnd": " – ", "spaced ndash": " – ",
    "spaced en dash": " – ", "ndash": "–", "endash": "–", "en dash": "–", "dash": " – ", "mdash": "—", "emdash": "—",
    "em dash": "—", "spaced mdash": " — ", "nbsp": " ", "space": " ", "thinsp": " ", "thin space": " ", "hairsp": " ",
    "!": "|", "=": "=", "(": "{", ")": "}", "((": "{{", "))": "}}", "pi": "π", "°": "°", "degree": "°", "deg": "°",
    "dot": " · ", "·": " · ", "•": " • ", "bull": " • ", "middot": " · ", "ellipsis": "…", "...": "…", "times": "×",
    "clear": "", "okina": "ʻ", "hamza": "ʼ", "pagename": "\1", "fullpagename": "\1", "subpagename": "\1",
    "basepagename": "\1", "!(": "[", ")!": "]", "·w": " · ", "br": "\n",
}  # fmt: skip
_SHIPS = frozenset({"uss", "hms", "ss", "rms", "mv", "hmas", "hmcs", "ins", "usns", "sms", "uscgc", "rv", "gs"})
_UNITS = re.compile(r"(?:convert|cvt|unité|unit|rechner)$")
_NAMED = re.compile(r"\s*([^=\[\]<>{}]{0,40}?)\s*=(.*)", re.DOTALL)
_FUNCTIONS = ("lc:", "uc:", "lcfirst:", "ucfirst:", "formatnum:")
_ARGUMENT = re.compile(r"\|(?![^\[\]]*\]\])")  # not within [[a|b]]


def shown(body: str, title: str) -> str:
    """The text that `{{body}}` leaves in the running text, "" for most.

    >>> shown("lang|fr|bonjour", ""), shown("convert|5|km|mi", ""), shown("Infobox|name=x", "")
    ('bonjour', '5 km', '')
    """
    name, bar, rest = body.partition("|")
    name = " ".join(name.replace("_", " ").split()).lower()
    if name in _SYMBOLS:
        return title if _SYMBOLS[name] == "\1" else _SYMBOLS[name]
    if not bar:
        return name and next((body.partition(":")[2].strip() for f in _FUNCTIONS if name.startswith(f)), "")
    number = _SHOWN.get(name)
    if number is None and (
        name.startswith(("lang-", "link-", "internal link helper/")) or name == "internal link helper"
    ):
        number = 1
    if number is not None:
        positional, named = _arguments(rest)
        return _pick(positional, named, number)
    return _computed(name, *_arguments(rest))


def _arguments(rest: str) -> tuple[list[str], dict[str, str]]:
    positional: list[str] = []
    named: dict[str, str] = {}
    for part in _ARGUMENT.split(rest):
        if found := _NAMED.fullmatch(part):
            named[found[1].lower()] = found[2].strip()
        else:
            positional.append(part.strip())
    return positional, named


def _pick(positional: list[str], named: dict[str, str], number: int) -> str:
    if number < 0:
        return positional[-1] if positional else ""
    if str(number) in named:
        return named[str(number)]
    if number <= len(positional):
        return positional[number - 1]
    # "text" and "quote" by name; a lone language code is not shown.
    return named.get("text") or named.get("texte") or named.get("quote") or ""


def _computed(name: str, positional: list[str], named: dict[str, str]) -> str:
    count = len(positional)
    if _UNITS.match(name):
        between = {"-", "–", "to", "and", "x", "×", "by", "or", "+/-", "±"}
        if count >= 4 and positional[1] in between:
            sign = "–" if positional[1] == "-" else positional[1]
            join = sign if sign == "–" else f" {sign} "
            return f"{positional[0]}{join}{positional[2]} {positional[3]}"
        return " ".join(positional[:2])
    if name in ("frac", "sfrac", "fraction") and 1 <= count <= 3:
        return {1: "1/{0}", 2: "{0}/{1}", 3: "{0} {1}/{2}"}[count].format(*positional)
    if name in ("circa", "c.", "ca.") and count:
        return "c. " + "–".join(positional[:2])
    if name in ("as of", "asof") and count:
        return f"{'as' if named.get('lc') else 'As'} of {' '.join(positional[:3])}"
    if name in _SHIPS and count:
        return f"{name.upper()} {positional[0]}"
    if name in ("gaps", "flatlist", "hlist"):
        return ("" if name == "gaps" else ", ").join(positional)
    return ""
