"""Licences recognised in their own words: a LICENSE file, or the comment at the top of a source file."""

from __future__ import annotations

import re

from aigc_cli.collect.licenses.spdx import normalize

HEADER_CHARS = 4096  # of a source file, in which its licence is looked for
FILE_CHARS = 64 * 1024  # of a LICENSE file
TITLE_CHARS = 400
_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n]{1,300})", re.IGNORECASE)
_JS_TAG = re.compile(r"@license:?[ \t]+([^\r\n*]{1,100})", re.IGNORECASE)
_COMMENT_END = re.compile(r"\s*(?:\*/|-->|\*\)|#>|--\]\]|\"\"\"|'''|[\"']).*$")
_NOT_WORD = re.compile(r"[^0-9a-z+]+")

_PERMISSION = "permission is hereby granted free of charge to any person obtaining a copy of this software"
_REDISTRIBUTION = "redistribution and use in source and binary forms with or without modification are permitted"
_ISC = (
    "permission to use copy modify and or distribute this software for any purpose "
    "with or without fee is hereby granted"
)
# (words that must all be there, words that must not, SPDX id); words as _words() gives them.
_BODIES: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    ((_PERMISSION, "this permission notice"), (), "MIT"),
    ((_PERMISSION,), ("this permission notice",), "MIT-0"),
    ((_REDISTRIBUTION, "all advertising materials"), (), "BSD-4-Clause"),
    ((_REDISTRIBUTION, "neither the name"), ("all advertising materials",), "BSD-3-Clause"),
    ((_REDISTRIBUTION, "names of its contributors may not be used"), ("neither the name",), "BSD-3-Clause"),
    ((_REDISTRIBUTION,), ("neither the name", "all advertising materials", "may not be used to endorse",
                          "subject to the limitations in the disclaimer"), "BSD-2-Clause"),
    ((_ISC, "appear in all copies"), (), "ISC"),
    ((_ISC.replace("and or", "and"), "appear in all copies"), (), "ISC"),
    ((_ISC,), ("appear in all copies",), "0BSD"),
    (("this is free and unencumbered software released into the public domain",), (), "Unlicense"),
    (("altered source versions must be plainly marked as such", "origin of this software must not be misrepresented"),
     (), "Zlib"),
    (("boost software license version 1 0",), (), "BSL-1.0"),
    (("do what the fuck you want to public license",), (), "WTFPL"),
    (("python software foundation license version 2",), (), "PSF-2.0"),
    (("licensed under the apache license version 2 0",), (), "Apache-2.0"),
    (("apache license version 2 0 january 2004",), (), "Apache-2.0"),
    (("subject to the terms of the mozilla public license v 2 0",), (), "MPL-2.0"),
    (("eclipse public license v 2 0",), (), "EPL-2.0"),
    (("eclipse public license 2 0 which is available",), (), "EPL-2.0"),
    (("eclipse public license v1 0 which accompanies",), (), "EPL-1.0"),
)  # fmt: skip
# Texts known by their titles: they mention other licences further down, so only the beginning counts.
_TITLES = (
    ("gnu affero general public license version 3", "AGPL-3.0-only"),
    ("gnu lesser general public license version 3", "LGPL-3.0-only"),
    ("gnu lesser general public license version 2 1", "LGPL-2.1-only"),
    ("gnu library general public license version 2", "LGPL-2.0-only"),
    ("gnu general public license version 3", "GPL-3.0-only"),
    ("gnu general public license version 2", "GPL-2.0-only"),
    ("gnu general public license version 1", "GPL-1.0-only"),
    ("gnu free documentation license version 1 3", "GFDL-1.3-only"),
    ("mozilla public license version 2 0", "MPL-2.0"), ("mozilla public license version 1 1", "MPL-1.1"),
    ("apache license version 2 0", "Apache-2.0"), ("eclipse public license v 2 0", "EPL-2.0"),
    ("eclipse public license v 1 0", "EPL-1.0"), ("european union public licence v 1 2", "EUPL-1.2"),
    ("common development and distribution license cddl version 1 0", "CDDL-1.0"),
    ("the artistic license 2 0", "Artistic-2.0"), ("python software foundation license version 2", "PSF-2.0"),
    ("business source license 1 1", "BUSL-1.1"), ("server side public license version 1", "SSPL-1.0"),
    ("elastic license 2 0", "Elastic-2.0"), ("cc0 1 0 universal", "CC0-1.0"),
    ("attribution noncommercial noderivatives 4 0 international", "CC-BY-NC-ND-4.0"),
    ("attribution noncommercial sharealike 4 0 international", "CC-BY-NC-SA-4.0"),
    ("attribution noncommercial 4 0 international", "CC-BY-NC-4.0"),
    ("attribution noderivatives 4 0 international", "CC-BY-ND-4.0"),
    ("attribution sharealike 4 0 international", "CC-BY-SA-4.0"), ("attribution 4 0 international", "CC-BY-4.0"),
    ("open data commons open database license", "ODbL-1.0"), ("sil open font license version 1 1", "OFL-1.1"),
)  # fmt: skip
_GNU = re.compile(
    r"gnu (affero |lesser |library )?general public license\b(?: as published by the free software foundation)?"
    r"(?: as published by| either| the| free| software| foundation| under| terms| of| it| and or| modify| only)*"
    r" (?:version|v) ?(\d)(?: (\d))?(?: of the license)?( or at your option any later version| or later| or any later"
    r"| or at your option)?"
)
_SHORT = re.compile(
    r"(?:licensed|released|distributed|available|provided|published|redistributed) under (?:the )?"
    r"(?:terms (?:and conditions )?of )?(?:the |a |an )?((?:[a-z0-9+]+ ){1,5}?)"
    r"licen[sc]e\b( (?:version |v )?[\d ]{1,4})?"
)


