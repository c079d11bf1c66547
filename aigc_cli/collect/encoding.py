"""Bytes to text: BOM, UTF-8, then the most plausible of the legacy encodings, or an honest refusal.

The decision among legacy encodings is by description length: every candidate decodes a sample, each decoded
character costs about as many bits as a reader of that language would need for it (common characters are cheap,
rare ones dear, impossible ones very dear), and the cheapest candidate wins. Costs are coarse by design; they
stand in `legacy.py`. uchardet (inside resiliparse) is asked only for the single-byte families that have no table.
"""

from __future__ import annotations

import codecs
import re

from aigc_cli.collect import legacy

SAMPLE_BYTES = 16 * 1024
NUL_SHARE = 0.001
CONTROL_SHARE = 0.02
# Decoders behind a name, strictest first: vendors' supersets read what the standard table refuses.
CODECS = {
    "gb18030": ("gb18030",),
    "big5": ("big5", "cp950", "big5hkscs"),
    "shift_jis": ("cp932", "shift_jis_2004"),
    "euc_jp": ("euc_jp", "euc_jis_2004"),
    "euc_kr": ("cp949",),
}
_ALIASES = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030", "big5-hkscs": "big5",
    "cp950": "big5", "sjis": "shift_jis", "x-sjis": "shift_jis", "windows-31j": "shift_jis", "cp932": "shift_jis",
    "shift-jis": "shift_jis", "euc-jp": "euc_jp", "euc-kr": "euc_kr", "cp949": "euc_kr", "ks_c_5601-1987": "euc_kr",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252",
    "utf8": "utf-8", "utf-8-sig": "utf-8",
}  # fmt: skip
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_:.\-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,100}encoding\s*=\s*[\"']([a-zA-Z0-9_:.\-]{2,40})", re.IGNORECASE)


class UndecodableError(ValueError):
    """The bytes are no text; `reason` is "binary" or "unknown_encoding"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """(text, encoding name) of `data`, without its BOM. Raises UndecodableError.

    `declared` (an HTML meta tag) is believed when the bytes fit it. A few broken sequences in otherwise valid
    text become U+FFFD; nothing is ever read as Latin-1 for want of something better.

    >>> decode("模型训练需要大量的数据".encode("gb18030"))
    ('模型训练需要大量的数据', 'gb18030')
    """
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(name, "replace"), name
    if b"\0" not in data:
        try:
            return data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            pass
    name = detect(data, declared)
    return _lenient(data, name), name


def detect(data: bytes, declared: str | None = None) -> str:
    """Name of the encoding of `data` (a whole file or its head). Raises UndecodableError."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return name
    head = data[: 4 * SAMPLE_BYTES]
    nuls = head.count(b"\0")
    if not nuls and ((_utf8_fits(data) and not _controls(head)) or _decodes(data, "utf-8")):
        return "utf-8"
    if wide := _wide(head):
        return wide
    if nuls > max(2, NUL_SHARE * len(head)) or _controls(head):
        raise UndecodableError("binary")
    if _utf8_fits(data):
        return "utf-8"
    believed = canonical(declared) if declared else None
    if believed and _fits(data, believed):
        return believed
    return _legacy(data)


def canonical(name: str) -> str | None:
    """Our name for a declared charset, None for an unknown one. Web pages say gb2312 and mean gb18030."""
    name = name.strip().lower()
    name = _ALIASES.get(name, name)
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    # codecs.lookup also knows byte-to-byte codecs (hex, zip), which are no charsets.
    return name if codecs.lookup(name)._is_text_encoding else None  # type: ignore[attr-defined]


def declared_charset(head: bytes) -> str | None:
    """The charset that an HTML or XML head declares in its first 4 KB, as written there."""
    head = head[:4096]
    found = _META.search(head) or _XML.search(head)
    return found.group(1).decode("ascii") if found else None


def _controls(head: bytes) -> bool:
    return len(head) - len(head.translate(None, _CONTROLS)) > max(3, CONTROL_SHARE * len(head))


