"""Texts in another language than the wanted ones, told as clean tells it (clean/rules/language.py)."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import opt
from aigc_cli.postprocess.rules import Check, Finding


@dataclass
class Options:
    """Language rule."""

    keep: list[str] = opt([], "Languages to keep, as two-letter codes: en, zh.")
    min_score: float = opt(0.3, "Confidence that the language needs; short texts have little.", min=0.0, max=1.0)


def make(options: Options) -> Check:
    """A check whose value is {"language", "score"}."""
    from aigc_cli.clean.rules.language import detect

    if not options.keep:
        raise ConfigError(
            "rules: language has no languages to keep", "write - language: {keep: [en]}, or --language en"
        )
    keep = [code.lower().partition("-")[0] for code in options.keep]

    def check(text: str, number: int) -> Finding:
        code, score = detect(text)
        value = {"language": code, "score": round(score, 4)}
        if code not in keep:
            return Finding(value, f"{code} ({score:.0%}), not {', '.join(keep)}")
        if score < options.min_score:
            return Finding(value, f"{code} with only {score:.0%}")
        return Finding(value)

    return check
