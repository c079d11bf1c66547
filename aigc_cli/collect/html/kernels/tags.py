"""What the kernels know of HTML's elements: a number for each name, and its rules of nesting and of breaking lines."""

from __future__ import annotations

import numpy as np

# Rules, as bits.
VOID = 1  # has no content and no end tag
RAW = 2  # its content is neither markup nor shown: skipped up to the end tag
SPECIAL = 4  # a block to the parser: end tags of inline elements do not reach across it
SCOPE = 8  # end tags of what is outside do not reach into it
CLOSES_P = 16  # its start tag ends an open paragraph
FORMAT = 32  # may be closed while blocks inside it stay open
UNSEEN = 64  # its content is not shown
OUTER = 128  # html, head, body: written or not, there is one of each
LEAVES = 256  # its start tag ends a drawing or a formula that it stands in
# What stands between the text before and after an element's edge, weakest first.
NOTHING, BLANK, BREAK, CELL, LINE, DIV, PARAGRAPH = range(7)

_BLOCK = SPECIAL | CLOSES_P
_TABLE = {
    "a b big code em font i nobr s small strike strong tt u": (FORMAT, NOTHING),
    "abbr acronym bdi bdo cite data del dfn ins kbd label mark q rp rt ruby samp span sub sup time var": (0, NOTHING),
    "math mtext mi mo mn ms annotation": (0, NOTHING),
    "address article aside blockquote center details dir dl fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 "
    "header hgroup main menu nav ol p section search summary ul": (_BLOCK, PARAGRAPH),
    "pre listing": (_BLOCK, PARAGRAPH),
    "div": (_BLOCK, DIV),
    "li dt dd": (SPECIAL, LINE),
    "table": (_BLOCK | SCOPE, PARAGRAPH),
    "tbody thead tfoot colgroup": (SPECIAL, NOTHING),
    "tr": (SPECIAL, LINE),
    "caption": (SPECIAL | SCOPE, PARAGRAPH),
    "td th": (SPECIAL | SCOPE, CELL),
    "br": (VOID, BREAK),
    "hr": (VOID | CLOSES_P, PARAGRAPH),
    "area base basefont bgsound col embed frame img input keygen link meta param source track wbr": (VOID, NOTHING),
    "script style iframe noembed noframes noscript": (RAW, NOTHING),
    "xmp": (RAW | CLOSES_P, PARAGRAPH),
    "title": (RAW, NOTHING),
    "textarea": (RAW, BLANK),
    "svg audio video canvas datalist": (UNSEEN, NOTHING),
    "template": (UNSEEN | SCOPE | SPECIAL, NOTHING),
    "dialog": (UNSEEN | _BLOCK, PARAGRAPH),
    "select": (UNSEEN | SPECIAL, BLANK),
    "foreignobject object applet marquee": (SPECIAL | SCOPE, NOTHING),
    "button": (SPECIAL, BLANK),
    "option optgroup legend progress meter output picture map": (0, NOTHING),
    "html head body": (OUTER, NOTHING),
}
NAMES = ("", *(name for names in _TABLE for name in names.split()))
TAG = {name: number for number, name in enumerate(NAMES)}
RULES = np.zeros(len(NAMES), np.int64)
BREAKS = np.zeros(len(NAMES), np.int64)
for _names, (_rules, _breaks) in _TABLE.items():
    for _name in _names.split():
        RULES[TAG[_name]], BREAKS[TAG[_name]] = _rules, _breaks
# Source: https://html.spec.whatwg.org/multipage/parsing.html#parsing-main-inforeign
_LEAVING = (
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    "nobr ol p pre ruby s small span strong strike sub sup table tt u ul var"
)
for _name in _LEAVING.split(" "):
    RULES[TAG[_name]] |= LEAVES

KEY_BYTES = 7  # of a name; with the length they tell all of the names above apart


def key_of(name: str) -> int:
    """The first bytes of a name and its length in one number; kernels compute the same from the page."""
    key = 0
    for byte in name.encode()[:KEY_BYTES]:
        key = key << 8 | byte
    return key << 8 | len(name)


SLOTS = 1024
_MIX = 0x9E3779B97F4A7C15


def slot_of(key: int) -> int:
    """Where the search for a key begins in the table."""
    return (key * _MIX & 0xFFFFFFFFFFFFFFFF) >> 54


SLOT_KEYS = np.zeros(SLOTS, np.int64)
SLOT_TAGS = np.zeros(SLOTS, np.int64)
for _name, _number in TAG.items():
    if _name:
        _at = slot_of(key_of(_name))
        while SLOT_KEYS[_at]:
            _at = (_at + 1) % SLOTS
        SLOT_KEYS[_at], SLOT_TAGS[_at] = key_of(_name), _number