def in_header(text: str) -> str | None:
    """The licence that the beginning of a source file names: SPDX tags, else the licence's own words.

    >>> in_header("// SPDX-License-Identifier: MIT OR Apache-2.0\\n"), in_header("x = 1\\n")
    ('MIT OR Apache-2.0', None)
    """
    head = text[:HEADER_CHARS]
    if tags := _tags(head):
        return tags
    words = _words(head)
    if (
        "licen" not in words
        and "redistribution" not in words
        and "permission" not in words
        and "public dom" not in words
    ):
        return None
    found = _gnu(words) + _bodies(words)
    if not found and (short := _SHORT.search(words)):
        found = [name] if (name := normalize(f"{short[1]}{(short[2] or '').strip()}".strip())) else []
    if not found and (tag := _JS_TAG.search(head)):
        found = [name] if (name := normalize(_COMMENT_END.sub("", tag[1]))) else []
    if found == ["Apache-2.0"] and " or the mit license" in words and "at your option" in words:
        return "MIT OR Apache-2.0"  # as projects in Rust say it
    return _all_of(found)


def in_file(text: str) -> str | None:
    """The licence whose text a LICENSE or COPYING file holds; several are conditions of one expression (AND)."""
    text = text[:FILE_CHARS]
    if tags := _tags(text[:HEADER_CHARS]):
        return tags
    words = _words(text)
    title = words[:TITLE_CHARS]
    first = min(((place, -len(phrase), name) for phrase, name in _TITLES if (place := title.find(phrase)) >= 0),
                default=None)  # fmt: skip
    bodies = _bodies(words)
    if first is None:
        return _all_of(bodies or _gnu(words))
    # The appendix of the Apache licence shows its own notice; GNU texts contain no other licence.
    return _all_of([first[2], *(name for name in bodies if name != first[2])] if first[0] < TITLE_CHARS else bodies)


def _tags(text: str) -> str | None:
    found = []
    for tag in _TAG.findall(text):
        name = normalize(_COMMENT_END.sub("", tag).strip())
        if name is None:
            return None
        found.append(name)
    return _all_of(found)


def _all_of(names: list[str]) -> str | None:
    """One expression under which all of `names` apply."""
    names = list(dict.fromkeys(names))
    if len(names) < 2:
        return names[0] if names else None
    return normalize(" AND ".join(f"({name})" if " OR " in name else name for name in names))


def _words(text: str) -> str:
    """Lower-case words with single spaces: comment signs, quotes and line breaks are gone."""
    return " ".join(_NOT_WORD.sub(" ", text.lower()).split())


def _bodies(words: str) -> list[str]:
    return [name for all_of, none_of, name in _BODIES
            if all(part in words for part in all_of) and not any(part in words for part in none_of)]  # fmt: skip


def _gnu(words: str) -> list[str]:
    """GNU licences by their notices: "either version 2 of the License, or (at your option) any later version"."""
    found = []
    for kind, major, minor, later in _GNU.findall(words):
        name = {"affero ": "AGPL", "lesser ": "LGPL", "library ": "LGPL"}.get(kind, "GPL")
        number = f"{major}.{minor or 0}"
        found.append(f"{name}-{number}-{'or-later' if later else 'only'}")
        break  # the notice goes on to say where the licence's text is
    return [name for name in found if normalize(name)]
