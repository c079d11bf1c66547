"""Texts with personal data, found as clean finds it (clean/rules/pii.py)."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.clean.rules import pii as clean_pii
from aigc_cli.postprocess.rules import Check, Finding


@dataclass
class Options(clean_pii.Options):
    """Personal data rule; the options are those of clean's rule."""


def make(options: Options) -> Check:
    """A check whose value is the number of finds by kind; the reason does not repeat what was found."""

    def check(text: str, number: int) -> Finding:
        _, found = clean_pii.redact(text, options)
        kinds = dict(sorted(found.items()))
        return Finding(kinds, "personal data: " + ", ".join(kinds) if kinds else "")

    return check
