"""Stop words: English as Gopher lists them; other languages by the same idea, the commonest function words."""

from __future__ import annotations

STOP_WORDS: dict[str, tuple[str, ...]] = {
    # Source: Rae et al. 2021, appendix A.1.1.
    "en": ("the", "be", "to", "of", "and", "that", "have", "with"),
    # Modern and classical Chinese, simplified and traditional: one character is one word.
    "zh": tuple("的一是不了在人有我他这這个個们們来來到时時大地为為子中说說生国國年着著就那和要她出也得")
    + tuple("之其以而于於者無无"),
    "ja": tuple("のにはをたがでてとしれさるいもなかあっこ"),
    "ko": ("이", "그", "저", "것", "수", "등", "및", "있다", "있는", "하는", "한", "더", "또", "또는", "그리고"),
    "de": ("der", "die", "das", "und", "in", "zu", "den", "ist", "nicht", "von", "mit", "ein", "eine", "auf", "für"),
    "fr": ("le", "la", "les", "de", "des", "et", "à", "un", "une", "est", "que", "qui", "dans", "pour", "pas"),
    "es": ("el", "la", "los", "de", "que", "y", "en", "un", "una", "es", "se", "no", "por", "con", "para"),
    "it": ("il", "la", "di", "e", "che", "un", "una", "è", "per", "non", "in", "con", "del", "della", "si"),
    "pt": ("o", "a", "de", "que", "e", "do", "da", "em", "um", "uma", "para", "com", "não", "os", "se"),
    "nl": ("de", "het", "een", "en", "van", "in", "is", "dat", "op", "te", "niet", "met", "voor", "zijn"),
    "ru": ("и", "в", "не", "на", "что", "с", "он", "как", "это", "по", "но", "из", "к", "за", "от", "для"),
}
