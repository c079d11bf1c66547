"""Invented personal data with valid check digits, from ranges that belong to nobody.

E-mail: example.com, .org, .net (RFC 2606). IP: 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32 (RFC 5737,
RFC 3849). Phone: 555-01xx in North America, 020 7946 0xxx in London (reserved for fiction), and China's 13800138000,
which is an operator's own. Cards: prefixes of test cards, check digit by Luhn. Identity numbers: birth years before
1900. Accounts: British IBANs of a bank code "TEST".
"""

from __future__ import annotations

import random

NAMES = {
    "en": ["mara", "otto.brandt", "ines_k", "hugo99", "letters"],
    "zh": ["dachuan", "qiuyue", "su.mingxuan", "shufang"],
}
HOSTS = ("example.com", "example.org", "example.net", "mail.example.com")
NETWORKS = ("192.0.2", "198.51.100", "203.0.113")


def values(lang: str, rng: random.Random) -> dict[str, str]:
    """One invented value of every kind: email, phone, ip, id, card, iban."""
    return {
        "email": f"{_pick(NAMES[lang], rng)}{_number(rng, 2)}@{_pick(HOSTS, rng)}",
        "phone": _phone(lang, rng),
        "ip": _address(rng),
        "id": chinese_id("110105" + str(1851 + int(rng.random() * 48)) + "0412" + _number(rng, 3)),
        "card": card(_pick(["411111", "424242", "555555"], rng) + _number(rng, 9)),
        "iban": british_iban("TEST" + _number(rng, 14)),
    }


def card(first: str) -> str:
    """The digits in groups of four, with Luhn's check digit added. Source: ISO/IEC 7812-1.

    >>> card("411111111111111")
    '4111 1111 1111 1111'
    """
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(first))]
    check = -sum(value - 9 if value > 9 else value for value in doubled) % 10
    digits = first + str(check)
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def chinese_id(first: str) -> str:
    """The 17 digits with their check character. Source: GB 11643-1999, ISO 7064 MOD 11-2.

    >>> chinese_id("11010519491231002")
    '11010519491231002X'
    """
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(first))
    return first + "10X98765432"[total % 11]


def british_iban(account: str) -> str:
    """GB, two check digits, bank code and account. Source: ISO 13616.

    >>> british_iban("WEST12345698765432")
    'GB82WEST12345698765432'
    """
    rest = int("".join(str(int(character, 36)) for character in account + "GB00")) % 97
    return f"GB{98 - rest:02d}{account}"


def _address(rng: random.Random) -> str:
    if rng.random() < 0.8:
        return f"{_pick(NETWORKS, rng)}.{1 + int(rng.random() * 254)}"
    return f"2001:db8::{_number(rng, 4)}"


def _phone(lang: str, rng: random.Random) -> str:
    if lang == "zh":
        return _pick(["13800138000", "138-0013-8000", "+86 138 0013 8000"], rng)
    if rng.random() < 0.5:
        return f"+44 20 7946 0{_number(rng, 3)}"
    return f"({_pick(['212', '312', '415'], rng)}) 555-01{_number(rng, 2)}"


def _number(rng: random.Random, digits: int) -> str:
    return "".join(str(int(rng.random() * 10)) for _ in range(digits))


def _pick(items: list[str] | tuple[str, ...], rng: random.Random) -> str:
    return items[int(rng.random() * len(items))]
