"""Finding personal data: patterns propose, checks decide."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Sequence

from aigc_cli.clean.kernels.flags import AT, COLONS, DIGITS, QUAD

# Borders are ASCII: a number or address may stand next to a Han character without a space.
_LEFT, _RIGHT = r"(?<![0-9A-Za-z_])", r"(?![0-9A-Za-z_])"

EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])")
IBAN = re.compile(rf"{_LEFT}[A-Z]{{2}}\d{{2}}(?: ?[A-Z0-9]){{11,32}}")
CHINESE_ID = re.compile(rf"{_LEFT}[1-9]\d{{5}}(?:18|19|20)\d{{9}}[\dXx]{_RIGHT}")
SSN = re.compile(r"(?<![0-9A-Za-z_-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![0-9A-Za-z_-])")
CARD = re.compile(
    r"(?<![0-9A-Za-z_.-])[2-6]\d{3}(?:([ -])\d{4,6}\1\d{4,5}(?:\1\d{1,7})?|\d{9,15})(?![0-9A-Za-z_]|[.-]\d)"
)
IPV4 = re.compile(r"(?<![0-9A-Za-z_.])(?:\d{1,3}\.){3}\d{1,3}(?![0-9A-Za-z_]|\.\d)")
IPV6 = re.compile(
    r"(?<![0-9A-Za-z_:.])[0-9A-Fa-f]{1,4}:(?:[0-9A-Fa-f]{0,4}:){1,6}(?:[0-9A-Fa-f]{1,4})?(?![0-9A-Za-z_:])"
)
_SPACE = r"[ \u00a0.()-]{0,2}"
PHONE = re.compile(
    rf"(?<![0-9A-Za-z_+.])\+\d{{1,3}}{_SPACE}(?:\d{_SPACE}){{6,13}}\d(?![0-9A-Za-z_])"  # +CC ...
    rf"|(?<![0-9A-Za-z_.+-])(?:86[- ]?)?1[3-9]\d[- ]?\d{{4}}[- ]?\d{{4}}(?![0-9A-Za-z_]|[.-]\d)"  # Chinese mobile
    r"|(?<![0-9A-Za-z_.+-])(?:\(0\d{2,3}\) ?|0\d{2,3}-)\d{7,8}(?![0-9A-Za-z_]|[.-]\d)"  # Chinese landline
    r"|(?<![0-9A-Za-z_.+-])(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}(?![0-9A-Za-z_]|[.-]\d)"  # North America
)
CUED = re.compile(
    r"(?i)(?:\b(?:telephone|phone|tel|mobile|cell|fax|whatsapp)\b|电话|電話|手机|手機|传真|傳真)"
    r"(?: ?(?:no\b|number|号码|號碼|是|为|為|is))?[\s.:：]{0,12}(\+?[\d(](?:[ ().-]{0,2}\d){6,14})(?![0-9A-Za-z_])"
)
_VERSION = re.compile(r"(?i)(?:\b(?:version|release|section|chapter|figure|table|ver|rev|v)|§|版本|第)[\s:.]*$")
_ADDRESS = re.compile(
    r"(?i)(?:\b(?:ip|ipv4|addr|address|host|server|dns|ping|from|at)\b|地址|服务器|主机)[^\n\d]{0,6}$|[@/]$"
)
_QUANTITY = re.compile(r"(?i)(?:time|stamp|size|bytes|count|total|offset|max|min|=|#|\$)\W*$")
_DIGITS_ONLY = re.compile(r"\d+")

# Length of an IBAN by country. Source: the SWIFT IBAN registry.
IBAN_LENGTHS = {
    code: int(length)
    for length, codes in {
        15: "NO", 16: "BE", 18: "DK FO FI GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for code in codes.split()
}  # fmt: skip


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others. Source: ISO/IEC 7812-1, annex B.

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def chinese_id(number: str) -> bool:
    """Whether 18 characters are a resident identity number: birth date and check character. Source: GB 11643-1999,
    ISO 7064 MOD 11-2.

    >>> chinese_id("11010519491231002X"), chinese_id("110105194912310021")
    (True, False)
    """
    try:
        born = datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    if not 1850 <= born.year <= 2100 or number[:2] not in _PROVINCES:
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17].upper()


# First two digits: the province. Source: GB/T 2260.
_PROVINCES = frozenset(
    str(code)
    for low, high in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for code in range(low, high + 1)
)


def iban(compact: str) -> bool:
    """Whether an account number without spaces has its country's length and the right remainder. Source: ISO 13616.

    >>> iban("GB82WEST12345698765432"), iban("GB82WEST12345698765431")
    (True, False)
    """
    if IBAN_LENGTHS.get(compact[:2]) != len(compact):
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def card(digits: str) -> bool:
    """Whether digits have the length and prefix of a payment card and pass Luhn's check."""
    n, first = len(digits), int(digits[:4])
    known = (
        (digits[0] == "4" and n in (13, 16, 19))
        or (n == 16 and (5100 <= first < 5600 or 2221 <= first <= 2720))
        or (n == 15 and digits[:2] in ("34", "37"))
        or (n == 14 and digits[:2] in ("30", "36", "38"))
        or (16 <= n <= 19 and (digits[:2] in ("62", "65", "35") or first == 6011 or 6440 <= first < 6500))
    )
    return known and len(set(digits)) > 1 and luhn(digits)


