"""The table of rules. A new rule is one file in this package and one line here.

A rule's module has `Options`, a dataclass; `STATS`, the numbers that it leaves in the documents' `stats`; and
`apply(batch, options) -> Outcome`. Where options must be given, `check(options)` raises ConfigError; a rule that reads
files has `prepare(options)`, called once before the work. The rules in GLOBAL compare documents with one another: their
modules have only options, and clean/dedup does the work.
"""

from __future__ import annotations

RULES: dict[str, str] = {
    "unicode": "aigc_cli.clean.rules.unicode",
    "whitespace": "aigc_cli.clean.rules.whitespace",
    "language": "aigc_cli.clean.rules.language",
    "length": "aigc_cli.clean.rules.length",
    "gopher_quality": "aigc_cli.clean.rules.gopher_quality",
    "gopher_repetition": "aigc_cli.clean.rules.gopher_repetition",
    "c4_quality": "aigc_cli.clean.rules.c4_quality",
    "c4_paragraphs": "aigc_cli.clean.rules.c4_paragraphs",
    "fineweb": "aigc_cli.clean.rules.fineweb",
    "urls": "aigc_cli.clean.rules.urls",
    "c4_badwords": "aigc_cli.clean.rules.c4_badwords",
    "decontaminate": "aigc_cli.clean.rules.decontaminate",
    "perplexity": "aigc_cli.clean.rules.perplexity",
    "pii": "aigc_cli.clean.rules.pii",
    "sentences": "aigc_cli.clean.rules.sentences",
    "paragraphs": "aigc_cli.clean.rules.paragraphs",
    "against": "aigc_cli.clean.rules.against",
    "exact": "aigc_cli.clean.rules.exact",
    "minhash": "aigc_cli.clean.rules.minhash",
}

PASSAGES = ("sentences", "paragraphs")  # those that compare parts of documents, before whole documents are compared
GLOBAL = (*PASSAGES, "against", "exact", "minhash")  # in the order in which they stand
