"""The licence that a web page declares for itself: rel=license, Dublin Core, RDFa, microdata, JSON-LD."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from aigc_cli.collect.licenses.spdx import normalize

MAX_LICENSES = 3  # named by one page; more, and they belong to things on the page
MAX_JSON_CHARS = 200_000
MAX_DEPTH = 12
TAG_CHARS = 2000
_TAG = re.compile(r"<(a|area|link|meta|span|div|p|small|footer)\b([^<>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-zA-Z:_-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_RDF = re.compile(r"""<(?:cc:|cc-)?license\s+rdf:resource\s*=\s*["']([^"']{5,300})["']""", re.IGNORECASE)
_JSON = re.compile(r"<script[^>]{0,300}application/ld\+json[^>]{0,300}>", re.IGNORECASE)
_NAMES = frozenset({"dc.rights", "dc:rights", "dcterms.rights", "dcterms:rights", "dcterms.license", "dcterms:license",
                    "dc.rights.license", "dct:license", "cc:license", "license", "xhv:license", "schema:license",
                    "http://purl.org/dc/terms/license", "http://creativecommons.org/ns#license"})  # fmt: skip
_PARTS = frozenset({"imageobject", "videoobject", "audioobject", "mediaobject", "photograph", "3dmodel"})


def declared(markup: str) -> str | None:
    """The SPDX expression of a page's own declaration; None without one, or where it names many.

    A declaration in the head is the page's; links in the body count as conditions together, for nothing says which
    part each of them covers.

    >>> declared('<a rel="license" href="http://creativecommons.org/licenses/by/3.0/">CC</a>')
    'CC-BY-3.0'
    """
    if "icense" not in markup and "rights" not in markup:
        return None
    head, body = _tags(markup)
    for names in (head, _json(markup), body, [n for r in _RDF.findall(markup) if (n := normalize(r))]):
        names = list(dict.fromkeys(names))
        if len(names) == 1:
            return names[0]
        if names:
            return normalize(" AND ".join(names)) if len(names) <= MAX_LICENSES else None
    return None


def _tags(markup: str) -> tuple[list[str], list[str]]:
    head: list[str] = []
    body: list[str] = []
    for tag, inside in _tags_that_say(markup):
        attributes = {key.lower(): a or b or c for key, a, b, c in _ATTRIBUTE.findall(inside)}
        said = {
            part for key in ("rel", "property", "itemprop", "name") for part in attributes.get(key, "").lower().split()
        }
        if not said & _NAMES:
            continue
        keys = ("content",) if tag.lower() == "meta" else ("resource", "href", "content")
        name = next((n for key in keys if (n := normalize(attributes.get(key, "")))), None)
        if name:
            (head if tag.lower() in ("link", "meta") else body).append(name)
    return head, body


def _tags_that_say(markup: str) -> Iterator[tuple[str, str]]:
    """(name, attributes) of the tags that hold the word licence or rights, in order."""
    starts = set()
    for word in ("icense", "icence", "rights"):
        place = markup.find(word)
        while place >= 0:
            start = markup.rfind("<", max(0, place - TAG_CHARS), place)
            end = markup.find(">", place, place + TAG_CHARS)
            if start >= 0 and end >= 0 and markup.find(">", start, place) < 0:
                starts.add(start)
            place = markup.find(word, max(end, place + 1))
    for start in sorted(starts):
        if found := _TAG.match(markup, start, start + 2 * TAG_CHARS):
            yield found[1], found[2]


def _json(markup: str) -> list[str]:
    found: list[str] = []
    for start in _JSON.finditer(markup):
        end = markup.find("</script", start.end())
        text = markup[start.end() : end]
        if end < 0 or "icense" not in text or len(text) > MAX_JSON_CHARS:
            continue
        try:
            found += _licenses(json.loads(text), 0)
        except (ValueError, RecursionError):
            continue
    return found


def _licenses(value: Any, depth: int) -> list[str]:
    """Licences of an object of schema.org, and of the objects in @graph; pictures on the page have their own."""
    if isinstance(value, list):
        return [name for item in value for name in _licenses(item, depth + 1)] if depth < MAX_DEPTH else []
    if not isinstance(value, dict) or depth >= MAX_DEPTH:
        return []
    kinds = value.get("@type")
    if {str(k).lower() for k in (kinds if isinstance(kinds, list) else [kinds])} & _PARTS:
        return []
    found: list[str] = []
    said = value.get("license")
    for item in said if isinstance(said, list) else [said]:
        if isinstance(item, dict):
            item = item.get("@id") or item.get("url") or item.get("name")
        if isinstance(item, str) and (name := normalize(item)):
            found.append(name)
    for key in ("@graph", "mainEntity"):
        found += _licenses(value.get(key), depth + 1)
    return found
