"""Unambiguous English and Chinese swear words, also when they are disguised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from aigc_cli.clean.profanity import ENDINGS, builtin, normalise, parse
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import opt
from aigc_cli.postprocess.lines import IS_HAN
from aigc_cli.postprocess.rules import Check, Finding

LOOKALIKES = {"a": "4@", "b": "8", "c": "(", "e": "3", "g": "9", "i": "1!|l", "l": "1|i", "o": "0", "s": "5$z",
              "t": "7+", "u": "v", "z": "2"}  # fmt: skip
_ENDING = f"(?:{'|'.join(ENDINGS)})?"
APART = r"[\s.\-_*]{1,2}"  # between the letters of a word that is spelled out


@dataclass
class Options:
    """Profanity rule."""

    words: Path | None = opt(None, "File of further words, one a line; * at the end matches English endings.")
    builtin: bool = opt(True, "Use the built-in list.")


def make(options: Options) -> Check:
    """A check whose value is the list of words found, as they stand in the text."""
    found = read_words(options.words) if options.words is not None else []
    if options.builtin:
        found = builtin() + found
    if not found:
        raise ConfigError("rules: profanity has no words", "give words: FILE, or builtin: true")
    pattern = compile_words(found)

    def check(text: str, number: int) -> Finding:
        hits = list(dict.fromkeys(m[0].strip() for m in pattern.finditer(normalise(text)) if _is_word(m[0])))
        return Finding(hits, f"swear words: {', '.join(hits[:3])}" if hits else "")

    return check


def read_words(path: Path) -> list[str]:
    """The words of a file. Raises ConfigError when it cannot be read."""
    try:
        return parse(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the word list {path} cannot be read: {error}", "give a UTF-8 text file, one word a line"
        ) from error


def compile_words(found: list[str]) -> re.Pattern[str]:
    """One pattern for all words; it is to be searched in normalised text."""
    han = [_han(word) for word in found if IS_HAN.search(word)]
    latin = [_latin(word) for word in found if not IS_HAN.search(word)]
    parts = [*han, rf"(?<![a-z0-9])(?:{'|'.join(latin)})(?![a-z0-9])"] if latin else han
    return re.compile("|".join(parts))


def _han(word: str) -> str:
    """A Han word, its characters perhaps apart; a comma between them makes them two clauses."""
    return r"[ .\-_*·]?".join(re.escape(c) for c in word.rstrip("*"))


def _latin(word: str) -> str:
    """A Latin word, written plainly (letters stretched, read from look-alikes, starred inside) or spelled out."""
    stem, ending = word.rstrip("*"), _ENDING if word.endswith("*") else ""
    runs = [m[0] for m in re.finditer(r"(.)\1*", stem)]
    plain = ""
    for i, run in enumerate(runs):
        inner = "*" if 0 < i < len(runs) - 1 else ""
        letter = (
            re.escape(run[0]) if not run[0].isalnum() else f"[{re.escape(run[0] + LOOKALIKES.get(run[0], '') + inner)}]"
        )
        plain += letter + ("+" if len(run) == 1 else f"{{{len(run)},}}")
    spelled = APART.join(f"[{re.escape(c + LOOKALIKES.get(c, ''))}]" for c in stem)
    return f"(?:{plain}{ending}|{spelled})" if " " not in stem else plain


def _is_word(hit: str) -> bool:
    """Whether a hit has letters enough to be a word: "455" and "5 # 1 7" are numbers."""
    return sum(c.isalpha() for c in hit) * 2 >= sum(not c.isspace() for c in hit.replace(".", "").replace("-", ""))