def _wide(head: bytes) -> str | None:
    """UTF-32 or UTF-16 without a BOM: NUL bytes in fixed places, or characters that make prose two by two."""
    units = max(1, len(head) // 4)
    columns = [head[i::4].count(0) / units for i in range(4)]
    if columns[3] > 0.95 and columns[2] > 0.9 and _decodes(head, "utf-32-le"):
        return "utf-32-le"
    if columns[0] > 0.95 and columns[1] > 0.9 and _decodes(head, "utf-32-be"):
        return "utf-32-be"
    head = head[:SAMPLE_BYTES]
    texts = {name: text for name in ("utf-16-le", "utf-16-be") if (text := _sample(head, name))}
    costs = {name: legacy.cost(text, name) for name, text in texts.items()}
    name = min(costs, key=lambda n: costs[n], default=None)
    if name is None or not legacy.plausible(texts[name], name):
        return None
    # Legacy two-byte text also decodes as UTF-16, into rarer characters: the cheaper reading wins.
    return name if costs[name] < min(_costs(head).values(), default=1e18) else None


def _legacy(data: bytes) -> str:
    sample = _informative(data)
    costs = _costs(sample)
    best = min(costs, key=lambda n: costs[n], default="")
    text = _sample(sample, best) if best else None
    if text and legacy.plausible(text, best):
        return best
    guess = _uchardet(sample)
    if guess and guess not in legacy.CANDIDATES and not guess.startswith("utf") and _sample(sample, guess):
        return guess
    raise UndecodableError("unknown_encoding")


def _costs(sample: bytes) -> dict[str, float]:
    return {name: legacy.cost(text, name) for name in legacy.CANDIDATES if (text := _sample(sample, name))}


def _informative(data: bytes) -> bytes:
    """At most SAMPLE_BYTES of `data` around its non-ASCII parts, cut at line ends where there are any."""
    if len(data) <= SAMPLE_BYTES:
        return data
    first = _HIGH_RUN.search(data)
    start = data.rfind(b"\n", 0, first.start()) + 1 if first else 0
    if first and first.start() - start > SAMPLE_BYTES // 2:
        start = first.start()
    return data[start : start + SAMPLE_BYTES]


def _sample(data: bytes, name: str) -> str | None:
    """The text of a piece that may end within a character; None where the bytes break the encoding's rules."""
    for codec in CODECS.get(name, (name,)):
        try:
            return codecs.getincrementaldecoder(codec)("strict").decode(data, False)
        except (UnicodeDecodeError, LookupError):
            continue
    return None


def _decodes(data: bytes, name: str) -> bool:
    return _sample(data, name) is not None


def _utf8_fits(data: bytes) -> bool:
    """UTF-8 with few broken sequences: a cut in the middle of a character, one stray byte."""
    first = _HIGH_RUN.search(data)
    if first is None:
        return True
    # From the first non-ASCII byte on; a window that ends within a character is not broken.
    window = data[first.start() : first.start() + 16 * SAMPLE_BYTES]
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(window, False)
    broken = text.count("\ufffd") - window.count(b"\xef\xbf\xbd")
    good = len(text) - len(text.encode("ascii", "ignore")) - broken
    return good > 0 and broken * 10 <= good


def _fits(data: bytes, name: str) -> bool:
    text = _lenient(data[: 16 * SAMPLE_BYTES], name)
    return text.count("\ufffd") * 200 <= len(text)


def _lenient(data: bytes, name: str) -> str:
    """`data` as text; bytes that break the encoding become U+FFFD."""
    for codec in CODECS.get(name, (name,)):
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    return data.decode(CODECS.get(name, (name,))[0], "replace")


def _uchardet(sample: bytes) -> str | None:
    from resiliparse.parse.encoding import detect_encoding

    found = detect_encoding(sample, html5_compatible=False)
    return canonical(found) if found else None
