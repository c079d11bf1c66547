"""Programming languages by file name, and by content where a suffix stands for several."""

from __future__ import annotations

import re

SUFFIXES = {
    ".py": "python", ".pyi": "python", ".pyx": "cython", ".ipynb": "python", ".js": "javascript", ".mjs": "javascript",
    ".cjs": "javascript", ".jsx": "javascript", ".ts": "typescript", ".tsx": "typescript", ".vue": "vue",
    ".java": "java", ".kt": "kotlin", ".kts": "kotlin", ".scala": "scala", ".groovy": "groovy", ".gradle": "groovy",
    ".clj": "clojure", ".cljs": "clojure", ".c": "c", ".h": "c", ".cc": "c++", ".cpp": "c++", ".cxx": "c++",
    ".hh": "c++", ".hpp": "c++", ".hxx": "c++", ".cu": "cuda", ".cuh": "cuda", ".m": "objective-c",
    ".mm": "objective-c++", ".swift": "swift", ".cs": "c#", ".fs": "f#", ".vb": "visual basic", ".go": "go",
    ".rs": "rust", ".zig": "zig", ".d": "d", ".nim": "nim", ".rb": "ruby", ".php": "php", ".pl": "perl", ".pm": "perl",
    ".lua": "lua", ".sh": "shell", ".bash": "shell", ".zsh": "shell", ".fish": "fish", ".ps1": "powershell",
    ".bat": "batch", ".sql": "sql", ".r": "r", ".jl": "julia", ".hs": "haskell", ".ml": "ocaml", ".mli": "ocaml",
    ".ex": "elixir", ".exs": "elixir", ".erl": "erlang", ".dart": "dart", ".lisp": "common lisp", ".el": "emacs lisp",
    ".scm": "scheme", ".rkt": "racket", ".f90": "fortran", ".f95": "fortran", ".for": "fortran", ".pas": "pascal",
    ".asm": "assembly", ".s": "assembly", ".v": "verilog", ".sv": "systemverilog", ".vhd": "vhdl", ".vhdl": "vhdl",
    ".sol": "solidity", ".proto": "protocol buffers", ".cmake": "cmake", ".mk": "makefile", ".tcl": "tcl",
    ".awk": "awk", ".css": "css", ".scss": "scss", ".less": "less", ".graphql": "graphql", ".tf": "hcl", ".nix": "nix",
    ".cob": "cobol", ".ada": "ada", ".adb": "ada", ".ads": "ada", ".pro": "prolog", ".coffee": "coffeescript",
}  # fmt: skip
NAMES = {
    "dockerfile": "dockerfile", "containerfile": "dockerfile", "makefile": "makefile", "gnumakefile": "makefile",
    "cmakelists.txt": "cmake", "rakefile": "ruby", "gemfile": "ruby", "vagrantfile": "ruby", "jenkinsfile": "groovy",
    "justfile": "just",
}  # fmt: skip
KINDS = frozenset(SUFFIXES) | frozenset(NAMES)
_CPP = re.compile(r"^\s*(?:class|namespace|template\s*<|using\s+\w|public:|private:|protected:)|\bstd::", re.MULTILINE)
_OBJECTIVE_C = re.compile(r"^\s*(?:@interface|@implementation|@protocol|@import|@class|#import)\b", re.MULTILINE)
_MATLAB = re.compile(r"^\s*(?:function\b|%|end\b\s*;?$|\w+\s*=\s*\[)", re.MULTILINE)
_PROLOG = re.compile(r"^\s*:-|^[a-z]\w*\([^()\n]*\)\s*(?::-|\.\s*$)", re.MULTILINE)
_PERL = re.compile(r"^\s*(?:use |package |sub |my |our )|#!.*perl|[$@%]\w", re.MULTILINE)
HEAD_CHARS = 8192


def code_kind(name: str) -> str | None:
    """The key of SUFFIXES or NAMES for a file name in lower case, None for what is no source code.

    >>> code_kind("dockerfile.dev"), code_kind("a.min.js"), code_kind("notes.txt")
    ('dockerfile', '.js', None)
    """
    base = name.rpartition("/")[2]
    if base in NAMES:
        return base
    first = base.partition(".")[0]
    if first in ("dockerfile", "makefile") and f".{base.rpartition('.')[2]}" not in SUFFIXES:
        return first
    stem, dot, last = base.rpartition(".")
    return f".{last}" if stem and dot and f".{last}" in SUFFIXES else None


def language(kind: str, text: str) -> str | None:
    """The language of a file of this kind; None where the suffix is another format's as well and this is that."""
    head = text[:HEAD_CHARS]
    if kind == ".h":
        return "objective-c" if _OBJECTIVE_C.search(head) else "c++" if _CPP.search(head) else "c"
    if kind == ".m":
        return "objective-c" if _OBJECTIVE_C.search(head) or not _MATLAB.search(head) else "matlab"
    if kind == ".pl":
        return "prolog" if _PROLOG.search(head) and not _PERL.search(head) else "perl"
    if kind == ".ts" and head.lstrip()[:9].lower().startswith(("<?xml", "<!doctype")):
        return None  # translations of Qt
    return SUFFIXES.get(kind) or NAMES[kind]
