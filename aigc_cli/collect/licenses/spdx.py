"""A licence's name, address or expression as an SPDX expression."""

from __future__ import annotations

import functools
import re

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

MAX_CHARS = 500  # a longer value is a text about licences, not the name of one
MAX_WORDS = 60  # of an expression: nested parentheses are parsed by recursion
UNKNOWN = frozenset({"", "none", "noassertion", "unknown", "null", "n/a", "na", "other", "unlicensed", "see license"})

_GNU = re.compile(r"^((?:AGPL|LGPL|GPL|GFDL)-\d(?:\.\d)?)(\+|-or-later|-only)?$")
_CREATIVE = re.compile(r"creativecommons\.org/licenses/(by(?:-(?:nc|nd|sa)){0,2})/(\d\.\d)(?:/([a-z]{2,3})\b)?")
_PUBLIC_DOMAIN = re.compile(r"creativecommons\.org/publicdomain/(zero|mark)/1\.0")
_CREATIVE_NAME = re.compile(
    r"(?:cc|creative commons) ((?:by|attribution)(?: (?:nc|nd|sa|noncommercial|non commercial|noderivatives|noderivs"
    r"|no derivatives|sharealike|share alike))*)(?: international| unported| generic)? (\d) (\d)"
)
_PARTS = (("noncommercial", "nc"), ("non commercial", "nc"), ("noderivatives", "nd"), ("noderivs", "nd"),
          ("no derivatives", "nd"), ("sharealike", "sa"), ("share alike", "sa"), ("attribution", "by"))  # fmt: skip
# Addresses without scheme and www, matched from their beginning; {} is an SPDX id in any case.
_ADDRESSES = (
    (
        re.compile(r"(?:opensource\.org/licenses?|spdx\.org/licenses|choosealicense\.com/licenses)/([a-z0-9.+-]+)"),
        r"\1",
    ),
    (re.compile(r"apache\.org/licenses/license-2\.0"), "Apache-2.0"),
    (re.compile(r"mozilla\.org/(?:en-us/)?mpl/2\.0"), "MPL-2.0"),
    (re.compile(r"gnu\.org/(?:licenses|copyleft)/(?:old-licenses/)?((?:a|l)?gpl|fdl)-(\d\.\d)"), r"\1-\2"),
    (re.compile(r"gnu\.org/(?:licenses|copyleft)/(gpl|agpl|lgpl)\.(?:html|txt)"), r"\1-3.0"),
    (re.compile(r"unlicense\.org"), "Unlicense"),
    (re.compile(r"eclipse\.org/legal/epl-(?:v)?(\d)[.0-]*"), r"EPL-\1.0"),
    (re.compile(r"boost\.org/license_1_0"), "BSL-1.0"),
    (re.compile(r"data\.europa\.eu/eli/dec_impl/2017/863"), "EUPL-1.2"),
)
# Names as people write them, after _key(): lower case, no punctuation, without "the", "license" and "version".
_NAMES = {
    "apache": "Apache-2.0", "apache 2": "Apache-2.0", "apache 2 0": "Apache-2.0", "asl 2 0": "Apache-2.0",
    "apache software 2 0": "Apache-2.0", "apache software": "Apache-2.0", "asf 2 0": "Apache-2.0",
    "apache2": "Apache-2.0", "apache2 0": "Apache-2.0", "expat": "MIT", "mit x11": "MIT", "x11 mit": "MIT",
    "bsd": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "modified bsd": "BSD-3-Clause", "bsd 3": "BSD-3-Clause",
    "bsd 3 clause": "BSD-3-Clause", "3 clause bsd": "BSD-3-Clause", "simplified bsd": "BSD-2-Clause",
    "bsd 2": "BSD-2-Clause", "2 clause bsd": "BSD-2-Clause", "bsd 2 clause": "BSD-2-Clause",
    "freebsd": "BSD-2-Clause", "gplv2": "GPL-2.0-only", "gpl 2": "GPL-2.0-only",
    "gplv3": "GPL-3.0-only", "gpl 3": "GPL-3.0-only", "gplv2+": "GPL-2.0-or-later", "gplv3+": "GPL-3.0-or-later",
    "gpl 2 0": "GPL-2.0-only", "gpl 3 0": "GPL-3.0-only", "gnu general public 2": "GPL-2.0-only",
    "gnu general public 3": "GPL-3.0-only", "gnu general public 2 0": "GPL-2.0-only", "gnu gplv2": "GPL-2.0-only",
    "gnu general public 3 0": "GPL-3.0-only", "gnu gpl 3": "GPL-3.0-only", "gnu gpl 2": "GPL-2.0-only",
    "gnu gplv3": "GPL-3.0-only", "lgplv3": "LGPL-3.0-only", "lgplv2 1": "LGPL-2.1-only", "lgpl 2 1": "LGPL-2.1-only",
    "lgpl 3": "LGPL-3.0-only", "lgpl 3 0": "LGPL-3.0-only", "gnu lesser general public 3": "LGPL-3.0-only",
    "gnu lesser general public 3 0": "LGPL-3.0-only", "gnu lesser general public 2 1": "LGPL-2.1-only",
    "agplv3": "AGPL-3.0-only", "agpl 3": "AGPL-3.0-only", "agpl 3 0": "AGPL-3.0-only",
    "gnu affero general public 3": "AGPL-3.0-only", "gnu affero general public 3 0": "AGPL-3.0-only",
    "mpl 2": "MPL-2.0", "mpl 2 0": "MPL-2.0",
    "mplv2": "MPL-2.0", "mozilla public 2 0": "MPL-2.0", "epl 1 0": "EPL-1.0", "epl 2 0": "EPL-2.0",
    "eclipse public 1 0": "EPL-1.0", "eclipse public 2 0": "EPL-2.0",
    "boost": "BSL-1.0", "boost software 1 0": "BSL-1.0", "unlicence": "Unlicense",
    "public domain unlicense": "Unlicense",
    "cc0": "CC0-1.0", "cc zero": "CC0-1.0", "cc0 1 0 universal": "CC0-1.0", "creative commons zero": "CC0-1.0",
    "creative commons zero 1 0 universal": "CC0-1.0", "creative commons cc0 1 0 universal": "CC0-1.0",
    "isc": "ISC", "zlib libpng": "Zlib", "psf": "PSF-2.0", "python software foundation": "PSF-2.0", "wtfpl 2": "WTFPL",
    "odc by": "ODC-By-1.0", "odc by 1 0": "ODC-By-1.0", "odbl": "ODbL-1.0", "pddl": "PDDL-1.0",
    "gfdl": "GFDL-1.3-or-later", "gnu free documentation": "GFDL-1.3-or-later",
}  # fmt: skip