def phone(candidate: str, regions: Sequence[str], *, cued: bool = False) -> bool:
    """Whether a number is valid in its country or one of `regions`; after a cue like "tel." possible is enough."""
    import phonenumbers

    international = candidate.lstrip().startswith("+")
    for region in [None] if international else regions:
        try:
            parsed = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed) or (cued and phonenumbers.is_possible_number(parsed)):
            return True
    return False


def redact_line(
    text: str, kinds: Sequence[str], regions: Sequence[str], private_ips: bool, suspicion: int, counts: Counter[str]
) -> str:
    """A line with placeholders, which are added to `counts` by kind; `suspicion` are its bits of kernels.flags."""

    def replace(pattern: re.Pattern[str], kind: str, check: Callable[[re.Match[str]], bool], group: int = 0) -> None:
        nonlocal text

        def placeholder(match: re.Match[str]) -> str:
            if not check(match):
                return match[0]
            counts[kind] += 1
            start, end = match.span(group)
            return match[0][: start - match.start()] + f"[{kind.upper()}]" + match[0][end - match.start() :]

        text = pattern.sub(placeholder, text)

    if "email" in kinds and suspicion & AT:
        replace(EMAIL, "email", lambda match: True)
    if suspicion & DIGITS:
        if "iban" in kinds:
            text = _replace_ibans(text, counts)
        if "id" in kinds:
            replace(CHINESE_ID, "id", lambda match: chinese_id(match[0]))
            replace(SSN, "id", lambda match: True)
        if "card" in kinds:
            replace(CARD, "card", lambda match: card(re.sub(r"\D", "", match[0])))
    if "ip" in kinds:
        if suspicion & QUAD:
            replace(IPV4, "ip", lambda match: _is_ipv4(match, private_ips))
        if suspicion & COLONS:
            replace(IPV6, "ip", lambda match: _is_ipv6(match[0], private_ips))
    if "phone" in kinds and suspicion & DIGITS:
        replace(PHONE, "phone", lambda match: not _is_quantity(match) and phone(match[0], regions))
        replace(CUED, "phone", lambda match: phone(match[1], regions, cued=True), 1)
    return text


def _replace_ibans(text: str, counts: Counter[str]) -> str:
    """Each account number by its placeholder; a pattern match may run on into the words behind the number."""
    pieces, done = [], 0
    for match in IBAN.finditer(text):
        length = IBAN_LENGTHS.get(match[0][:2])
        if length is None or match.start() < done:
            continue
        end, seen = match.start(), 0
        while seen < length and end < match.end():
            seen += text[end] != " "
            end += 1
        if iban(text[match.start() : end].replace(" ", "")) and not text[end : end + 1].isalnum():
            counts["iban"] += 1
            pieces += [text[done : match.start()], "[IBAN]"]
            done = end
    return "".join([*pieces, text[done:]])


def _is_ipv4(match: re.Match[str], private: bool) -> bool:
    try:
        address = ipaddress.IPv4Address(match[0])
    except ValueError:
        return False
    before = match.string[max(0, match.start() - 16) : match.start()]
    # Four small numbers are nearly always a version or a section; of addresses only one in 256 is like that.
    doubtful = max(address.packed) < _SMALL and not address.is_private and not _ADDRESS.search(before)
    if doubtful or _VERSION.search(before):
        return False
    after = match.string[match.end() : match.end() + 2]
    if not before.strip() and after[:1] == "." and after[1:].isspace():  # "6.2.56.92. Video" begins a line: a heading
        return False
    return private or (address.is_global and not address.is_multicast)


def _is_ipv6(text: str, private: bool) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return private or (address in _GLOBAL_UNICAST and address.is_global and text.count(":") >= 3)


def _is_quantity(match: re.Match[str]) -> bool:
    """Whether eleven bare digits follow a word or sign that makes them an amount or a time stamp."""
    before = match.string[max(0, match.start() - 12) : match.start()]
    return _DIGITS_ONLY.fullmatch(match[0]) is not None and _QUANTITY.search(before) is not None


_SMALL = 64
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # what is assigned to anybody. Source: RFC 4291
