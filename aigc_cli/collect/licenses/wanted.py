"""Which licences `--licenses` lets in."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from aigc_cli.collect.licenses.spdx import normalize
from aigc_cli.core.errors import did_you_mean

# Use, change and resale allowed with no more than a notice. CC-BY by its versions: CC-BY-* would let in CC-BY-NC.
GROUPS = {
    "permissive": (
        "MIT", "MIT-0", "Apache-2.0", "Apache-1.1", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause",
        "BSD-2-Clause-Patent", "BSD-3-Clause-Clear", "0BSD", "ISC", "Unlicense", "CC0-1.0", "CC-PDM-1.0", "Zlib",
        "BSL-1.0", "X11", "NCSA", "PSF-2.0", "Python-2.0", "PostgreSQL", "WTFPL", "UPL-1.0", "BlueOak-1.0.0",
        "CC-BY-[0-9]*", "ODC-By-1.0", "PDDL-1.0", "MS-PL", "AFL-3.0", "Unicode-3.0", "Unicode-DFS-2016",
    ),
}  # fmt: skip
# What a mistyped id is compared with; SPDX has seven hundred.
COMMON = (
    "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Unlicense", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0",
    "MPL-2.0", "GPL-2.0", "GPL-3.0", "LGPL-2.1", "LGPL-3.0", "AGPL-3.0", "EPL-2.0",
)  # fmt: skip


def patterns(items: Sequence[str]) -> tuple[str, ...]:
    """The patterns of an option's items: comma-separated ids, wildcards, names of groups.

    Raises ValueError("fact; remedy") for what is no licence.
    """
    found: list[str] = []
    for item in (part.strip() for entry in items for part in entry.split(",")):
        if not item:
            raise ValueError("--licenses holds an empty name; give SPDX ids, e.g. --licenses MIT,Apache-2.0,CC-BY-*")
        if item.lower() in GROUPS:
            found += GROUPS[item.lower()]
        elif any(c in item for c in "*?["):
            found.append(item)
        else:
            name = normalize(item)
            if name is None or " " in name:
                raise ValueError(f"--licenses: '{item}' is no SPDX id; {did_you_mean(item, [*GROUPS, *COMMON])}")
            # GPL-3.0 as one says it: with or without later versions.
            found.append(name.removesuffix("-only") + "-o*" if _is_bare_gnu(item) else name)
    return tuple(dict.fromkeys(pattern.casefold() for pattern in found))


def refusal(license: str | None, wanted: tuple[str, ...]) -> str | None:
    """None where a document under `license` may stay, else the reason for its rejection.

    Of an expression's alternatives (OR) one must be wanted, of its conditions (AND) all; an exception (WITH)
    only adds rights.
    """
    return _refusal(license, wanted)


@functools.lru_cache(maxsize=8192)
def _refusal(license: str | None, wanted: tuple[str, ...]) -> str | None:
    if not license:
        return "no_license"
    if normalize(license) != license:  # not SPDX: a name of the source's own
        return None if _matches(license, wanted) else "license_other"
    words = license.replace("(", " ( ").replace(")", " ) ").split()
    return None if _Expression(words, wanted).either() else "license_" + license.replace(" ", "_")


def _matches(name: str, wanted: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern) for pattern in wanted)


class _Expression:
    """A canonical SPDX expression, evaluated from left to right; AND binds closer than OR."""

    def __init__(self, words: list[str], wanted: tuple[str, ...]) -> None:
        self._words, self._wanted = words[::-1], wanted

    def either(self) -> bool:
        """Whether one of the alternatives is wanted."""
        value = self._both()
        while self._take("OR"):
            value = self._both() or value
        return value

    def _both(self) -> bool:
        value = self._one()
        while self._take("AND"):
            value = self._one() and value
        return value

    def _one(self) -> bool:
        if self._take("("):
            value = self.either()
            self._take(")")
            return value
        value = _matches(self._words.pop(), self._wanted)
        if self._take("WITH"):
            self._words.pop()
        return value

    def _take(self, word: str) -> bool:
        if self._words and self._words[-1] == word:
            self._words.pop()
            return True
        return False


def _is_bare_gnu(item: str) -> bool:
    return re.fullmatch(r"(?:AGPL|LGPL|GPL|GFDL)-\d(?:\.\d)?", item, re.IGNORECASE) is not None
