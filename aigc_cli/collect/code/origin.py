"""Files that nobody wrote by hand here: copies of other projects, generated and minified code."""

from __future__ import annotations

import re

VENDORED = frozenset({
    "node_modules", "bower_components", "jspm_packages", "vendor", "vendored", "_vendor", "third_party", "thirdparty",
    "third-party", "site-packages", "dist-packages", "pods", "carthage", "godeps", "__pycache__",
})  # fmt: skip
HEAD_CHARS = 1500
MEAN_LINE_CHARS = 200  # people's code has 30 to 60
LONGEST_LINE_CHARS = 20_000
_MIN_CHARS = 2000  # a short file may be one line
_MINIFIED = re.compile(r"[.-](?:min|bundle|pack)\.(?:js|mjs|cjs|css)$")
_GENERATED_NAME = re.compile(r"(?:_pb2(?:_grpc)?\.pyi?|\.pb\.(?:go|cc|h)|\.g\.dart|\.designer\.cs|\.generated\.\w+)$")
_GENERATED = re.compile(
    r"@generated\b|code generated\b.{0,200}\bdo not edit|\b(?:auto-?|automatically |machine )generated\b"
    r"|\bgenerated (?:automatically|by (?:the )?(?:protocol buffer|thrift|antlr|swig|cython|bison|flex|cmake|autoconf"
    r"|autogen|openapi|swagger|gyp|qt|moc|uic|pyrcc|py?uic)\b)"
    r"|\bthis file (?:is|was|has been) generated\b|\bgenerated file\b.{0,80}\bdo not\b",
    re.IGNORECASE | re.DOTALL,
)


def vendored(label: str) -> bool:
    """Whether the path leads through a directory for copies of other projects."""
    return not VENDORED.isdisjoint(label.lower().split("/")[:-1])


def not_written(label: str, text: str) -> str | None:
    """ "generated" or "minified" for code that no person wrote, else None."""
    name = label.rpartition("/")[2].lower()
    if _MINIFIED.search(name):
        return "minified"
    if _GENERATED_NAME.search(name) or _GENERATED.search(text[:HEAD_CHARS]):
        return "generated"
    if len(text) < _MIN_CHARS:
        return None
    lines = text.split("\n")
    if len(text) / len(lines) > MEAN_LINE_CHARS or max(map(len, lines)) > LONGEST_LINE_CHARS:
        return "minified"
    return None