@functools.lru_cache(maxsize=8192)
def normalize(value: str) -> str | None:
    """The SPDX expression for a name, an address or an expression; None for what is none of them.

    GNU licences without "only" or "or later" are taken as "only", which claims less.

    >>> normalize("http://creativecommons.org/licenses/by-sa/4.0/deed.de"), normalize("mit or apache-2.0")
    ('CC-BY-SA-4.0', 'MIT OR Apache-2.0')
    """
    value = " ".join(value[: MAX_CHARS + 1].split()).strip("\"'<>,;")
    if len(value) > MAX_CHARS or value.lower() in UNKNOWN:
        return None
    return _address(value.lower()) or _expression(value) or _name(value)


def identify(value: str | None) -> str | None:
    """`normalize(value)`; a name that SPDX does not know stays as it is; None where nothing is named."""
    if value is None or value.strip().lower() in UNKNOWN:
        return None
    return normalize(value) or value.strip()


def _address(value: str) -> str | None:
    if "://" not in value and not re.match(r"(?:www\.)?[a-z0-9-]+\.[a-z]{2,3}/", value):
        return None
    if found := _CREATIVE.search(value):
        base = f"CC-{found[1].upper()}-{found[2]}"
        ported = f"{base}-{found[3].upper()}" if found[3] else base
        return _expression(ported) or _expression(base)
    if found := _PUBLIC_DOMAIN.search(value):
        return {"zero": "CC0-1.0", "mark": "CC-PDM-1.0"}[found[1]]
    place = re.sub(r"^[a-z]+://(?:www\.)?|^www\.", "", value)
    for pattern, name in _ADDRESSES:
        if found := pattern.match(place):
            written = found.expand(name).removesuffix(".html").removesuffix(".php").removesuffix(".txt")
            written = re.sub("^fdl-", "gfdl-", written)
            return _expression(written) or _NAMES.get(_key(written))
    return None


def _expression(value: str) -> str | None:
    if value.count("(") > 20 or len(value.split()) > MAX_WORDS:
        return None
    if "/" in value and "://" not in value:
        value = " OR ".join(part.strip() for part in value.split("/"))  # as Cargo.toml once had it
    try:
        words = canonicalize_license_expression(value).replace("(", "( ").replace(")", " )").split()
    except (InvalidLicenseExpression, ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    if words[0] == "(" and words.index(")") == len(words) - 1:
        words = words[1:-1]  # around the whole
    return " ".join(_explicit(word) for word in words).replace("( ", "(").replace(" )", ")")


def _explicit(word: str) -> str:
    """GNU licences with -only or -or-later, as SPDX asks since version 3 of its list."""
    found = _GNU.match(word)
    if not found:
        return word
    return found[1] + ("-only" if found[2] in (None, "-only") else "-or-later")


def _key(value: str) -> str:
    words = re.sub(r"\bv(?=\d)", "", re.sub(r"[^a-z0-9+]+", " ", value.lower())).split()
    words = [w for w in words if w not in ("the", "license", "licence", "licensed", "version", "under", "s")]
    return " ".join(w for w, before in zip(words, ["", *words], strict=False) if w != before)  # "MIT License (MIT)"


def _name(value: str) -> str | None:
    key = _key(value)
    if key in _NAMES:
        return _NAMES[key]
    if found := _CREATIVE_NAME.fullmatch(re.sub(r" (?:international|unported|generic)\b", "", key)):
        parts = found[1]
        for long, short in _PARTS:
            parts = parts.replace(long, short)
        return _expression(f"CC-{'-'.join(parts.split())}-{found[2]}.{found[3]}")
    later = re.fullmatch(r"(.+?) or (?:any )?later", key)
    if later and (base := _NAMES.get(later[1])) and base.endswith("-only"):
        return base.removesuffix("-only") + "-or-later"
    return _expression(key.replace(" ", "-")) if len(key) > 2 else None
