"""The attributes of a start tag: what its class, id and role hint at, whether it is hidden, where it links to."""

from __future__ import annotations

from aigc_cli.collect.html.kernels.bytes import find, is_letter, is_space, key
from aigc_cli.collect.html.kernels.tags import key_of
from aigc_cli.core.jit import inner

# What `attributes` fills in.
AT_HINTS, AT_HIDDEN, AT_LINK, AT_CLOSED, AT_CANONICAL, AT_START, AT_END, AT_LANG, AT_LANG_END, AT_OPEN, AT_FONT = range(
    11
)
AT_FIELDS = 11

_CLASS, _ID, _ROLE, _STYLE, _HIDDEN, _HREF, _REL, _LANG, _CONTENT, _PROPERTY, _ITEMPROP, _OPEN = (
    key_of(name) for name in
    ("class", "id", "role", "style", "hidden", "href", "rel", "lang", "content", "property", "itemprop", "open")
)  # fmt: skip
_CANONICAL, _OG_URL = key_of("canonical"), key_of("og:url")
_COLOR, _FACE, _SIZE = key_of("color"), key_of("face"), key_of("size")
_DISPLAY, _NONE, _VISIBILITY = key_of("display"), key_of("none"), key_of("visibility")


@inner
def hints_of(data, i, end, after, found):  # type: ignore[no-untyped-def]
    """The hints in the words of data[i:end]."""
    state = after[0, 0]
    hints = found[state]
    small = False
    for j in range(i, end):
        byte = data[j]
        if 65 <= byte <= 90:
            if small:
                state = after[state, 0]
                hints |= found[state]
            byte += 32
            small = False
        else:
            small = 97 <= byte <= 122
        state = after[state, byte - 96 if 97 <= byte <= 122 else 0]
        hints |= found[state]
    return hints | found[after[state, 0]]


@inner
def _style_hides(data, i, end):  # type: ignore[no-untyped-def]
    """Whether declarations say display: none or visibility: hidden."""
    while i < end:
        stop = min(find(data, 59, i, end), end)
        colon = find(data, 58, i, stop)
        while i < colon and is_space(data[i]):
            i += 1
        value = min(colon + 1, stop)
        while value < stop and is_space(data[value]):
            value += 1
        last = value
        while last < stop and is_letter(data[last]):
            last += 1
        end_of_name = i
        while end_of_name < colon and is_letter(data[end_of_name]):
            end_of_name += 1
        name, word = key(data, i, end_of_name), key(data, value, last)
        if (name == _DISPLAY and word == _NONE) or (name == _VISIBILITY and word == _HIDDEN):
            return True
        i = stop + 1
    return False


@inner
def _note(data, name, start, end, after, found, at):  # type: ignore[no-untyped-def]
    """Keep what one attribute says, if it says anything here."""
    if name in (_CLASS, _ID, _ROLE, _ITEMPROP):
        at[AT_HINTS] |= hints_of(data, start, end, after, found)
    elif name == _STYLE:
        if _style_hides(data, start, end):
            at[AT_HIDDEN] = 1
    elif name == _HIDDEN:
        at[AT_HIDDEN] = 1
    elif name in (_HREF, _CONTENT):
        at[AT_LINK], at[AT_START], at[AT_END] = 1, start, end
    elif (name == _REL and key(data, start, end) == _CANONICAL) or (
        name == _PROPERTY and key(data, start, end) == _OG_URL
    ):
        at[AT_CANONICAL] = 1
    elif name == _LANG:
        at[AT_LANG], at[AT_LANG_END] = start, end
    elif name == _OPEN:
        at[AT_OPEN] = 1
    elif name in (_COLOR, _FACE, _SIZE):
        at[AT_FONT] = 1


@inner
def attributes(data, i, n, after, found, at):  # type: ignore[no-untyped-def]
    """Read attributes from i on into `at`; the place behind the tag's ">"."""
    at[:] = 0
    while i < n:
        byte = data[i]
        if byte == 62:
            at[AT_CLOSED] = data[i - 1] == 47
            return i + 1
        if is_space(byte) or byte == 47:
            i += 1
            continue
        start = i
        i += 1
        while i < n and not (is_space(data[i]) or data[i] == 47 or data[i] == 62 or data[i] == 61):
            i += 1
        name = key(data, start, i)
        while i < n and is_space(data[i]):
            i += 1
        first = last = i
        if i < n and data[i] == 61:
            i += 1
            while i < n and is_space(data[i]):
                i += 1
            if i < n and (data[i] == 34 or data[i] == 39):
                first = i + 1
                last = find(data, data[i], first, n)
                i = last + 1
            else:
                first = i
                while i < n and not (is_space(data[i]) or data[i] == 62):
                    i += 1
                last = i
        _note(data, name, first, last, after, found, at)
    return n
